import * as bits from '../../abi/control.js';
import type { Word } from '../../abi/word.js';
import type { Random } from './random.js';

export const TABLE_GFNS = [1, 2, 3, 4, 5, 6, 7] as const;
export const DATA_GFNS = [8, 9, 10, 11, 12, 13] as const;
export const GRANT_GFNS = [0x30, 0x31, 0x32] as const;
export const MAPPED_GRANT_FRAME_GFN = 0x20;

/** Random entries of page tables and values of control registers: mostly such that accesses go on. */
export class RandomEntries {
  readonly #random: Random;
  readonly #isPortable: boolean;
  readonly #isCalm: boolean;

  constructor(random: Random, isPortable: boolean, isCalm: boolean) {
    this.#random = random;
    this.#isPortable = isPortable;
    this.#isCalm = isCalm;
  }

  entry(): Word {
    if (this.#random.below(15) === 0) return { low: 0, high: 0 };
    const isTable = this.#random.below(2) === 0;
    const gfn = isTable ? this.#random.of(TABLE_GFNS) : this.anyGfn();
    let { low, high } = this.entryOf(gfn);
    if (this.#random.below(20) === 0) low &= ~bits.PTE_P;
    if (this.#random.below(40) === 0) high |= 1 << this.#random.below(31);
    return { low: low >>> 0, high: high >>> 0 };
  }

  /** A present entry of a gfn; one in eight maps a superpage, mostly one that starts at gfn 0. */
  entryOf(gfn: number): Word {
    let flags = bits.PTE_P | bits.PTE_RW | bits.PTE_US;
    const rare = this.#isCalm ? 40 : 10;
    if (this.#random.below(rare) === 0) flags &= ~bits.PTE_RW;
    if (this.#random.below(rare) === 0) flags &= ~bits.PTE_US;
    if (this.#random.below(2) === 0) flags |= bits.PTE_A;
    if (this.#random.below(3) === 0) flags |= bits.PTE_D;
    if (this.#random.below(8) === 0) flags |= bits.PTE_G;
    const isSuperpage = this.#random.below(8) === 0;
    if (isSuperpage) flags |= bits.PTE_PS;
    const first = isSuperpage && this.#random.below(8) > 0 ? 0 : gfn;
    const high = this.#random.below(rare) === 0 ? bits.PTE_NX_HIGH : 0;
    return { low: ((first << 12) | flags) >>> 0, high };
  }

  anyGfn(): number {
    const dice = this.#random.below(20);
    if (dice < 7) return this.#random.of(TABLE_GFNS);
    if (dice < 17) return this.#random.of(DATA_GFNS);
    if (dice === 17) return this.#isPortable ? 0 : this.#random.below(64);
    return dice === 18 || this.#isPortable ? MAPPED_GRANT_FRAME_GFN : this.#random.of(GRANT_GFNS);
  }

  cr0(): number {
    const write = this.#random.below(2) === 0 ? bits.CR0_WP : 0;
    const paging = this.#random.below(6) === 0 ? 0 : bits.CR0_PG;
    return (bits.CR0_PE | write | paging) >>> 0;
  }

  cr4(): number {
    let value = 0;
    if (this.#random.below(3) > 0) value |= bits.CR4_PSE;
    if (this.#random.below(2) > 0) value |= bits.CR4_PAE;
    if (this.#random.below(4) === 0) value |= bits.CR4_PGE;
    if (this.#random.below(8) === 0) value |= bits.CR4_SMEP;
    if (this.#random.below(8) === 0) value |= bits.CR4_SMAP;
    return value;
  }
}
