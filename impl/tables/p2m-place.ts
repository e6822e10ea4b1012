import { Mfn } from '../../abi/ids.js';
import type { Gfn } from '../../abi/ids.js';

/* Where the entry for a gfn is: tables of four levels have 512 entries of two words each. */

export const ENTRIES = 512;
export const ENTRY_WORDS = 2;
/** Pages under one entry of a table, by level 1..4. */
export const SPAN = [0, 1, 512, 512 ** 2, 512 ** 3] as const;
const TABLE_WORDS = ENTRIES * ENTRY_WORDS;

/** Which of the 512 entries of a table of this level leads to a gfn. */
export function indexAt(gfn: Gfn, level: number): number {
  return (gfn / (SPAN[level] ?? 1)) & (ENTRIES - 1);
}

/** A table, and the index of the low word of one of its entries, in one number. */
export function placeOf(table: Mfn, index: number): number {
  return table * TABLE_WORDS + index;
}
export function tableOf(place: number): Mfn {
  return Mfn(Math.floor(place / TABLE_WORDS));
}
export function indexOf(place: number): number {
  return place % TABLE_WORDS;
}
