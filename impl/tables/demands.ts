import { Gfn } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import { numberAt } from './column.js';

const FORGOTTEN = -1;

/** What one domain has for gfns that are populated on demand (p2m.md 2.7). */
export class Demands {
  /** Entries of its p2m that are populated on demand. */
  gaps = 0;
  /** Those of them that were taken for a frame's place, and are gaps no more (`withdraw`). */
  miscounted = 0;
  /** Frames kept for them, the oldest first: allocated to the domain, at no gfn, zero at first. */
  readonly kept: Mfn[] = [];
  /** The highest gfn that was populated. */
  highest = Gfn(0);
  /** Where the next sweep begins, downwards; 0: at the highest. */
  sweepFrom = Gfn(0);
  readonly #recent: Float64Array;
  #next = 0;

  constructor(remembered: number) {
    this.#recent = new Float64Array(remembered).fill(FORGOTTEN);
  }

  /** How many populated gfns can be remembered. */
  remembered(): number {
    return this.#recent.length;
  }

  /** The gfns that are remembered, the oldest first; undefined is forgotten. */
  recent(): (Gfn | undefined)[] {
    const { length } = this.#recent;
    return Array.from({ length }, (_, age) => {
      const gfn = numberAt(this.#recent, (this.#next + age) % length);
      return gfn === FORGOTTEN ? undefined : Gfn(gfn);
    });
  }

  /** Takes the oldest frame. */
  take(): Mfn | undefined {
    return this.kept.shift();
  }

  /** A gfn was populated: the oldest that is remembered is forgotten for it. */
  note(gfn: Gfn): void {
    this.#recent[this.#next] = gfn;
    this.#next = (this.#next + 1) % this.#recent.length;
    if (gfn > this.highest) this.highest = gfn;
  }

  /** Forgets the gfn that is so many younger than the oldest, and answers it. */
  forget(age: number): Gfn | undefined {
    const slot = (this.#next + age) % this.#recent.length;
    const gfn = numberAt(this.#recent, slot);
    this.#recent[slot] = FORGOTTEN;
    return gfn === FORGOTTEN ? undefined : Gfn(gfn);
  }
}
