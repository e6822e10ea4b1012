import { finished, Index, mixed, Words } from './columns.js';

/**
 * The states that were met, in the order in which they were: a number for everything but the contents of
 * pages, a number for these, and from which state it was reached by which act. Both numbers are exact, so
 * nothing is left out by accident.
 */
export class Visited {
  readonly shapes = new Words();
  readonly memories = new Words();
  readonly parents = new Words();
  /** The act, and above its 16 bits which of the outcomes that are allowed. */
  readonly ways = new Words();
  readonly #index = new Index();
  readonly #hashOf = (row: number): number => hashed(this.shapes.at(row), this.memories.at(row));

  get count(): number {
    return this.shapes.length;
  }

  get bytes(): number {
    const { shapes, memories, parents, ways } = this;
    return shapes.bytes + memories.bytes + parents.bytes + ways.bytes + this.#index.bytes;
  }

  /** True where the state is new. */
  add(shape: number, memory: number, parent: number, way: number): boolean {
    let slot = hashed(shape, memory);
    for (let row = this.#index.rowAt(slot); row >= 0; row = this.#index.rowAt(++slot))
      if (this.shapes.at(row) === shape && this.memories.at(row) === memory) return false;
    const row = this.count;
    this.shapes.push(shape);
    this.memories.push(memory);
    this.parents.push(parent);
    this.ways.push(way);
    this.#index.put(slot, row, this.#hashOf);
    return true;
  }

  indexOf(shape: number, memory: number): number {
    let slot = hashed(shape, memory);
    for (let row = this.#index.rowAt(slot); row >= 0; row = this.#index.rowAt(++slot))
      if (this.shapes.at(row) === shape && this.memories.at(row) === memory) return row;
    return -1;
  }
}

const hashed = (shape: number, memory: number): number => finished(mixed(mixed(0, shape), memory));
