import type { Mode } from '../hardware/page-entry.js';
import { FOUR_LEVEL, PAE, TWO_LEVEL } from '../hardware/page-entry.js';
import { byteAt } from '../tables/column.js';

/*
 * What a shadow is of (p2m.md 4.2). A page of a guest can be shadowed as several of these at once:
 * tables may be recursive, and vcpus may differ in mode. 2-level tables are shadowed twice where
 * vcpus differ in CR4.PSE, which changes what their entries mean.
 */
export const NO_SHADOW = 0;
/** 1024 entries of a 2-level guest: two pages of 512. */
export const L1_32 = 1;
/** A superpage of 4 MiB in pieces of 4 KiB: two pages. It has no table of the guest. */
export const FL1_32 = 2;
/** 1024 entries of a 2-level guest, each two of ours: four pages, four roots of hardware's level 3. */
export const L2_32 = 3;
/** The same, read without CR4.PSE. */
export const L2_32_SMALL = 4;
export const L1_PAE = 5;
/** A superpage of 2 MiB in pieces. */
export const FL1_PAE = 6;
export const L2_PAE = 7;
export const L1_64 = 8;
export const FL1_64 = 9;
export const L2_64 = 10;
export const L3_64 = 11;
export const L4_64 = 12;
/** What a vcpu without paging runs on: linear is physical, in superpages of 4 MiB. No guest table. */
export const IDENTITY = 13;

/** Types whose pages a resync or a write has to look at, lower levels first (p2m.md 4.14). */
export const TABLE_TYPES = Uint8Array.of(
  L1_32,
  L1_PAE,
  L1_64,
  L2_32,
  L2_32_SMALL,
  L2_PAE,
  L2_64,
  L3_64,
  L4_64,
);

//                         --  L1 FL1  L2  L2s L1p F1p L2p L1  FL1 L2  L3  L4  ID
const PAGES = Uint8Array.of(0, 2, 2, 4, 4, 1, 1, 1, 1, 1, 1, 1, 1, 4);
const LEVEL = Uint8Array.of(0, 1, 1, 2, 2, 1, 1, 2, 1, 1, 2, 3, 4, 2);
const ENTRIES = 512;

/** Shadow pages that one shadow of this type takes. */
export function pagesOf(type: number): number {
  return byteAt(PAGES, type);
}

export function levelOf(type: number): number {
  return byteAt(LEVEL, type);
}

/** The pieces of a superpage: no table of the guest stands behind it; its key is a gfn. */
export function isSplinter(type: number): boolean {
  return type === FL1_32 || type === FL1_PAE || type === FL1_64;
}

/** Its key is the frame of a guest's table, which it holds a reference on. */
export function isOfTable(type: number): boolean {
  return type !== NO_SHADOW && type !== IDENTITY && !isSplinter(type);
}

/** Of 2-level tables: twice as many guest entries in a page as in one of ours. */
export function isWide(type: number): boolean {
  return type <= L2_32_SMALL || type === IDENTITY;
}

/** Two entries of ours for each of the guest's. */
export function isPaired(type: number): boolean {
  return type === L2_32 || type === L2_32_SMALL || type === IDENTITY;
}

/** A vcpu's root slots point to these, and the pinned list holds them. */
export function isRoot(type: number): boolean {
  return isPaired(type) || type === L2_PAE || type === L4_64;
}

/** Entries of the guest that a shadow stands for. */
export function entriesOf(type: number): number {
  return isWide(type) ? 2 * ENTRIES : ENTRIES;
}

/** The mode whose entries a guest's table of this type has. */
export function guestModeOf(type: number): Mode {
  if (isWide(type)) return TWO_LEVEL;
  return type <= L2_PAE ? PAE : FOUR_LEVEL;
}

/** Superpages are honoured in it: CR4.PSE for 2-level tables, always in the others. */
export function honoursSuperpages(type: number): boolean {
  return type !== L2_32_SMALL;
}

/** What an entry that leads to a table leads to. */
export function childType(type: number): number {
  if (type === L2_32 || type === L2_32_SMALL) return L1_32;
  if (type === L2_PAE) return L1_PAE;
  if (type === L2_64) return L1_64;
  return type === L3_64 ? L2_64 : L3_64;
}

/** What an entry that maps a superpage leads to. */
export function splinterType(type: number): number {
  if (isWide(type)) return FL1_32;
  return type === L2_PAE ? FL1_PAE : FL1_64;
}

/** The bit of a type among the types that a guest's table is shadowed as. */
export function bitOf(type: number): number {
  return 1 << type;
}
