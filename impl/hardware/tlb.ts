import { assert } from '../assert.js';
import { signedAt } from '../tables/column.js';

/** What `find` answers for no entry. */
export const NO_ROW = -1;

const PAGE_MASK = ~0xfff;
const PAGE_SHIFT = 12;
const ROW_SHIFT = 3;
/*
 * One row, eight words:
 *
 *   linear page (bits 12..31) | high half | generation | rights and key | frame | shift | - | -
 *
 * A row counts only while its generation is the present one.
 */
const ROW_WORDS = 1 << ROW_SHIFT;
const TOP = 1;
const GENERATION = 2;
const RIGHTS = 3;
const FRAME = 4;
const SHIFT = 5;
const NEVER = 0;

/**
 * One processor's translations of pages of 4 KiB, direct mapped. It forgets by replacement and when
 * told. A superpage is held in pieces, each of which knows how much the superpage covers.
 */
export class Tlb {
  /** Rows looked at by flushes: what they cost. */
  flushWork = 0;
  readonly #rows: Int32Array;
  readonly #mask: number;
  #generation = 1;
  /** A piece of a superpage was put in since everything was forgotten. */
  #hasSuperpages = false;

  constructor(entries: number) {
    assert(entries > 0 && (entries & (entries - 1)) === 0, 'a TLB has a power of two of entries');
    this.#rows = new Int32Array(entries * ROW_WORDS);
    this.#mask = entries - 1;
  }

  /** Where the translation of a page is, or `NO_ROW`. */
  find(high: number, low: number): number {
    const rows = this.#rows;
    const row = ((low >>> PAGE_SHIFT) & this.#mask) << ROW_SHIFT;
    const differs =
      (signedAt(rows, row) ^ (low & PAGE_MASK)) |
      (signedAt(rows, row + TOP) ^ high) |
      (signedAt(rows, row + GENERATION) ^ this.#generation);
    return differs === 0 ? row : NO_ROW;
  }

  /** `RIGHT_*` and key of a row. */
  rightsAt(row: number): number {
    return signedAt(this.#rows, row + RIGHTS);
  }

  /** Machine frame of a row. */
  frameAt(row: number): number {
    return signedAt(this.#rows, row + FRAME) >>> 0;
  }

  /** Remembers a page; `shift` is log2 of the bytes that its leaf covers. */
  fill(high: number, low: number, frame: number, rights: number, shift: number): void {
    const rows = this.#rows;
    const row = ((low >>> PAGE_SHIFT) & this.#mask) << ROW_SHIFT;
    rows[row] = low & PAGE_MASK;
    rows[row + TOP] = high;
    rows[row + GENERATION] = this.#generation;
    rows[row + RIGHTS] = rights;
    rows[row + FRAME] = frame;
    rows[row + SHIFT] = shift;
    if (shift > PAGE_SHIFT) this.#hasSuperpages = true;
  }

  /** Forgets everything. */
  flushAll(): void {
    this.#generation = (this.#generation + 1) | 0;
    this.#hasSuperpages = false;
    if (this.#generation === NEVER) this.#wipe();
  }

  /** Forgets the page of an address; where it is in a superpage, all pieces of that. */
  flushPage(high: number, low: number): void {
    if (this.#hasSuperpages) {
      for (let row = 0; row < this.#rows.length; row += ROW_WORDS) this.#drop(row, high, low);
    } else {
      this.#drop(((low >>> PAGE_SHIFT) & this.#mask) << ROW_SHIFT, high, low);
    }
  }

  /** Calls back for each page held: its linear address and what it is translated to. */
  forEach(visit: (high: number, low: number, frame: number, rights: number) => void): void {
    const rows = this.#rows;
    for (let row = 0; row < rows.length; row += ROW_WORDS) {
      if (signedAt(rows, row + GENERATION) !== this.#generation) continue;
      const high = signedAt(rows, row + TOP) >>> 0;
      visit(high, signedAt(rows, row) >>> 0, this.frameAt(row), this.rightsAt(row));
    }
  }

  #drop(row: number, high: number, low: number): void {
    const rows = this.#rows;
    this.flushWork += 1;
    const differs = (signedAt(rows, row) ^ low) >>> signedAt(rows, row + SHIFT);
    if ((differs | (signedAt(rows, row + TOP) ^ high)) === 0) rows[row + GENERATION] = NEVER;
  }

  /** Generations have come round: rows of long ago must not count again. */
  #wipe(): void {
    this.flushWork += this.#rows.length >>> ROW_SHIFT;
    this.#rows.fill(0);
    this.#generation = NEVER + 1;
  }
}
