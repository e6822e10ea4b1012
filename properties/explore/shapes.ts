import type { Machine } from '../../abi/machine.js';
import type { Word } from '../../abi/word.js';
import { isPaged } from '../../model/registers.js';
import type { State } from '../../model/state.js';
import { wordAt, type Content } from '../../values/content.js';
import { put } from '../../values/keyed.js';
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

  /** Where a state stands that a step led to, from one with tokens or with contents. */
  standingOf(state: State): Standing {
    let least: string | undefined;
    let ways: { readonly renaming: number; readonly numbering: Numbering }[] = [];
    const { isByPlace, linears } = this.#how;
    for (const [renaming, by] of this.renamings.entries()) {
      const parts = this.#parts.of(state, renaming);
      const numbering = isByPlace
        ? numberedByPlace(state, by, parts)
        : numberedByName(state, this.slots);
      const key = encoded(state, by, parts, numbering, linears);
      if (least !== undefined && key > least) continue;
      if (key !== least) ways = [];
      least = key;
      ways.push({ renaming, numbering });
    }
    const [first] = ways;
    if (least === undefined || first === undefined) throw new Error('there is no renaming');
    const shape = this.#numbers.get(least) ?? this.#added(least, state, first);
    const patch = this.patches.patchOf(
      ways.map(({ renaming, numbering }) => this.#way(state, renaming, numbering)),
    );
    return { shape, patch };
  }

  #added(
    key: string,
    state: State,
    { renaming, numbering }: { readonly renaming: number; readonly numbering: Numbering },
  ): number {
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

function withContents(state: State, contentAt: (slot: number) => Content): State {
  let { pages } = state;
  for (const [name, page] of entries(pages))
    pages = put(pages, name, { ...page, content: contentAt(name) });
  return { ...state, pages };
}
