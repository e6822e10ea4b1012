import type { Fallible } from '../abi/step.js';

/**
 * What the toolstack wants to see fail: of each kind, how many tries are left until one does, 0 for
 * none. Whoever allocates or updates asks here first, and goes the way of one who got nothing.
 */
export class Failing {
  readonly #left = { page: 0, table: 0, grant_frame: 0, entry: 0 };

  /** Of each kind, the tries that are left until one fails. */
  left(): Readonly<Record<Fallible, number>> {
    return { ...this.#left };
  }

  /** The `after`-th try from now on fails. */
  arm(what: Fallible, after: number): void {
    this.#left[what] = after;
  }

  /** One try: whether it is the one that fails. */
  strikes(what: Fallible): boolean {
    if (this.#left[what] === 0) return false;
    this.#left[what] -= 1;
    return this.#left[what] === 0;
  }
}
