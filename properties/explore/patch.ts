import type { Memories } from './memories.js';

/**
 * What becomes of the contents of pages: for each slot the slot that it comes from, or a content by its
 * number. Where names mean nothing there may be several ways to name what a step led to that differ in
 * contents only: the least of them is taken.
 */
export interface Patch {
  readonly number: number;
  readonly ways: readonly Way[];
  /** Every slot stays what it was. */
  readonly isNothing: boolean;
}

export interface Way {
  /** Which of the bound's renamings it is. */
  readonly renaming: number;
  /** By slot: a slot from 0 up, or `~content`. */
  readonly sources: readonly number[];
  /** By slot: which words are written besides, by the number of their list; -1 for none. */
  readonly writes: readonly number[];
  /** By slot: whose grant table it is, under the former name; -1 for no table. */
  readonly tables: readonly number[];
  /** Slots that may exchange their contents. */
  readonly alike: readonly (readonly number[])[];
}

/** What a patch needs to know of contents. */
export interface ContentOrder {
  /** Below, above or equal 0, whatever the numbers of the contents are. */
  compare(one: number, other: number): number;
  /** A content after words were written to it. */
  written(content: number, writes: number): number;
  /** A grant table of a domain under other names. */
  renamed(content: number, of: number, renaming: number): number;
}

/** Carries out patches, and keeps what has come of the latest. */
export class Patches {
  readonly #memories: Memories;
  readonly #order: ContentOrder;
  readonly #known = new Map<string, Patch>();
  readonly #cached = new Int32Array(3 * CACHED).fill(-1);
  #scratch: Uint16Array;
  #best: Uint16Array;

  constructor(memories: Memories, order: ContentOrder) {
    this.#memories = memories;
    this.#order = order;
    this.#scratch = new Uint16Array(memories.slots);
    this.#best = new Uint16Array(memories.slots);
  }

  get count(): number {
    return this.#known.size;
  }

  patchOf(ways: readonly Way[]): Patch {
    const key = JSON.stringify(ways);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const [first] = ways;
    const isNothing =
      ways.length === 1 &&
      first?.renaming === 0 &&
      first.alike.length === 0 &&
      first.sources.every((source, slot) => source === slot) &&
      first.writes.every((list) => list < 0);
    const patch = { number: this.#known.size, ways, isNothing };
    this.#known.set(key, patch);
    return patch;
  }

  /** The memory after a patch. */
  applied(patch: Patch, memory: number): number {
    if (patch.isNothing) return memory;
    const cached = this.#cached;
    const at = 3 * (((Math.imul(patch.number, 0x9e37_79b1) ^ memory) >>> 0) % CACHED);
    if (cached[at] === patch.number && cached[at + 1] === memory) return cached[at + 2] ?? 0;
    this.#choose(patch, memory);
    const after = this.#memories.numberOf(this.#best);
    cached[at] = patch.number;
    cached[at + 1] = memory;
    cached[at + 2] = after;
    return after;
  }

  /** The renaming of the way that is taken. */
  renamingOf(patch: Patch, memory: number): number {
    return this.#choose(patch, memory).renaming;
  }

  #choose(patch: Patch, memory: number): Way {
    let chosen: Way | undefined;
    for (const way of patch.ways) {
      this.#fill(way, memory);
      if (chosen !== undefined && this.#compare() >= 0) continue;
      chosen = way;
      [this.#scratch, this.#best] = [this.#best, this.#scratch];
    }
    if (chosen === undefined) throw new Error('a patch has at least one way');
    return chosen;
  }

  #fill({ renaming, sources, writes, tables, alike }: Way, memory: number): void {
    const scratch = this.#scratch;
    const order = this.#order;
    for (let slot = 0; slot < scratch.length; slot++) {
      const source = sources[slot] ?? ~0;
      const origin = source < 0 ? ~source : this.#memories.at(memory, source);
      const list = writes[slot] ?? -1;
      const content = list < 0 ? origin : order.written(origin, list);
      const of = tables[slot] ?? -1;
      scratch[slot] = of < 0 || content === 0 ? content : order.renamed(content, of, renaming);
    }
    for (const slots of alike) {
      const sorted = slots.map((slot) => scratch[slot] ?? 0);
      sorted.sort((a, b) => order.compare(a, b));
      for (const [i, slot] of slots.entries()) scratch[slot] = sorted[i] ?? 0;
    }
  }

  #compare(): number {
    for (let slot = 0; slot < this.#scratch.length; slot++) {
      const [one, other] = [this.#scratch[slot] ?? 0, this.#best[slot] ?? 0];
      if (one !== other) return this.#order.compare(one, other);
    }
    return 0;
  }
}

/** A power of two. */
const CACHED = 2 ** 18;
