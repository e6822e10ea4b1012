import type { Mfn } from '../../abi/ids.js';
import type { Ram } from '../hardware/ram.js';
import { signedAt } from '../tables/column.js';
import type { Host } from '../host.js';
import type { Counters } from '../options.js';
import * as entry from './entry.js';
import type { ShadowPool } from './pool.js';
import type { ShadowPages } from './shadow-pages.js';
import { NO_SHADOW, isPaired, isWide } from './types.js';

/** Entries in one page of the pool; a slot is `page * ENTRIES + index`. */
export const ENTRIES = 512;
const PAGE_SHIFT = 9;
const INDEX_MASK = ENTRIES - 1;
/** No slot: what a search finds that finds none. */
export const NO_SLOT = -1;

/**
 * The entries of all shadows, and which of them lead to a frame: the reverse map. Slots of one frame
 * form a list through `next`; a frame is a guest's page, or a page of the pool. Without the reverse
 * map every slot is looked at (option `reverseMap`).
 */
export class ShadowSlots {
  /** What `collect` found. */
  readonly found: Int32Array;
  readonly #ram: Ram;
  readonly #pool: ShadowPool;
  readonly #pages: ShadowPages;
  readonly #keepsReverseMap: boolean;
  readonly #counters: Counters;
  readonly #first: Int32Array;
  readonly #next: Int32Array;
  readonly #previous: Int32Array;

  constructor(host: Host, pool: ShadowPool, pages: ShadowPages) {
    const { ram, counters, options } = host;
    const keepsReverseMap = options.reverseMap;
    this.#counters = counters;
    const slotCount = pool.pageCount * ENTRIES;
    this.#ram = ram;
    this.#pool = pool;
    this.#pages = pages;
    this.#keepsReverseMap = keepsReverseMap;
    this.found = new Int32Array(slotCount);
    this.#first = new Int32Array(keepsReverseMap ? ram.frameCount : 0).fill(NO_SLOT);
    this.#next = new Int32Array(keepsReverseMap ? slotCount : 0);
    this.#previous = new Int32Array(keepsReverseMap ? slotCount : 0);
  }

  lowOf(slot: number): number {
    return this.#ram.tableWord(this.#pool.frameOf(slot >> PAGE_SHIFT), (slot & INDEX_MASK) * 2);
  }
  highOf(slot: number): number {
    return this.#ram.tableWord(this.#pool.frameOf(slot >> PAGE_SHIFT), (slot & INDEX_MASK) * 2 + 1);
  }
  frameAt(slot: number): Mfn {
    return entry.frameOf(this.lowOf(slot), this.highOf(slot));
  }
  isPresent(slot: number): boolean {
    return entry.isPresent(this.lowOf(slot));
  }
  /** The first present slot from this one on, in its page; `NO_SLOT` if there is none. */
  nextPresent(slot: number): number {
    const mfn = this.#pool.frameOf(slot >> PAGE_SHIFT);
    const first = slot - (slot & INDEX_MASK);
    for (let index = slot & INDEX_MASK; index < ENTRIES; index += 1) {
      if (entry.isPresent(this.#ram.tableWord(mfn, index * 2))) return first + index;
    }
    return NO_SLOT;
  }
  /** The present slot after this one, in its page; `NO_SLOT` if there is none. */
  presentAfter(slot: number): number {
    return (slot & INDEX_MASK) === INDEX_MASK ? NO_SLOT : this.nextPresent(slot + 1);
  }
  /** The slot leads to this frame now. */
  leadsTo(slot: number, mfn: Mfn): boolean {
    return this.isPresent(slot) && this.frameAt(slot) === mfn;
  }

  /** The slot that stands for an entry of the guest; the first of a pair. */
  slotOf(shadow: number, guestIndex: number): number {
    const type = this.#pages.typeOf(shadow);
    const index = isPaired(type) ? guestIndex * 2 : guestIndex;
    const page = isWide(type) ? this.#pages.pageOf(shadow, index >> PAGE_SHIFT) : shadow;
    return page * ENTRIES + (index & INDEX_MASK);
  }
  /** The shadow that a slot belongs to. */
  shadowOf(slot: number): number {
    return this.#pages.headOf(slot >> PAGE_SHIFT);
  }
  /** The entry of the guest that a slot stands for. */
  guestIndexOf(slot: number): number {
    const page = slot >> PAGE_SHIFT;
    const index = this.#pages.partOf(page) * ENTRIES + (slot & INDEX_MASK);
    return isPaired(this.#pages.typeOf(page)) ? index >> 1 : index;
  }

  /** The only writer of entries: keeps the reverse map with them. */
  write(slot: number, low: number, high: number): void {
    const wasPresent = this.isPresent(slot);
    const isPresent = entry.isPresent(low);
    const old = this.frameAt(slot);
    const isSame = wasPresent && isPresent && old === entry.frameOf(low, high);
    if (this.#keepsReverseMap && wasPresent && !isSame) this.#unlink(slot, old);
    const mfn = this.#pool.frameOf(slot >> PAGE_SHIFT);
    this.#ram.setTableWord(mfn, (slot & INDEX_MASK) * 2 + 1, high);
    this.#ram.setTableWord(mfn, (slot & INDEX_MASK) * 2, low);
    if (this.#keepsReverseMap && isPresent && !isSame) this.#link(slot, entry.frameOf(low, high));
  }

  /** Puts the slots that lead to a frame into `found`; answers how many. */
  collect(mfn: Mfn): number {
    let count = 0;
    if (!this.#keepsReverseMap) return this.#scan(mfn);
    for (let at = signedAt(this.#first, mfn); at !== NO_SLOT; at = signedAt(this.#next, at)) {
      this.found[count] = at;
      count += 1;
    }
    this.#counters.slotsListed += count;
    return count;
  }

  #scan(mfn: Mfn): number {
    let count = 0;
    for (let page = 0; page < this.#pages.pageCount; page += 1) {
      if (this.#pages.typeOf(page) === NO_SHADOW) continue;
      this.#counters.slotsScanned += ENTRIES;
      for (let slot = page * ENTRIES; slot < (page + 1) * ENTRIES; slot += 1) {
        if (!this.leadsTo(slot, mfn)) continue;
        this.found[count] = slot;
        count += 1;
      }
    }
    return count;
  }

  #link(slot: number, mfn: Mfn): void {
    const after = signedAt(this.#first, mfn);
    this.#next[slot] = after;
    this.#previous[slot] = NO_SLOT;
    if (after !== NO_SLOT) this.#previous[after] = slot;
    this.#first[mfn] = slot;
  }

  #unlink(slot: number, mfn: Mfn): void {
    const before = signedAt(this.#previous, slot);
    const after = signedAt(this.#next, slot);
    if (before === NO_SLOT) this.#first[mfn] = after;
    else this.#next[before] = after;
    if (after !== NO_SLOT) this.#previous[after] = before;
  }
}
