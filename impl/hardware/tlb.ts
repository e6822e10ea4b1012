import { assert } from '../assert.js';
import { signedAt } from '../tables/column.js';
import {
  CONTROL_BITS,
  CONTROL_KEYS,
  RIGHT_USER,
  keyDenies,
  permits,
  permittedAccesses,
} from './rights.js';

/** What is answered for a page that is not there, or not for this access. */
const MISS = -1;

const PAGE_MASK = ~0xfff;
const PAGE_SHIFT = 12;
const OFFSET_MASK = 0xfff;
/*
 * One row, eight words:
 *
 *   0 linear page, bits 12..31 | 1 high half | 2 stamp  | 3 accesses permitted
 *   4 machine page             | 5 rights    | 6 shift  | 7 -
 *
 * The stamp is the generation in which the row was filled, above the control bits under which word 3
 * was found. In another generation the row is nothing; under other controls word 3 is found anew.
 */
const ROW_SHIFT = 3;
const ROW_WORDS = 1 << ROW_SHIFT;
const INDEX_SHIFT = PAGE_SHIFT - ROW_SHIFT;
const TOP = 1;
const STAMP = 2;
const PERMITTED = 3;
const PAGE = 4;
const RIGHTS = 5;
const SHIFT = 6;
const NEVER = 0;
const GENERATION = 1 << CONTROL_BITS;
const GENERATION_MASK = ~(GENERATION - 1);

/**
 * One processor's translations of pages of 4 KiB, direct mapped. It forgets by replacement and when
 * told. A superpage is held in pieces, each of which knows how much the superpage covers.
 */
export class Tlb {
  /** Rows that flushes have looked at: what they cost. */
  flushWork = 0;
  readonly #rows: Int32Array;
  readonly #mask: number;
  #generation = GENERATION;
  /** A piece of a superpage was put in since everything was forgotten. */
  #hasSuperpages = false;

  constructor(entries: number) {
    assert(entries > 0 && (entries & (entries - 1)) === 0, 'a TLB has a power of two of entries');
    this.#rows = new Int32Array(entries * ROW_WORDS);
    this.#mask = (entries - 1) * ROW_WORDS;
  }

  /** The machine address for an access already known to be permitted under these controls. */
  find(high: number, low: number, access: number, controls: number): number {
    const rows = this.#rows;
    const row = (low >>> INDEX_SHIFT) & this.#mask;
    const differs =
      (signedAt(rows, row) ^ (low & PAGE_MASK)) |
      (signedAt(rows, row + TOP) ^ high) |
      (signedAt(rows, row + STAMP) ^ (this.#generation | controls));
    if (differs !== 0) return MISS;
    if (((signedAt(rows, row + PERMITTED) >>> access) & 1) === 0) return MISS;
    return signedAt(rows, row + PAGE) | (low & OFFSET_MASK);
  }

  /** The same, whatever controls the row was last used under; judges protection keys, too. */
  findAnew(high: number, low: number, access: number, controls: number, pkru: number): number {
    const rows = this.#rows;
    const row = (low >>> INDEX_SHIFT) & this.#mask;
    if (!this.#holds(row, high, low)) return MISS;
    const rights = signedAt(rows, row + RIGHTS);
    this.#permit(row, rights, controls);
    if (!permits(controls, access, rights)) return MISS;
    if ((controls & CONTROL_KEYS) !== 0 && keyDenies(pkru, controls, access, rights)) return MISS;
    return signedAt(rows, row + PAGE) | (low & OFFSET_MASK);
  }

  /** Remembers a page; `shift` is log2 of the bytes that its leaf covers. */
  fill(
    high: number,
    low: number,
    frame: number,
    rights: number,
    shift: number,
    controls: number,
  ): void {
    const rows = this.#rows;
    const row = (low >>> INDEX_SHIFT) & this.#mask;
    rows[row] = low & PAGE_MASK;
    rows[row + TOP] = high;
    rows[row + PAGE] = frame << PAGE_SHIFT;
    rows[row + RIGHTS] = rights;
    rows[row + SHIFT] = shift;
    this.#permit(row, rights, controls);
    if (shift > PAGE_SHIFT) this.#hasSuperpages = true;
  }

  /** Forgets everything. */
  flushAll(): void {
    this.#generation = (this.#generation + GENERATION) | 0;
    this.#hasSuperpages = false;
    if (this.#generation === NEVER) this.#wipe();
  }

  /** Forgets the page of an address; where it is in a superpage, all pieces of that. */
  flushPage(high: number, low: number): void {
    if (this.#hasSuperpages) {
      for (let row = 0; row < this.#rows.length; row += ROW_WORDS) this.#drop(row, high, low);
    } else {
      this.#drop((low >>> INDEX_SHIFT) & this.#mask, high, low);
    }
  }

  /** Calls back for each page held: its linear address, machine frame and `RIGHT_*`. */
  forEach(visit: (high: number, low: number, frame: number, rights: number) => void): void {
    const rows = this.#rows;
    for (let row = 0; row < rows.length; row += ROW_WORDS) {
      if (!this.#isLive(row)) continue;
      const frame = signedAt(rows, row + PAGE) >>> PAGE_SHIFT;
      const high = signedAt(rows, row + TOP) >>> 0;
      visit(high, signedAt(rows, row) >>> 0, frame, signedAt(rows, row + RIGHTS));
    }
  }

  #isLive(row: number): boolean {
    return (signedAt(this.#rows, row + STAMP) & GENERATION_MASK) === this.#generation;
  }

  #holds(row: number, high: number, low: number): boolean {
    if (!this.#isLive(row)) return false;
    const differs = signedAt(this.#rows, row) ^ (low & PAGE_MASK);
    return (differs | (signedAt(this.#rows, row + TOP) ^ high)) === 0;
  }

  /** Stamps a row with what it permits. While keys count, a user page permits nothing by itself. */
  #permit(row: number, rights: number, controls: number): void {
    const needsKey = (controls & CONTROL_KEYS) !== 0 && (rights & RIGHT_USER) !== 0;
    this.#rows[row + STAMP] = this.#generation | controls;
    this.#rows[row + PERMITTED] = needsKey ? 0 : permittedAccesses(controls, rights);
  }

  #drop(row: number, high: number, low: number): void {
    const rows = this.#rows;
    this.flushWork += 1;
    const differs = (signedAt(rows, row) ^ low) >>> signedAt(rows, row + SHIFT);
    if ((differs | (signedAt(rows, row + TOP) ^ high)) === 0) rows[row + STAMP] = NEVER;
  }

  /** Generations have come round: rows of long ago must not count again. */
  #wipe(): void {
    this.flushWork += this.#rows.length >>> ROW_SHIFT;
    this.#rows.fill(0);
    this.#generation = GENERATION;
  }
}
