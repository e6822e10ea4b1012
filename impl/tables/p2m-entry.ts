import { Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';

/*
 * One entry of a p2m table, 64 bits in two words (p2m.md 2.2). No other file shifts or masks it.
 *
 *   low    31                12 11 10  9   8   7   6   5   4 3   2    1    0
 *         +--------------------+-----+---+---+---+---+---+-----+---+----+---+
 *         |  mfn, low 20 bits  | zero| L | 0 | S | D | A | zero| U | RW | P |
 *         +--------------------+-----+---+---+---+---+---+-----+---+----+---+
 *   high   31   30    27 26          20 19                             0
 *         +----+--------+--------------+--------------------------------+
 *         | NX |  zero  |  type code   |       mfn, high 20 bits        |
 *         +----+--------+--------------+--------------------------------+
 *
 * An all-zero entry is nothing. Entries of upper levels carry full rights, unless S is set in one of
 * level 2 or 3: it is a superpage, RAM in 512 or 512 * 512 frames in a row, of which the first is a
 * multiple of that. L, of upper levels only: the table was lent, and does not count.
 */
const PRESENT = 0x1;
const WRITE = 0x2;
const USER = 0x4;
const ACCESSED = 0x20;
const DIRTY = 0x40;
const SUPERPAGE = 0x80;
const LENT = 0x200;
const BASE = PRESENT | USER | ACCESSED | DIRTY;
const NO_EXECUTE = 0x8000_0000;
const FRAME_SHIFT = 12;
const FRAME_LOW_BITS = 20;
const FRAME_HIGH_MASK = 0xf_ffff;
const TYPE_SHIFT = 20;
const TYPE_MASK = 0x7f;

/** Type codes of the p2m (p2m.md 2.2). */
export const RAM_RW = 0;
export const RAM_RO = 3;
export const GRANT_MAP_RW = 7;
export const GRANT_MAP_RO = 8;
export type TypeCode = typeof RAM_RW | typeof RAM_RO | typeof GRANT_MAP_RW | typeof GRANT_MAP_RO;

/** Table 2.2: flags besides the type code. */
const LOW_FLAGS: Readonly<Record<TypeCode, number>> = {
  [RAM_RW]: BASE | WRITE,
  [RAM_RO]: BASE,
  [GRANT_MAP_RW]: BASE | WRITE,
  [GRANT_MAP_RO]: BASE,
};
const HIGH_FLAGS: Readonly<Record<TypeCode, number>> = {
  [RAM_RW]: 0,
  [RAM_RO]: 0,
  [GRANT_MAP_RW]: NO_EXECUTE,
  [GRANT_MAP_RO]: NO_EXECUTE,
};

/** The words of an entry that is populated on demand: not present, and a type (p2m.md 2.2). */
const POPULATE_ON_DEMAND = 6;
export const GAP_LOW = 0;
export const GAP_HIGH = (POPULATE_ON_DEMAND << TYPE_SHIFT) >>> 0;

export function isGapEntry(low: number, high: number): boolean {
  return low === GAP_LOW && high === GAP_HIGH;
}
export function lowWord(mfn: Mfn, type: TypeCode): number {
  return ((mfn << FRAME_SHIFT) | LOW_FLAGS[type]) >>> 0;
}
export function highWord(mfn: Mfn, type: TypeCode): number {
  return ((mfn >>> FRAME_LOW_BITS) | (type << TYPE_SHIFT) | HIGH_FLAGS[type]) >>> 0;
}
export function isPresent(low: number): boolean {
  return (low & PRESENT) !== 0;
}
export function frameOf(low: number, high: number): Mfn {
  return Mfn((low >>> FRAME_SHIFT) | ((high & FRAME_HIGH_MASK) << FRAME_LOW_BITS));
}

/** What a lookup finds: frame and type in one number, or `NOTHING`. */
declare const leaf: unique symbol;
export type Leaf = number & { readonly [leaf]: 'leaf' };
export const NOTHING: Leaf = leafFrom(-1);
const LEAF_TYPE_BITS = 4;
const LEAF_TYPE_MASK = 0xf;

export function leafOf(low: number, high: number): Leaf {
  if (!isPresent(low)) return NOTHING;
  const type = (high >>> TYPE_SHIFT) & TYPE_MASK;
  return leafFrom((frameOf(low, high) << LEAF_TYPE_BITS) | type);
}
/** The same number read back from a column that kept it. */
export function leafFrom(kept: number): Leaf {
  assertLeaf(kept);
  return kept;
}
function assertLeaf(kept: number): asserts kept is Leaf {
  assert((kept | 0) === kept, 'a leaf fits a column of 32 bits');
}
export function mfnOf(found: Leaf): Mfn {
  return Mfn(found >>> LEAF_TYPE_BITS);
}
export function typeOf(found: Leaf): number {
  return found & LEAF_TYPE_MASK;
}
/** Something is there. */
export function isPresentLeaf(found: Leaf): boolean {
  return found !== NOTHING;
}
/** RAM of the guest's own, writable to it or not. */
export function isRam(found: Leaf): boolean {
  return found !== NOTHING && !isGrant(found);
}
export function isWritableRam(found: Leaf): boolean {
  return found !== NOTHING && typeOf(found) === RAM_RW;
}
export function isReadonlyRam(found: Leaf): boolean {
  return found !== NOTHING && typeOf(found) === RAM_RO;
}
export function isGrant(found: Leaf): boolean {
  if (found === NOTHING) return false;
  return typeOf(found) === GRANT_MAP_RW || typeOf(found) === GRANT_MAP_RO;
}
/** The guest may store through it. */
export function permitsStore(found: Leaf): boolean {
  if (found === NOTHING) return false;
  return typeOf(found) === RAM_RW || typeOf(found) === GRANT_MAP_RW;
}
/** The low word of an entry of writable RAM through which processors may, or may not for now, write. */
export function withWrite(low: number): number {
  return (low | WRITE) >>> 0;
}
export function withoutWrite(low: number): number {
  return (low & ~WRITE) >>> 0;
}
/** Of RAM that is writable, if only the log does not forbid it. */
export function isRamEntry(low: number, high: number): boolean {
  return isPresent(low) && ((high >>> TYPE_SHIFT) & TYPE_MASK) === RAM_RW;
}

export function isSuperpage(low: number): boolean {
  return (low & SUPERPAGE) !== 0;
}
/** The low word of a superpage, of that of its first page. */
export function superpageOf(low: number): number {
  return (low | SUPERPAGE) >>> 0;
}
/** The low word of one page of a superpage: all flags are those of the whole, and so is the high word. */
export function pieceOf(low: number, page: number): number {
  return ((low & ~SUPERPAGE) | (page << FRAME_SHIFT)) >>> 0;
}

/** The entry leads to a table that does not count. */
export function isLent(low: number): boolean {
  return (low & LENT) !== 0;
}
export function lentOf(low: number): number {
  return (low | LENT) >>> 0;
}
export function accountedOf(low: number): number {
  return (low & ~LENT) >>> 0;
}

/** Words of a stored entry agree with table 2.2: presence, rights and type (P2, P3). */
export function isWellFormed(low: number, high: number): boolean {
  if (!isPresent(low)) return (low === 0 && high === 0) || isGapEntry(low, high);
  const type = (high >>> TYPE_SHIFT) & TYPE_MASK;
  if (type !== RAM_RW && type !== RAM_RO && type !== GRANT_MAP_RW && type !== GRANT_MAP_RO) {
    return false;
  }
  const mfn = frameOf(low, high);
  return low === lowWord(mfn, type) && high === highWord(mfn, type);
}
