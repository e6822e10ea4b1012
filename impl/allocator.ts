import { Mfn } from '../abi/ids.js';
import { assert } from './assert.js';
import type { Ram } from './hardware/ram.js';
import type { FrameTable } from './tables/frame-table.js';

/**
 * Hands out the frames of one run of machine memory. A frame that is given back is scrubbed before
 * anyone can have it again, so every free frame is zero: the ones never handed out because memory
 * starts that way. The frame given back last is handed out first, which makes a dangling
 * translation show at once.
 */
export class FrameShare {
  readonly first: number;
  readonly frameCount: number;
  readonly #ram: Ram;
  readonly #frames: FrameTable;
  readonly #returned: Mfn[] = [];
  #untouched: number;

  constructor(ram: Ram, frames: FrameTable, first: number, frameCount: number) {
    this.#ram = ram;
    this.#frames = frames;
    this.first = first;
    this.frameCount = frameCount;
    this.#untouched = first;
  }

  freeCount(): number {
    return this.#returned.length + (this.first + this.frameCount - this.#untouched);
  }

  /** Frames from here on have never been handed out. */
  untouchedFrom(): number {
    return this.#untouched;
  }

  /** A zero frame without owner, or undefined when the share is used up. */
  take(): Mfn | undefined {
    const mfn = this.#next();
    if (mfn === undefined) return undefined;
    this.#frames.take(mfn);
    return mfn;
  }

  /**
   * Frames in a row, of which the first is a multiple of their number, are the next to be handed out,
   * if there are any such that are free; answers whether. What is passed over on the way to them is handed
   * out last.
   */
  offerRun(size: number): boolean {
    const first = this.#freeRun(size);
    if (first === undefined) return false;
    const isOutside = (mfn: Mfn): boolean => mfn < first || mfn >= first + size;
    const others = this.#returned.filter(isOutside);
    this.#returned.length = 0;
    const reached = Math.max(first + size, this.#untouched);
    for (let mfn = first - 1; mfn >= this.#untouched; mfn -= 1) this.#returned.push(Mfn(mfn));
    this.#untouched = reached;
    for (const mfn of others) this.#returned.push(mfn);
    for (let mfn = first + size - 1; mfn >= first; mfn -= 1) this.#returned.push(Mfn(mfn));
    return true;
  }

  #freeRun(size: number): number | undefined {
    const end = this.first + this.frameCount;
    for (let start = Math.ceil(this.first / size) * size; start + size <= end; start += size) {
      let free = 0;
      while (free < size && this.#frames.isFree(Mfn(start + free))) free += 1;
      if (free === size) return start;
    }
    return undefined;
  }

  /** A frame comes back. Nothing holds it any more. */
  giveBack(mfn: Mfn): void {
    assert(mfn >= this.first && mfn < this.#untouched, 'a frame goes back where it came from');
    this.#frames.free(mfn);
    this.#ram.scrub(mfn);
    this.#returned.push(mfn);
  }

  #next(): Mfn | undefined {
    const returned = this.#returned.pop();
    if (returned !== undefined) return returned;
    if (this.#untouched === this.first + this.frameCount) return undefined;
    this.#untouched += 1;
    return Mfn(this.#untouched - 1);
  }
}
