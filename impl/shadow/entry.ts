import * as control from '../../abi/control.js';
import { Mfn } from '../../abi/ids.js';

/*
 * One entry of a shadow, as hardware walks it: the host's format of eight bytes at every level, in
 * two words (p2m.md 4.10). No other file of `impl/shadow/` shifts or masks it.
 *
 *   low    31                12 11     7  6   5  4  3  2    1    0
 *         +--------------------+--------+---+---+----+----+----+---+
 *         |  mfn, low 20 bits  |  zero  | D | A | 0  | US | RW | P |
 *         +--------------------+--------+---+---+----+----+----+---+
 *   high   31   30         20 19                                  0
 *         +----+-------------+-------------------------------------+
 *         | NX |    zero     |          mfn, high 20 bits          |
 *         +----+-------------+-------------------------------------+
 *
 * US, RW and NX are the guest's or less. A is always set, and D wherever RW is: a guest's A and D
 * are in the guest's own entry before one here says that the access may go on, so hardware has
 * nothing to write. G and PS are never set: nothing survives a flush, and every page is 4 KiB.
 */
const PRESENT = control.PTE_P | control.PTE_A;
const WRITE = control.PTE_RW | control.PTE_D;
const RIGHTS = control.PTE_US | control.PTE_RW;
const FRAME_SHIFT = 12;
const FRAME_LOW_BITS = 20;
const FRAME_HIGH_MASK = 0xf_ffff;

/** Rights of a page that the p2m alone decides about: pieces of superpages. */
export const FULL_RIGHTS = RIGHTS;

/** The low word; `rights` are US and RW of a guest's entry, other bits are not looked at. */
export function lowWord(mfn: Mfn, rights: number): number {
  const flags = PRESENT | (rights & control.PTE_US);
  const write = (rights & control.PTE_RW) === 0 ? 0 : WRITE;
  return ((mfn << FRAME_SHIFT) | flags | write) >>> 0;
}
/** The high word; of `rights`, the guest's, only NX is looked at. */
export function highWord(mfn: Mfn, rights: number): number {
  return ((mfn >>> FRAME_LOW_BITS) | (rights & control.PTE_NX_HIGH)) >>> 0;
}

/** An entry of hardware's level 3 registers: P and the frame of one of four level 2 pages. */
export function pdpteLow(mfn: Mfn): number {
  return ((mfn << FRAME_SHIFT) | control.PTE_P) >>> 0;
}
export function pdpteHigh(mfn: Mfn): number {
  return mfn >>> FRAME_LOW_BITS;
}

export function isPresent(low: number): boolean {
  return (low & control.PTE_P) !== 0;
}
export function isWritable(low: number): boolean {
  return (low & control.PTE_RW) !== 0;
}
export function frameOf(low: number, high: number): Mfn {
  return Mfn((low >>> FRAME_SHIFT) | ((high & FRAME_HIGH_MASK) << FRAME_LOW_BITS));
}
/** The low word without the right to write. */
export function readOnly(low: number): number {
  return (low & ~WRITE) >>> 0;
}

/** The words have no bit that the drawing does not know, and A, and D exactly with RW. */
export function isWellFormed(low: number, high: number): boolean {
  if (!isPresent(low)) return low === 0 && high === 0;
  const mfn = frameOf(low, high);
  return low === lowWord(mfn, low) && high === highWord(mfn, high);
}
