import { finished, Index, mixed } from './columns.js';

/** What all pages hold, by number: the number of the content in each slot. */
export class Memories {
  readonly slots: number;
  count = 0;
  #rows: Uint16Array;
  readonly #index = new Index();
  readonly #hashOf = (row: number): number => this.#hash(this.#rows, row * this.slots);

  constructor(slots: number) {
    this.slots = slots;
    this.#rows = new Uint16Array(slots * 256);
  }

  get bytes(): number {
    return this.#rows.byteLength + this.#index.bytes;
  }

  /** All rows, one after the other; an even number of them may be read as words. */
  view(): Uint16Array {
    const length = this.count * this.slots;
    return this.#rows.slice(0, length + (length % 2));
  }

  /** Puts the rows of a view back into empty tables. */
  restore(rows: Uint16Array): void {
    for (let row = 0; (row + 1) * this.slots <= rows.length; row++)
      this.numberOf(rows.subarray(row * this.slots, (row + 1) * this.slots));
  }

  at(memory: number, slot: number): number {
    return this.#rows[memory * this.slots + slot] ?? 0;
  }

  /** The number of a row of contents, a new one if it is new. */
  numberOf(contents: Uint16Array): number {
    const hash = this.#hash(contents, 0);
    let slot = hash;
    for (let row = this.#index.rowAt(slot); row >= 0; row = this.#index.rowAt(++slot))
      if (this.#isSame(row, contents)) return row;
    const row = this.count++;
    if ((row + 1) * this.slots >= this.#rows.length) {
      const larger = new Uint16Array(this.#rows.length * 2);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    this.#rows.set(contents, row * this.slots);
    this.#index.put(slot, row, this.#hashOf);
    return row;
  }

  #isSame(row: number, contents: Uint16Array): boolean {
    const from = row * this.slots;
    for (let i = 0; i < this.slots; i++) if (this.#rows[from + i] !== contents[i]) return false;
    return true;
  }

  #hash(row: Uint16Array, from: number): number {
    let hash = 0;
    for (let i = 0; i < this.slots; i++) hash = mixed(hash, row[from + i] ?? 0);
    return finished(hash);
  }
}
