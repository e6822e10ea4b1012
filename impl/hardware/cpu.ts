import type { Cpu as Features } from '../../abi/machine.js';
import { PTE_A, PTE_D, PTE_P, PTE_PS, PTE_RW, PTE_US } from '../../abi/control.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../../abi/word.js';
import { assert } from '../assert.js';
import { Walk, mark, walk } from './mmu.js';
import { FOUR_LEVEL, PAE } from './page-entry.js';
import type { Ram } from './ram.js';
import { Registers } from './registers.js';
import { CONTROL_KEYS, permittedAccesses } from './rights.js';
import { Tlb, layout } from './tlb.js';
import { signedAt, wordAt } from '../tables/column.js';

/** What `translate` answers instead of an address; `exit` and its companions say why. */
export const REFUSED = -1;

const OFFSET_MASK = 0xfff;
/** The same as `REFUSED`; an exported name would cost a load each time (`translate`). */
const MISS = -1;
/* Names of one's own cost nothing; those of other files are looked up each time they are used. */
const THREE_LEVELS = PAE;
const PAGE_BITS = PAGE_SHIFT;
const RW = PTE_RW;
const US = PTE_US;
const DIRTY = PTE_D;
const SUPERPAGE = PTE_PS;
const MARKED = PTE_P | PTE_A;
const USUAL = PTE_P | PTE_A | PTE_RW | PTE_US;
/** An entry of PAE's top level has no rights of its own. */
const PDPTE_RIGHTS = PTE_A | PTE_RW | PTE_US;
const FRAME_MASK = ~0xfff;
const ENTRY_MASK = 0xff8;
const wordOf = wordAt;
const signedOf = signedAt;
const { INDEX_SHIFT, ROW_WORDS, STAMP, PERMITTED, PAGE, HIGH_MASK } = layout;
const KEYS = CONTROL_KEYS;
const accessesOf = permittedAccesses;
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
  readonly #rows: Int32Array;
  readonly #ram: Ram;
  readonly #counts: WalkCounts;
  readonly #remembers: boolean;
  /** Of memory, in bytes. */
  readonly #end: number;
  readonly #first = new Walk();
  readonly #second = new Walk();

  /** Without `remembers` the TLB stays empty. */
  constructor(
    ram: Ram,
    features: Features,
    tlbEntries: number,
    counts: WalkCounts = { hardwareWalks: 0 },
    remembers = true,
  ) {
    super(features);
    assert(ram.frameCount <= MOST_FRAMES, 'a TLB entry holds any machine address');
    this.#ram = ram;
    this.#counts = counts;
    this.tlb = new Tlb(tlbEntries);
    this.#rows = this.tlb.rows;
    this.#remembers = remembers;
    this.#end = ram.frameCount * PAGE_BYTES;
  }

  /**
   * The machine byte address of a linear address, for an access that stays in its page. `access` is
   * `PFEC_W | PFEC_U | PFEC_I | ACCESS_AC | ACCESS_IMPLICIT` as wanted. Sets A and D. `REFUSED`:
   * nothing was written. The address must be canonical (`isReachable`). It may lie beyond the end of
   * memory; such a page is walked to each time.
   */
  translate(high: number, low: number, access: number): number {
    const rows = this.#rows;
    const row = (low >>> INDEX_SHIFT) & (rows.length - ROW_WORDS);
    if (
      signedOf(rows, row) === ((low & FRAME_MASK) | this.controls) &&
      signedOf(rows, row + STAMP) === (this.tlb.generation | (high & HIGH_MASK)) &&
      ((signedOf(rows, row + PERMITTED) >>> access) & 1) !== 0
    ) {
      return signedOf(rows, row + PAGE) | (low & OFFSET_MASK);
    }
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

  /**
   * What is no hit. Tables of eight bytes an entry in machine frames, all marked and with nothing
   * out of the ordinary, are walked here; every other case is left to `walk`, which looks at all
   * bits in their order. It is one function because the compiler leaves a long one out of
   * `translate`, which so stays short enough to become a part of its callers.
   */
  #translateSlowly(high: number, low: number, access: number): number {
    const hit = this.#hit(high, low, access);
    if (hit !== MISS) return hit;
    this.#counts.hardwareWalks += 1;
    const { mode, rootFrame, pdptes } = this;
    const ram = this.#ram;
    const end = this.#end;
    const hasKeys = (this.controls & KEYS) !== 0;
    if (mode < THREE_LEVELS || this.isNested || hasKeys || rootFrame >= ram.frameCount) {
      return this.#walkFully(high, low, access);
    }
    let entry: number;
    let above: number;
    let tables = 0;
    let all = USUAL;
    if (mode === THREE_LEVELS) {
      entry = wordOf(pdptes, (low >>> 30) * 2) | PDPTE_RIGHTS;
      above = wordOf(pdptes, (low >>> 30) * 2 + 1);
    } else {
      const four = (rootFrame << PAGE_BITS) + ((high >>> 4) & ENTRY_MASK);
      entry = ram.load32At(four);
      const three = (entry & FRAME_MASK) + (((high << 5) | (low >>> 27)) & ENTRY_MASK);
      if (three >>> 0 >= end) return this.#walkFully(high, low, access);
      tables = entry;
      all = entry;
      entry = ram.load32At(three);
      above = ram.load32At(four + 4) | ram.load32At(three + 4);
    }
    const two = (entry & FRAME_MASK) + ((low >>> 18) & ENTRY_MASK);
    if (two >>> 0 >= end) return this.#walkFully(high, low, access);
    tables |= entry;
    all &= entry;
    entry = ram.load32At(two);
    const one = (entry & FRAME_MASK) + ((low >>> 9) & ENTRY_MASK);
    if (one >>> 0 >= end) return this.#walkFully(high, low, access);
    const leaf = ram.load32At(one);
    tables |= entry;
    all &= entry & leaf;
    above |= ram.load32At(two + 4) | ram.load32At(one + 4);
    const rights = rightsOf(all, leaf, above);
    const accesses = accessesOf(this.controls, rights);
    const isUsual =
      (all & MARKED) === MARKED &&
      (tables & SUPERPAGE) === 0 &&
      (this.noExecute ? above << 1 : above) === 0 &&
      (leaf & FRAME_MASK) >>> 0 < end &&
      ((accesses >>> access) & 1) !== 0;
    if (!isUsual) return this.#walkFully(high, low, access);
    if (this.#remembers) {
      const top = mode > THREE_LEVELS ? high : 0;
      this.tlb.put(top, low, leaf & FRAME_MASK, rights, PAGE_BITS, this.controls, accesses);
    }
    return (leaf & FRAME_MASK) | (low & OFFSET_MASK);
  }

  #walkFully(high: number, low: number, access: number): number {
    if (!walk(this, this.#ram, high, low, access, this.#first)) return REFUSED;
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
    if (this.#remembers && found.frame < this.#ram.frameCount) {
      const { high, low, frame, rights, shift } = found;
      this.tlb.fill(high, low, frame, rights, shift, this.controls);
    }
    return found.frame * PAGE_BYTES + (found.low & OFFSET_MASK);
  }
}

/** `RIGHT_*`: RW and US where all entries have them, D of the leaf, NX where one high word has it. */
function rightsOf(all: number, leaf: number, above: number): number {
  return ((all & (RW | US)) >>> 1) | ((leaf & DIRTY) >>> 3) | (above >>> 29);
}

/** Bits 47 and up of an address are all equal. */
function isCanonical(high: number): boolean {
  const top = high >> 15;
  return top === 0 || top === -1;
}
