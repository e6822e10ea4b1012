import type { Gfn } from '../../abi/ids.js';
import { numberAt, signedAt } from './column.js';
import { leafFrom } from './p2m-entry.js';
import type { Leaf } from './p2m-entry.js';

/** What `find` answers for a gfn it does not hold. */
export const MISS: Leaf = leafFrom(-2);
const LINES = 16;
const EMPTY = -1;

/**
 * A few translations of one domain's p2m, direct mapped, holes included. It has no meaning, only
 * speed: every change of the p2m drops the gfn from it before the change is seen (N1).
 */
export class P2mCache {
  readonly #gfn = new Float64Array(LINES).fill(EMPTY);
  readonly #leaf = new Int32Array(LINES);

  find(gfn: Gfn): Leaf {
    const line = gfn & (LINES - 1);
    if (numberAt(this.#gfn, line) !== gfn) return MISS;
    return leafFrom(signedAt(this.#leaf, line));
  }

  fill(gfn: Gfn, found: Leaf): void {
    const line = gfn & (LINES - 1);
    this.#gfn[line] = gfn;
    this.#leaf[line] = found;
  }

  drop(gfn: Gfn): void {
    const line = gfn & (LINES - 1);
    if (numberAt(this.#gfn, line) !== gfn) return;
    this.#gfn[line] = EMPTY;
  }

  dropAll(): void {
    this.#gfn.fill(EMPTY);
  }

  /** Calls back for each translation held. */
  forEach(visit: (gfn: number, found: Leaf) => void): void {
    for (let line = 0; line < LINES; line += 1) {
      const gfn = numberAt(this.#gfn, line);
      if (gfn !== EMPTY) visit(gfn, leafFrom(signedAt(this.#leaf, line)));
    }
  }
}
