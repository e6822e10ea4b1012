import { PFEC_I, PFEC_U, PFEC_W } from '../../abi/control.js';
import { signedAt } from '../tables/column.js';

/** A name of one's own costs nothing; another file's is looked up each time it is used. */
const wordOf = signedAt;

/*
 * Who may do what with a page (p2m.md 3.4). An access is `PFEC_W | PFEC_U | PFEC_I` as wanted, with
 * two more in bits that no access uses; all of it fits in 5 bits.
 */

/** The access is the supervisor's with EFLAGS.AC set: SMAP lets it pass. */
export const ACCESS_AC = 0x1;
/** The processor's own, as of a descriptor: the supervisor's whatever U says; AC does not count. */
export const ACCESS_IMPLICIT = 0x8;

export const CONTROL_WP = 0x20;
export const CONTROL_SMEP = 0x40;
export const CONTROL_SMAP = 0x80;
/** CR4.PKE: what `permits` permits is still subject to `keyDenies`. */
export const CONTROL_KEYS = 0x100;

/** Rights that all entries of a walk give together. */
export const RIGHT_RW = 0x1;
export const RIGHT_USER = 0x2;
export const RIGHT_NX = 0x4;
/** D is set, so that a write needs no walk; for a nested page also: the nested tables permit it. */
export const RIGHT_DIRTY = 0x8;
/** The protection key stands above the rights. */
export const KEY_SHIFT = 4;
const RIGHTS_MASK = 0xf;

const PKRU_ACCESS_DISABLE = 0x1;
const PKRU_WRITE_DISABLE = 0x2;

const CONTROL_SHIFT = 5;
const CONTROL_MASK = 0x7;
const SETS_OF_RIGHTS = 16;
const ACCESSES = 32;

/** By controls (WP, SMEP, SMAP) and rights: one bit for each access that is permitted. */
const PERMITTED = Int32Array.from({ length: (CONTROL_MASK + 1) * SETS_OF_RIGHTS }, (_, index) => {
  const controls = Math.floor(index / SETS_OF_RIGHTS) << CONTROL_SHIFT;
  let accesses = 0;
  for (let access = 0; access < ACCESSES; access += 1) {
    if (judge(controls, access, index & RIGHTS_MASK)) accesses |= 1 << access;
  }
  return accesses;
});

/** The accesses that rights permit under the control bits: bit 1 << access for each. */
export function permittedAccesses(controls: number, rights: number): number {
  const row = ((controls >>> CONTROL_SHIFT) & CONTROL_MASK) * SETS_OF_RIGHTS;
  return wordOf(PERMITTED, row + (rights & RIGHTS_MASK));
}

/** Rights permit an access under the control bits; keys are judged by `keyDenies`. */
export function permits(controls: number, access: number, rights: number): boolean {
  return ((permittedAccesses(controls, rights) >>> access) & 1) !== 0;
}

/** The protection key denies data of a user page. */
export function keyDenies(pkru: number, controls: number, access: number, rights: number): boolean {
  if ((access & PFEC_I) !== 0 || (rights & RIGHT_USER) === 0) return false;
  const denied = pkru >>> ((rights >>> KEY_SHIFT) * 2);
  if ((denied & PKRU_ACCESS_DISABLE) !== 0) return true;
  if ((denied & PKRU_WRITE_DISABLE) === 0 || (access & PFEC_W) === 0) return false;
  return isByUser(access) || (controls & CONTROL_WP) !== 0;
}

export function isByUser(access: number): boolean {
  return (access & PFEC_U) !== 0 && (access & ACCESS_IMPLICIT) === 0;
}

function judge(controls: number, access: number, rights: number): boolean {
  const isWrite = (access & PFEC_W) !== 0;
  const isFetch = (access & PFEC_I) !== 0;
  const isUserPage = (rights & RIGHT_USER) !== 0;
  if (isFetch && (rights & RIGHT_NX) !== 0) return false;
  if (isWrite && (rights & RIGHT_DIRTY) === 0) return false;
  const isReadOnly = (rights & RIGHT_RW) === 0;
  if (isByUser(access)) return isUserPage && !(isWrite && isReadOnly);

  if (isUserPage && isFetch && (controls & CONTROL_SMEP) !== 0) return false;
  if (isUserPage && !isFetch && (controls & CONTROL_SMAP) !== 0) {
    if ((access & ACCESS_AC) === 0 || (access & ACCESS_IMPLICIT) !== 0) return false;
  }
  return !(isWrite && isReadOnly && (controls & CONTROL_WP) !== 0);
}
