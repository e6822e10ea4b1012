import { Gfn } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import type { Ram } from '../hardware/ram.js';
import * as entry from './p2m-entry.js';
import { ENTRIES, ENTRY_WORDS } from './p2m-place.js';
import type { TableFrame } from './p2m-setting.js';

/*
 * Superpages of a p2m: one entry of level 2 in place of a bottom table of 512 (p2m.md 2.1, 2.4). The
 * bottom table is taken from the pool as ever and stays with the superpage, blank and not linked. So
 * splitting takes nothing from the pool, and tables run out just when they would without superpages:
 * what is saved is a level of the walk and 512 writes, not memory.
 */

/** Pages under one entry of level 2. */
export const SUPERPAGE_PAGES = ENTRIES;

/** A superpage of RAM in so many frames from the first on takes the place of a blank bottom table. */
export function joinTable(ram: Ram, { parent, index }: TableFrame, first: Mfn): void {
  assert(parent !== undefined, 'a bottom table has a parent');
  const low = entry.superpageOf(entry.lowWord(first, entry.RAM_RW));
  ram.setTableWord(parent, index * ENTRY_WORDS, low);
  ram.setTableWord(parent, index * ENTRY_WORDS + 1, entry.highWord(first, entry.RAM_RW));
}

/** The bottom table takes its place again: its entries first, which have the flags of the whole. */
export function splitTable(ram: Ram, { mfn, parent, index }: TableFrame): void {
  assert(parent !== undefined, 'a bottom table has a parent');
  const low = ram.tableWord(parent, index * ENTRY_WORDS);
  const high = ram.tableWord(parent, index * ENTRY_WORDS + 1);
  assert(entry.isSuperpage(low), 'what is split is a superpage');
  for (let page = 0; page < SUPERPAGE_PAGES; page += 1) {
    ram.setTableWord(mfn, page * ENTRY_WORDS, entry.pieceOf(low, page));
    ram.setTableWord(mfn, page * ENTRY_WORDS + 1, high);
  }
  ram.setTableWord(parent, index * ENTRY_WORDS, entry.lowWord(mfn, entry.RAM_RW));
  ram.setTableWord(parent, index * ENTRY_WORDS + 1, entry.highWord(mfn, entry.RAM_RW));
}

/** No entry of the table says anything. */
export function isBlank(ram: Ram, table: Mfn): boolean {
  for (let word = 0; word < SUPERPAGE_PAGES * ENTRY_WORDS; word += 1) {
    if (ram.tableWord(table, word) !== 0) return false;
  }
  return true;
}

/** Calls back with the words of each entry of a bottom table, or of the superpage in its place. */
export function forEachEntry(
  ram: Ram,
  { mfn, base, parent, index }: TableFrame,
  visit: (gfn: Gfn, low: number, high: number) => void,
): void {
  assert(parent !== undefined, 'a bottom table has a parent');
  const whole = ram.tableWord(parent, index * ENTRY_WORDS);
  const wholeHigh = ram.tableWord(parent, index * ENTRY_WORDS + 1);
  const isWhole = entry.isSuperpage(whole);
  for (let page = 0; page < SUPERPAGE_PAGES; page += 1) {
    const low = isWhole ? entry.pieceOf(whole, page) : ram.tableWord(mfn, page * ENTRY_WORDS);
    const high = isWhole ? wholeHigh : ram.tableWord(mfn, page * ENTRY_WORDS + 1);
    visit(Gfn(base + page), low, high);
  }
}

/** Puts another low word into each entry, or superpage, of writable RAM. */
export function changeRam(
  ram: Ram,
  tables: readonly TableFrame[],
  changed: (low: number) => number,
): void {
  for (const { mfn, level } of tables) {
    if (level > 2) continue;
    for (let index = 0; index < ENTRIES * ENTRY_WORDS; index += ENTRY_WORDS) {
      const low = ram.tableWord(mfn, index);
      if (level === 2 && !entry.isSuperpage(low)) continue;
      if (entry.isRamEntry(low, ram.tableWord(mfn, index + 1))) {
        ram.setTableWord(mfn, index, changed(low));
      }
    }
  }
}
