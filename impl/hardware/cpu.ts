import type { Cpu as Features } from '../../abi/machine.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { assert } from '../assert.js';
import { Walk, mark, walk } from './mmu.js';
import { FOUR_LEVEL } from './page-entry.js';
import type { Ram } from './ram.js';
import { Registers } from './registers.js';
import { Tlb } from './tlb.js';

/** What `translate` answers instead of an address; `exit` and its companions say why. */
export const REFUSED = -1;

const OFFSET_MASK = 0xfff;
/** The same as `REFUSED`; an exported name would cost a load each time (`translate`). */
const MISS = -1;
/** Memory of 2 GiB: its byte addresses are non-negative numbers of 32 bits. */
const MOST_FRAMES = 2 ** 19;

/** What processors count together. */
export interface WalkCounts {
  /** Pages that a TLB did not answer for. */
  hardwareWalks: number;
}

/**
 * The part of one processor that turns linear addresses into machine addresses. It knows registers,
 * tables in memory and its TLB, no domains. Addresses are two unsigned halves; outside long mode the
 * high half is taken for 0 and addresses wrap at 4 GiB.
 */
export class Cpu extends Registers {
  readonly tlb: Tlb;
  /** Machine byte addresses of the two parts of an access, after `translateTwo`. */
  firstAddress = 0;
  secondAddress = 0;
  readonly #ram: Ram;
  readonly #counts: WalkCounts;
  readonly #first = new Walk();
  readonly #second = new Walk();

  constructor(
    ram: Ram,
    features: Features,
    tlbEntries: number,
    counts: WalkCounts = { hardwareWalks: 0 },
  ) {
    super(features);
    assert(ram.frameCount <= MOST_FRAMES, 'a TLB entry holds any machine address');
    this.#ram = ram;
    this.#counts = counts;
    this.tlb = new Tlb(tlbEntries);
  }

  /**
   * The machine byte address of a linear address, for an access that stays in its page. `access` is
   * `PFEC_W | PFEC_U | PFEC_I | ACCESS_AC | ACCESS_IMPLICIT` as wanted. Sets A and D. `REFUSED`:
   * nothing was written. The address must be canonical (`isReachable`). It may lie beyond the end of
   * memory; such a page is walked to each time.
   */
  translate(high: number, low: number, access: number): number {
    const hit = this.tlb.find(high, low, access, this.controls);
    if (hit !== MISS) return hit;
    return this.#translateSlowly(high, low, access);
  }

  /**
   * The same for an access that runs into the next page: the first page is judged completely, then
   * the second; A and D are set where both permit it. False: refused, nothing was written.
   */
  translateTwo(high: number, low: number, access: number): boolean {
    const nextLow = ((low | OFFSET_MASK) + 1) >>> 0;
    const nextHigh = nextLow === 0 ? (high + 1) >>> 0 : high;
    this.firstAddress = this.#hit(high, low, access);
    if (this.firstAddress === REFUSED) {
      if (!this.#walk(high, low, access, this.#first)) return false;
    }
    this.secondAddress = this.#hit(nextHigh, nextLow, access);
    if (this.secondAddress === REFUSED) {
      if (!this.#walk(nextHigh, nextLow, access, this.#second)) return false;
    }
    if (this.firstAddress === REFUSED) this.firstAddress = this.#finish(this.#first);
    if (this.secondAddress === REFUSED) this.secondAddress = this.#finish(this.#second);
    return true;
  }

  /** In long mode: the first and the last byte of an access are canonical. Else always. */
  isReachable(high: number, low: number, size: number): boolean {
    if (this.mode !== FOUR_LEVEL) return true;
    if (!isCanonical(high)) return false;
    const lastLow = low + size - 1;
    return lastLow <= 0xffff_ffff || isCanonical((high + 1) >>> 0);
  }

  /** INVLPG: forgets a page, all of a superpage. Nothing for an address that is not canonical. */
  invalidatePage(high: number, low: number): void {
    if (!this.isReachable(high, low, 1)) return;
    this.tlb.flushPage(this.mode === FOUR_LEVEL ? high : 0, low);
  }

  #translateSlowly(high: number, low: number, access: number): number {
    const hit = this.#hit(high, low, access);
    if (hit !== MISS) return hit;
    if (!this.#walk(high, low, access, this.#first)) return REFUSED;
    return this.#finish(this.#first);
  }

  /** Machine address by the TLB alone; an entry that does not permit the access is no hit. */
  #hit(high: number, low: number, access: number): number {
    return this.tlb.findAnew(high, low, access, this.controls, this.pkru);
  }

  #walk(high: number, low: number, access: number, found: Walk): boolean {
    this.#counts.hardwareWalks += 1;
    return walk(this, this.#ram, high, low, access, found);
  }

  #finish(found: Walk): number {
    mark(this.#ram, found);
    if (found.frame < this.#ram.frameCount) {
      const { high, low, frame, rights, shift } = found;
      this.tlb.fill(high, low, frame, rights, shift, this.controls);
    }
    return found.frame * PAGE_BYTES + (found.low & OFFSET_MASK);
  }
}

/** Bits 47 and up of an address are all equal. */
function isCanonical(high: number): boolean {
  const top = high >> 15;
  return top === 0 || top === -1;
}
