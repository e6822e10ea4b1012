import type { Cpu as Features } from '../../abi/machine.js';
import * as control from '../../abi/control.js';

/*
 * Entries of page tables as the processor reads them (p2m.md 3.2). Here alone is said where
 * things are in one; an entry is two words, of which 2-level tables have the low one only (high is 0).
 *
 *   low    31                          12 11  9 8 7  6 5  4   3  2  1 0
 *         +------------------------------+-----+-+--+-+-+---+---+--+--+-+
 *         |     frame, low 20 bits       | any |G|PS|D|A|PCD|PWT|US|RW|P|
 *         +------------------------------+-----+-+--+-+-+---+---+--+--+-+
 *   high   31  30  27 26        20 19                                  0
 *         +---+------+------------+------------------------------------+
 *         |NX | key  |    any     |        frame, high 20 bits         |
 *         +---+------+------------+------------------------------------+
 *
 * PAE has zeros for key and any in the high word. Nested tables have the same bits; of them only P,
 * RW, NX, the frame and, at level 2, PS count. A superpage has PAT in bit 12, zeros from bit 13 up to its size, and
 * in a 4 MiB page with PSE36:
 *
 *          31         22 21 20              13 12
 *         +-------------+--+------------------+---+
 *         | frame 19-10 |0 | frame 20 and up  |PAT|
 *         +-------------+--+------------------+---+
 */
export const UNPAGED = 0;
export const TWO_LEVEL = 2;
export const PAE = 3;
export const FOUR_LEVEL = 4;
/** How many levels of tables translate linear addresses. */
export type Mode = typeof UNPAGED | typeof TWO_LEVEL | typeof PAE | typeof FOUR_LEVEL;

const FRAME_SHIFT = 12;
const FRAME_HIGH_MASK = 0xf_ffff;
const TWO_TO_20 = 2 ** 20;
const KEY_MASK = 0xf;
const PSE36_LIMIT = 40;
const PDPTE_ZERO_LOW = 0x1e6;
const PAE_ZERO_HIGH = 0x7ff0_0000;

export function isPresent(low: number): boolean {
  return (low & control.PTE_P) !== 0;
}
export function isWritable(low: number): boolean {
  return (low & control.PTE_RW) !== 0;
}
/** The size bit, of an entry that may be a superpage. */
export function isLarge(low: number): boolean {
  return (low & control.PTE_PS) !== 0;
}
export function isUser(low: number): boolean {
  return (low & control.PTE_US) !== 0;
}
export function isNoExecute(high: number): boolean {
  return (high & control.PTE_NX_HIGH) !== 0;
}
/** The protection key of a leaf, 0..15. */
export function keyOf(high: number): number {
  return (high >>> control.PTE_KEY_SHIFT_HIGH) & KEY_MASK;
}

/** The low word of an entry for a frame; `flags` are bits 0..11. */
export function lowWord(frame: number, flags: number): number {
  return ((frame << FRAME_SHIFT) | flags) >>> 0;
}
/** The frame of a table, or of a page of 4 KiB. Of any entry but a superpage's. */
export function frameOf(low: number, high: number): number {
  return (low >>> FRAME_SHIFT) + (high & FRAME_HIGH_MASK) * TWO_TO_20;
}

/** The entry maps memory: it is at level 1, or a superpage (`superpages` is CR4.PSE). */
export function isLeaf(mode: Mode, level: number, low: number, superpages: boolean): boolean {
  if (level === 1) return true;
  if ((low & control.PTE_PS) === 0 || level === FOUR_LEVEL) return false;
  return mode !== TWO_LEVEL || superpages;
}

/** Log2 of the bytes that a leaf of this level maps. */
export function leafShift(mode: Mode, level: number): number {
  if (level === 1) return 12;
  if (level === 3) return 30;
  return mode === TWO_LEVEL ? 22 : 21;
}

/** The frame of the 4 KiB page that a leaf gives a linear address; the leaf has no reserved bits. */
export function leafFrame(
  mode: Mode,
  level: number,
  low: number,
  high: number,
  linear: number,
): number {
  if (level === 1) return frameOf(low, high);
  if (mode === TWO_LEVEL) {
    const beyond = ((low >>> 13) & 0xff) * TWO_TO_20;
    return beyond + ((low >>> 22) << 10) + ((linear >>> 12) & 0x3ff);
  }
  if (level === 2) return frameOf(low & 0xffe0_0000, high) + ((linear >>> 12) & 0x1ff);
  return frameOf(low & 0xc000_0000, high) + ((linear >>> 12) & 0x3_ffff);
}

/** Where in its table, in bytes, the entry of a linear address is. Not of PAE level 3. */
export function entryOffset(mode: Mode, level: number, high: number, low: number): number {
  if (mode === TWO_LEVEL) {
    return level === 1 ? (low >>> 10) & 0xffc : (low >>> 20) & 0xffc;
  }
  if (level === 1) return (low >>> 9) & 0xff8;
  if (level === 2) return (low >>> 18) & 0xff8;
  if (level === 3) return ((high << 5) | (low >>> 27)) & 0xff8;
  return (high >>> 4) & 0xff8;
}

/** A present entry has a bit set that must be zero at its level. `noExecute` is EFER.NXE. */
export function hasReservedBits(
  mode: Mode,
  level: number,
  low: number,
  high: number,
  leaf: boolean,
  noExecute: boolean,
  features: Features,
): boolean {
  if ((low & reservedLow(mode, level, leaf, features)) !== 0) return true;
  return mode !== TWO_LEVEL && (high & reservedHigh(mode, noExecute, features)) !== 0;
}

/** The same of one of the four entries of PAE's top level: loading such a one faults. */
export function pdpteHasReservedBits(low: number, high: number, features: Features): boolean {
  if (!isPresent(low)) return false;
  return (low & PDPTE_ZERO_LOW) !== 0 || (high & reservedHigh(PAE, false, features)) !== 0;
}

function reservedLow(mode: Mode, level: number, leaf: boolean, features: Features): number {
  if (level === FOUR_LEVEL) return control.PTE_PS;
  if (level === 1 || !leaf) return 0;
  if (level === 3) return features.gibPages ? 0x3fff_e000 : control.PTE_PS;
  if (mode !== TWO_LEVEL) return 0x1f_e000;
  const beyond = features.pse36 ? Math.min(features.addressBits, PSE36_LIMIT) - 32 : 0;
  return (0x3f_e000 << beyond) & 0x3f_e000;
}

function reservedHigh(mode: Mode, noExecute: boolean, features: Features): number {
  const address = (FRAME_HIGH_MASK << (features.addressBits - 32)) & FRAME_HIGH_MASK;
  const unused = mode === PAE ? PAE_ZERO_HIGH : 0;
  return address | unused | (noExecute ? 0 : control.PTE_NX_HIGH);
}
