import { assert } from '../assert.js';
import { signedAt } from '../tables/column.js';
import { CONTROL_KEYS, RIGHT_USER, keyDenies, permittedAccesses } from './rights.js';

/* Names of one's own cost nothing; those of other files are looked up each time they are used. */
const wordOf = signedAt;
const accessesOf = permittedAccesses;
const KEYS = CONTROL_KEYS;
const USER = RIGHT_USER;

/** What is answered for a page that is not there, or not for this access. */
const MISS = -1;

const PAGE_MASK = ~0xfff;
const PAGE_BITS = 12;
const OFFSET_MASK = 0xfff;
/*
 * One row, eight words of which six are used:
 *
 *   0 linear page, bits 12..31, and control bits | 1 generation, above 16 bits of the high half
 *   2 accesses permitted | 3 machine page | 4 rights | 5 shift
 *
 * The control bits are those under which word 2 was found; under others it is found anew. Of
 * another generation than the TLB's, the row is nothing.
 */
const ROW_SHIFT = 3;
const ROW_WORDS = 1 << ROW_SHIFT;
const INDEX_SHIFT = PAGE_BITS - ROW_SHIFT;
const STAMP = 1;
const PERMITTED = 2;
const PAGE = 3;
const RIGHTS = 4;
const SHIFT = 5;
/** Of a canonical address bits 47 and up are equal: these tell all. */
const HIGH_MASK = 0xffff;
const HIGH_BITS = 16;
const NEVER = 0;
const GENERATION = 1 << HIGH_BITS;

/** For the one other reader of rows: the processor looks for a hit by itself (`translate`). */
export const layout = { INDEX_SHIFT, ROW_WORDS, STAMP, PERMITTED, PAGE, HIGH_MASK } as const;

/**
 * One processor's translations of pages of 4 KiB, direct mapped. It forgets by replacement and when
 * told. A superpage is held in pieces, each of which knows how much the superpage covers.
 */
export class Tlb {
  /** Rows that flushes have looked at: what they cost. */
  flushWork = 0;
  readonly rows: Int32Array;
  generation = GENERATION;
  /** A piece of a superpage was put in since everything was forgotten. */
  #hasSuperpages = false;

  constructor(entries: number) {
    assert(entries > 0 && (entries & (entries - 1)) === 0, 'a TLB has a power of two of entries');
    this.rows = new Int32Array(entries * ROW_WORDS);
  }

  /**
   * The machine address, if the row permits the access, whatever controls it was last used under;
   * judges protection keys, too.
   */
  findAnew(high: number, low: number, access: number, controls: number, pkru: number): number {
    const rows = this.rows;
    const row = this.#rowOf(low);
    if (!this.#holds(row, high, low)) return MISS;
    const rights = wordOf(rows, row + RIGHTS);
    rows[row] = (low & PAGE_MASK) | controls;
    rows[row + PERMITTED] = permittedWithoutKeys(controls, rights);
    if (((accessesOf(controls, rights) >>> access) & 1) === 0) return MISS;
    if ((controls & KEYS) !== 0 && keyDenies(pkru, controls, access, rights)) return MISS;
    return wordOf(rows, row + PAGE) | (low & OFFSET_MASK);
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
    const accesses = permittedWithoutKeys(controls, rights);
    this.put(high, low, frame << PAGE_BITS, rights, shift, controls, accesses);
  }

  /** The same where it is known which accesses the row permits by itself; `page` is an address. */
  put(
    high: number,
    low: number,
    page: number,
    rights: number,
    shift: number,
    controls: number,
    accesses: number,
  ): void {
    const rows = this.rows;
    const row = this.#rowOf(low);
    rows[row] = (low & PAGE_MASK) | controls;
    rows[row + STAMP] = this.generation | (high & HIGH_MASK);
    rows[row + PERMITTED] = accesses;
    rows[row + PAGE] = page;
    rows[row + RIGHTS] = rights;
    rows[row + SHIFT] = shift;
    if (shift > PAGE_BITS) this.#hasSuperpages = true;
  }

  /** Forgets everything. */
  flushAll(): void {
    this.generation = (this.generation + GENERATION) | 0;
    this.#hasSuperpages = false;
    if (this.generation === NEVER) this.#wipe();
  }

  /** Forgets the page of an address; where it is in a superpage, all pieces of that. */
  flushPage(high: number, low: number): void {
    if (this.#hasSuperpages) {
      for (let row = 0; row < this.rows.length; row += ROW_WORDS) this.#drop(row, high, low);
    } else {
      this.#drop(this.#rowOf(low), high, low);
    }
  }

  /** Calls back for each page held: its linear address, machine frame and `RIGHT_*`. */
  forEach(visit: (high: number, low: number, frame: number, rights: number) => void): void {
    const rows = this.rows;
    for (let row = 0; row < rows.length; row += ROW_WORDS) {
      if (!this.#isLive(row)) continue;
      const frame = wordOf(rows, row + PAGE) >>> PAGE_BITS;
      const high = (wordOf(rows, row + STAMP) << HIGH_BITS) >> HIGH_BITS;
      visit(high >>> 0, (wordOf(rows, row) & PAGE_MASK) >>> 0, frame, wordOf(rows, row + RIGHTS));
    }
  }

  #rowOf(low: number): number {
    return (low >>> INDEX_SHIFT) & (this.rows.length - ROW_WORDS);
  }

  #isLive(row: number): boolean {
    return (wordOf(this.rows, row + STAMP) & ~HIGH_MASK) === this.generation;
  }

  #holds(row: number, high: number, low: number): boolean {
    if (wordOf(this.rows, row + STAMP) !== (this.generation | (high & HIGH_MASK))) return false;
    return ((wordOf(this.rows, row) ^ low) & PAGE_MASK) === 0;
  }

  #drop(row: number, high: number, low: number): void {
    const rows = this.rows;
    this.flushWork += 1;
    const differs = (wordOf(rows, row) ^ low) >>> wordOf(rows, row + SHIFT);
    const differsAbove = (wordOf(rows, row + STAMP) ^ high) & HIGH_MASK;
    if ((differs | differsAbove) === 0) rows[row + STAMP] = NEVER;
  }

  /** Generations have come round: rows of long ago must not count again. */
  #wipe(): void {
    this.flushWork += this.rows.length >>> ROW_SHIFT;
    this.rows.fill(0);
    this.generation = GENERATION;
  }
}

/** What a row permits by itself: while keys count, nothing of a user page. */
function permittedWithoutKeys(controls: number, rights: number): number {
  const needsKey = (controls & KEYS) !== 0 && (rights & USER) !== 0;
  return needsKey ? 0 : accessesOf(controls, rights);
}
