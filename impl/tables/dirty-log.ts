import type { Gfn } from '../../abi/ids.js';

/** The gfns of one domain that were written since the log was started or cleaned (p2m.md 4.17). */
export class DirtyLog {
  readonly #gfns = new Set<Gfn>();

  has(gfn: Gfn): boolean {
    return this.#gfns.has(gfn);
  }

  note(gfn: Gfn): void {
    this.#gfns.add(gfn);
  }

  clean(): void {
    this.#gfns.clear();
  }

  /** Ascending. */
  gfns(): Gfn[] {
    return [...this.#gfns].toSorted((one, other) => one - other);
  }
}
