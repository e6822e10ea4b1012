import { assert } from '../assert.js';
import { byteAt, numberAt, signedAt } from '../tables/column.js';
import type { ShadowPool } from './pool.js';
import { NO_SHADOW, pagesOf } from './types.js';

/** No shadow: what a lookup finds that finds none. */
export const NONE = -1;
const MOST_PAGES = 4;

/**
 * What is known about each page of the pool. A shadow is named by its first page; the columns of a
 * shadow (key, count, pinned, the lists) are those of that page (p2m.md 4.2).
 */
export class ShadowPages {
  readonly pageCount: number;
  readonly #pool: ShadowPool;
  /** Of every page: `NO_SHADOW` while it is free. */
  readonly #type: Uint8Array;
  readonly #head: Int32Array;
  readonly #part: Uint8Array;
  /** The pages of a shadow, four places for each. */
  readonly #pages: Int32Array;
  readonly #key: Float64Array;
  readonly #count: Int32Array;
  readonly #pinned: Uint8Array;
  /** Pinned shadows, used last first. */
  readonly #newer: Int32Array;
  readonly #older: Int32Array;
  #newest = NONE;
  #oldest = NONE;

  constructor(pool: ShadowPool) {
    const { pageCount } = pool;
    this.pageCount = pageCount;
    this.#pool = pool;
    this.#type = new Uint8Array(pageCount);
    this.#head = new Int32Array(pageCount);
    this.#part = new Uint8Array(pageCount);
    this.#pages = new Int32Array(pageCount * MOST_PAGES);
    this.#key = new Float64Array(pageCount);
    this.#count = new Int32Array(pageCount);
    this.#pinned = new Uint8Array(pageCount);
    this.#newer = new Int32Array(pageCount).fill(NONE);
    this.#older = new Int32Array(pageCount).fill(NONE);
  }

  /** Of any page; `NO_SHADOW` for a free one. */
  typeOf(page: number): number {
    return byteAt(this.#type, page);
  }
  /** The shadow that a page belongs to, and the how many'th page of it it is. */
  headOf(page: number): number {
    return signedAt(this.#head, page);
  }
  partOf(page: number): number {
    return byteAt(this.#part, page);
  }
  pageOf(shadow: number, part: number): number {
    return signedAt(this.#pages, shadow * MOST_PAGES + part);
  }
  isShadow(page: number): boolean {
    return this.typeOf(page) !== NO_SHADOW && this.headOf(page) === page;
  }
  /** The frame of the guest's table; of pieces of a superpage, its first gfn. */
  keyOf(shadow: number): number {
    return numberAt(this.#key, shadow);
  }
  countOf(shadow: number): number {
    return signedAt(this.#count, shadow);
  }
  isPinned(shadow: number): boolean {
    return byteAt(this.#pinned, shadow) !== 0;
  }

  /** A new shadow that nothing holds yet. The pool has room for it. */
  make(type: number, key: number): number {
    const pages = pagesOf(type);
    const shadow = this.#pool.take();
    for (let part = 0; part < pages; part += 1) {
      const page = part === 0 ? shadow : this.#pool.take();
      this.#type[page] = type;
      this.#head[page] = shadow;
      this.#part[page] = part;
      this.#pages[shadow * MOST_PAGES + part] = page;
    }
    this.#key[shadow] = key;
    this.#count[shadow] = 0;
    return shadow;
  }

  /** Gives the pages of a shadow back: it is empty and nothing holds it. */
  free(shadow: number): void {
    assert(this.countOf(shadow) === 0, 'a shadow that is freed is held by nothing');
    const pages = pagesOf(this.typeOf(shadow));
    for (let part = pages - 1; part >= 0; part -= 1) {
      const page = this.pageOf(shadow, part);
      this.#type[page] = NO_SHADOW;
      this.#pool.giveBack(page);
    }
  }

  hold(shadow: number): void {
    this.#count[shadow] = this.countOf(shadow) + 1;
  }
  /** One hold less; answers how many are left. */
  letGo(shadow: number): number {
    assert(this.countOf(shadow) > 0, 'a shadow that is let go was held');
    this.#count[shadow] = this.countOf(shadow) - 1;
    return this.countOf(shadow);
  }

  /** The shadow was used as a root: it is pinned, and the last to be unpinned for want of room. */
  pin(shadow: number): void {
    if (this.isPinned(shadow)) {
      this.#unlink(shadow);
    } else {
      this.#pinned[shadow] = 1;
      this.hold(shadow);
    }
    this.#older[shadow] = this.#newest;
    this.#newer[shadow] = NONE;
    if (this.#newest === NONE) this.#oldest = shadow;
    else this.#newer[this.#newest] = shadow;
    this.#newest = shadow;
  }

  /** Ends the pin; the hold that went with it is the caller's to drop. */
  unpin(shadow: number): void {
    assert(this.isPinned(shadow), 'a shadow that is unpinned was pinned');
    this.#unlink(shadow);
    this.#pinned[shadow] = 0;
  }

  /** The pinned shadow that was not used for longest, or `NONE`. */
  oldestPinned(): number {
    return this.#oldest;
  }
  /** The next one used later, or `NONE`. */
  newerThan(shadow: number): number {
    return signedAt(this.#newer, shadow);
  }

  #unlink(shadow: number): void {
    const newer = signedAt(this.#newer, shadow);
    const older = signedAt(this.#older, shadow);
    if (newer === NONE) this.#newest = older;
    else this.#older[newer] = older;
    if (older === NONE) this.#oldest = newer;
    else this.#newer[older] = newer;
  }
}
