import { assert } from '../assert.js';
import { signedAt } from '../tables/column.js';
import { NONE } from './shadow-pages.js';
import type { ShadowPages } from './shadow-pages.js';

const BUCKETS = 251;
const TYPE_STRIDE = 17;
/** Each shadow is in one chain, once. */
const ENDLESS = 'a chain of the hash comes to an end';

/** Finds the shadow of a key as a type (p2m.md 4.5): at most one for each pair (S2). */
export class ShadowHash {
  readonly #pages: ShadowPages;
  readonly #first = new Int32Array(BUCKETS).fill(NONE);
  readonly #next: Int32Array;

  constructor(pages: ShadowPages) {
    this.#pages = pages;
    this.#next = new Int32Array(pages.pageCount).fill(NONE);
  }

  find(type: number, key: number): number {
    let shadow = signedAt(this.#first, bucketOf(type, key));
    for (let steps = 0; shadow !== NONE; steps += 1) {
      assert(steps < this.#next.length, ENDLESS);
      if (this.#pages.keyOf(shadow) === key && this.#pages.typeOf(shadow) === type) return shadow;
      shadow = signedAt(this.#next, shadow);
    }
    return NONE;
  }

  insert(shadow: number): void {
    const bucket = bucketOf(this.#pages.typeOf(shadow), this.#pages.keyOf(shadow));
    this.#next[shadow] = signedAt(this.#first, bucket);
    this.#first[bucket] = shadow;
  }

  remove(shadow: number): void {
    const bucket = bucketOf(this.#pages.typeOf(shadow), this.#pages.keyOf(shadow));
    const next = signedAt(this.#next, shadow);
    let at = signedAt(this.#first, bucket);
    if (at === shadow) {
      this.#first[bucket] = next;
      return;
    }
    for (let steps = 0; at !== NONE; steps += 1) {
      assert(steps < this.#next.length, ENDLESS);
      const after = signedAt(this.#next, at);
      if (after === shadow) {
        this.#next[at] = next;
        return;
      }
      at = after;
    }
    assert(false, 'a shadow that is removed from the hash was in it');
  }

  /** All entries, for the audit. */
  size(): number {
    let size = 0;
    for (const first of this.#first) {
      for (let at = first; at !== NONE; at = signedAt(this.#next, at)) {
        assert(size < this.#next.length, ENDLESS);
        size += 1;
      }
    }
    return size;
  }
}

function bucketOf(type: number, key: number): number {
  return (key + type * TYPE_STRIDE) % BUCKETS;
}
