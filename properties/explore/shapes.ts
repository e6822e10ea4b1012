import type { Machine } from '../../abi/machine.js';
import type { Word } from '../../abi/word.js';
import { isPaged } from '../../model/registers.js';
import type { State } from '../../model/state.js';
import { wordAt, type Content } from '../../values/content.js';
import { count, forEach, get, put } from '../../values/keyed.js';
import { areEqual } from '../../values/words.js';
import { entries } from '../keyed-entries.js';
import { renamedTable } from './acted.js';
import type { Bound } from './bound.js';
import { Contents } from './contents.js';
import { encoded } from './encode.js';
import { Memories } from './memories.js';
import { numberedByName, numberedByPlace, pageAt, type Numbering } from './numbering.js';
import { Parts } from './parts.js';
import { Patches, type Patch, type Way } from './patch.js';
import { renamedState } from './renamed.js';
import { unchanged, type Renaming } from './renaming.js';
import { Tokens } from './tokens.js';

/** What a state is encoded for. */
export interface Encoding {
  /** The linear addresses that guests use. */
  readonly linears: readonly Word[];
  /** Names of pages and handles, and those that the bound says, mean nothing. */
  readonly isByPlace: boolean;
}

/** The linear addresses in the acts of a bound, once each. */
export const linearsOf = ({ acts }: Bound): readonly Word[] => {
  const all = acts.flatMap((act) => ('linear' in act ? [act.linear] : []));
  return all.filter((word, i) => all.findIndex((other) => areEqual(word, other)) === i);
};

/** A state but for the contents of its pages, which are tokens. */
export interface Shape {
  readonly state: State;
  /** What its vcpus remember hangs on contents, so tokens will not do. */
  readonly isPaged: boolean;
}

/** How a state stands in the tables of the search: its shape, and what to do to the memory before it. */
export interface Standing {
  readonly shape: number;
  readonly patch: Patch;
}

/** One of the namings under which a state has its least text. */
interface Named {
  readonly renaming: number;
  readonly numbering: Numbering;
}
interface Placed {
  readonly key: string;
  readonly ways: [Named, ...Named[]];
}

/** The states that were met, taken to pieces that many of them share. */
export class Shapes {
  readonly slots: number;
  readonly contents = new Contents();
  readonly memories: Memories;
  readonly patches: Patches;
  readonly tokens: Tokens;
  /** What tokens stand for, by slot. */
  readonly now: Content[] = [];
  readonly renamings: readonly Renaming[];
  readonly #numbers = new Map<string, number>();
  readonly #shapes: Shape[] = [];
  readonly #how: Encoding;
  readonly #parts: Parts;
  readonly #machine: Machine;
  readonly #renamed = new Map<number, number>();
  /** How a shape is named by itself, where that was asked for. */
  readonly #own: (Placed | undefined)[] = [];

  constructor(machine: Machine, slots: number, how: Encoding, renamings: readonly Renaming[]) {
    this.#machine = machine;
    this.slots = slots;
    this.#how = how;
    this.renamings = how.isByPlace ? renamings : [unchanged];
    this.#parts = new Parts(this.renamings, how.isByPlace);
    this.tokens = new Tokens(slots, (slot, word) => wordAt(this.now[slot], word));
    this.memories = new Memories(slots);
    this.patches = new Patches(this.memories, {
      compare: (a, b) => this.contents.compare(a, b),
      written: (content, writes) => this.contents.written(content, writes),
      renamed: (content, of, renaming) => this.#renamedTable(content, of, renaming),
    });
  }

  get count(): number {
    return this.#shapes.length;
  }

  shapeOf(number: number): Shape {
    const shape = this.#shapes[number];
    if (shape === undefined) throw new RangeError(`there is no shape ${number}`);
    return shape;
  }

  /** Makes tokens stand for a memory. */
  remember(memory: number): void {
    for (let slot = 0; slot < this.slots; slot++)
      this.now[slot] = this.contents.valueOf(this.memories.at(memory, slot));
  }

  /** What a word holds; `place` is slot * 1024 + word. */
  wordAt(memory: number, place: number): number {
    const content = this.memories.at(memory, place >>> 10);
    return this.contents.wordOf(content, place & 0x3ff);
  }

  /** A state as the spec knows it. */
  stateOf(shape: number, memory: number): State {
    const { state } = this.shapeOf(shape);
    return withContents(state, (slot) => this.contents.valueOf(this.memories.at(memory, slot)));
  }

  /**
   * Where a state stands that a step led to, from one with tokens or with contents. A step that changed
   * contents only, of a state of the shape that is given, leaves it in its shape.
   */
  standingOf(state: State, from?: number): Standing {
    const former = from === undefined ? undefined : this.shapeOf(from);
    if (from !== undefined && former !== undefined && hasShapeOf(state, former.state)) {
      const { ways } = (this.#own[from] ??= this.#placed(former.state));
      return { shape: from, patch: this.#patchOf(state, ways) };
    }
    const { key, ways } = this.#placed(state);
    const shape = this.#numbers.get(key) ?? this.#added(key, state, ways[0]);
    return { shape, patch: this.#patchOf(state, ways) };
  }

  /** The least text that a state has under any names, and all names under which it has it. */
  #placed(state: State): Placed {
    const { isByPlace, linears } = this.#how;
    let least: Placed | undefined;
    for (const [renaming, by] of this.renamings.entries()) {
      const parts = this.#parts.of(state, renaming);
      const numbering = isByPlace
        ? numberedByPlace(state, by, parts)
        : numberedByName(state, this.slots);
      const key = encoded(state, by, parts, numbering, linears);
      const named = { renaming, numbering };
      if (least === undefined || key < least.key) least = { key, ways: [named] };
      else if (key === least.key) least.ways.push(named);
    }
    if (least === undefined) throw new Error('there is no renaming');
    return least;
  }

  #patchOf(state: State, ways: readonly Named[]): Patch {
    return this.patches.patchOf(
      ways.map(({ renaming, numbering }) => this.#way(state, renaming, numbering)),
    );
  }

  #added(key: string, state: State, { renaming, numbering }: Named): number {
    const by = this.renamings[renaming] ?? unchanged;
    const renamed = renamedState(state, by, numbering, this.#how.isByPlace, this.slots);
    const isOfPaging = entries(renamed.domains).some(([, { vcpus }]) => vcpus.some(isPaged));
    const number = this.#shapes.length;
    this.#shapes.push({
      state: withContents(renamed, (slot) => this.tokens.at(slot)),
      isPaged: isOfPaging,
    });
    this.#numbers.set(key, number);
    return number;
  }

  #way(state: State, renaming: number, numbering: Numbering): Way {
    const sources: number[] = [];
    const writes: number[] = [];
    const tables: number[] = [];
    for (let slot = 0; slot < this.slots; slot++) {
      const page = pageAt(state, numbering, slot);
      const origin = this.tokens.originOf(page?.content);
      sources.push(origin?.slot ?? ~this.contents.numberOf(page?.content));
      const isWritten = origin !== undefined && origin.words.length > 0;
      writes.push(isWritten ? this.contents.writesOf(origin.words) : -1);
      const isTable = renaming > 0 && page?.use === 'grant_frame';
      tables.push(isTable ? page.owner : -1);
    }
    return { renaming, sources, writes, tables, alike: numbering.alike };
  }

  #renamedTable(content: number, of: number, renaming: number): number {
    const key = (content * 64 + of) * 2 ** 16 + renaming;
    const known = this.#renamed.get(key);
    if (known !== undefined) return known;
    const by = this.renamings[renaming] ?? unchanged;
    const value = renamedTable(this.contents.valueOf(content), of, by, this.#machine);
    const number = this.contents.numberOf(value);
    this.#renamed.set(key, number);
    return number;
  }
}

/** Whether two states differ in contents of pages at most. */
function hasShapeOf(state: State, other: State): boolean {
  if (state.domains !== other.domains || state.windows !== other.windows) return false;
  if (state.failing !== other.failing) return false;
  let isSame = true;
  let pages = 0;
  forEach(state.pages, ({ owner, use, allocated, frame }, name) => {
    const page = get(other.pages, name);
    pages++;
    isSame &&= page?.owner === owner && page.use === use;
    isSame &&= page?.allocated === allocated && page.frame === frame;
  });
  return isSame && pages === count(other.pages, () => true);
}

function withContents(state: State, contentAt: (slot: number) => Content): State {
  let { pages } = state;
  for (const [name, page] of entries(pages))
    pages = put(pages, name, { ...page, content: contentAt(name) });
  return { ...state, pages };
}
