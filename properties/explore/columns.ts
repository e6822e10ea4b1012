/** Numbers in typed arrays that grow, for what there are millions of. */

type Column = Uint32Array | Uint16Array | Int32Array;

/** An element that is known to be there. */
export const numberAt = (column: Column, index: number): number => column[index] ?? 0;

/** A list of unsigned numbers of 32 bits. */
export class Words {
  length = 0;
  #column = new Uint32Array(1024);

  get bytes(): number {
    return this.#column.byteLength;
  }

  at(index: number): number {
    return numberAt(this.#column, index);
  }

  set(index: number, value: number): void {
    this.#column[index] = value;
  }

  push(value: number): void {
    if (this.length === this.#column.length) this.#grow(2 * this.length);
    this.#column[this.length++] = value;
  }

  /** The numbers so far, as they are in memory. */
  view(): Uint32Array {
    return this.#column.subarray(0, this.length);
  }

  #grow(length: number): void {
    const larger = new Uint32Array(length);
    larger.set(this.#column);
    this.#column = larger;
  }
}

/** Where rows are found by what is in them: open addressing, numbers of rows from 1 on in the slots. */
export class Index {
  #slots = new Uint32Array(2048);
  #mask = 2047;
  #count = 0;

  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** The row in a slot, or -1 for an empty slot; slots go round. */
  rowAt(slot: number): number {
    return numberAt(this.#slots, slot & this.#mask) - 1;
  }

  /** Puts a row into a slot that was found empty. `hashOf` is asked where all rows have to move. */
  put(slot: number, row: number, hashOf: (row: number) => number): void {
    this.#slots[slot & this.#mask] = row + 1;
    this.#count++;
    if (this.#count * 4 < this.#slots.length * 3) return;
    const former = this.#slots;
    this.#slots = new Uint32Array(former.length * 2);
    this.#mask = this.#slots.length - 1;
    for (const held of former) {
      if (held === 0) continue;
      let at = hashOf(held - 1) & this.#mask;
      while (numberAt(this.#slots, at) !== 0) at = (at + 1) & this.#mask;
      this.#slots[at] = held;
    }
  }
}

/** One number more into a hash. */
export const mixed = (hash: number, value: number): number => {
  const h = Math.imul(hash ^ value, 0x9e37_79b1);
  return h ^ (h >>> 15);
};

/** A hash whose low bits hang on all of it. */
export const finished = (hash: number): number => {
  const h = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return (h ^ (h >>> 13)) >>> 0;
};
