import { Gfn } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import { assert } from '../assert.js';
import type { Ram } from '../hardware/ram.js';
import * as entry from './p2m-entry.js';
import { ENTRIES, ENTRY_WORDS, SPAN, indexAt } from './p2m-place.js';
import type { P2mSetting, TableFrame } from './p2m-setting.js';
import type { TableTree } from './table-tree.js';

/*
 * Superpages of a p2m: RAM of 512 or 512 * 512 gfns by one entry of level 2 or 3 (p2m.md 2.1, 2.4). The
 * tables that they do without are not taken from the pool until a part is to differ. Where the frames
 * are not in a row, or superpages are switched off, the same is said by tables that are lent.
 */

/** Pages under one entry, by level. */
export const SUPERPAGE_PAGES = SPAN[2];
export const HUGE_PAGES = SPAN[3];
export type LargeLevel = 2 | 3;

/** RAM is put in large entries, superpages or the tables that stand for them, under nested paging. */
export function hasLargeEntries({ paging }: Machine): boolean {
  return paging === 'hap';
}

/** By how large an entry the pages of an extent can be put at a gfn, from one of them on. */
export function levelFor(gfn: Gfn, index: number, length: number): LargeLevel | 1 {
  const isMultiple = (span: number): boolean =>
    gfn % span === 0 && index % span === 0 && length % span === 0;
  if (isMultiple(HUGE_PAGES)) return 3;
  return isMultiple(SUPERPAGE_PAGES) ? 2 : 1;
}

/** Writes RAM to the entry of a large level: a superpage where the frames allow, or tables that are lent. */
export function writeBlock(
  setting: P2mSetting,
  tree: TableTree,
  { table, level, gfn }: { table: Mfn; level: LargeLevel; gfn: Gfn },
  pages: readonly Mfn[],
): void {
  const { ram, counters } = setting;
  const first = pages[0];
  assert(first !== undefined && pages.length === SPAN[level], 'there is a page for each gfn');
  const index = indexAt(gfn, level);
  if (setting.superpages && isRun(pages)) {
    const low = entry.superpageOf(entry.lowWord(first, entry.RAM_RW));
    setEntry(ram, table, index, low, entry.highWord(first, entry.RAM_RW));
    counters.superpagesMade += 1;
    return;
  }
  const child = tree.lend(level - 1, gfn, table, index);
  link(ram, table, index, child, true);
  for (let part = 0; part < ENTRIES; part += 1) {
    if (level === 3) {
      const at = { table: child, level: 2, gfn: Gfn(gfn + part * SUPERPAGE_PAGES) } as const;
      const start = part * SUPERPAGE_PAGES;
      writeBlock(setting, tree, at, pages.slice(start, start + SUPERPAGE_PAGES));
      continue;
    }
    const mfn = pages[part];
    assert(mfn !== undefined, 'there is a page for each gfn');
    const [low, high] = [entry.lowWord(mfn, entry.RAM_RW), entry.highWord(mfn, entry.RAM_RW)];
    setEntry(ram, child, part, low, high);
  }
}

function isRun(pages: readonly Mfn[]): boolean {
  const first = pages[0] ?? 0;
  return first % pages.length === 0 && pages.every((mfn, page) => mfn === first + page);
}

/**
 * A table takes the place of a superpage, with entries that have the flags of the whole. What translates
 * does so as before: nobody has to be told.
 */
export function splitInto(ram: Ram, table: Mfn, level: number, index: number, child: Mfn): void {
  const low = ram.tableWord(table, index * ENTRY_WORDS);
  const high = ram.tableWord(table, index * ENTRY_WORDS + 1);
  assert(entry.isSuperpage(low), 'what is split is a superpage');
  for (let part = 0; part < ENTRIES; part += 1) {
    const piece = entry.pieceOf(low, part * (SPAN[level - 1] ?? 1));
    setEntry(ram, child, part, level === 2 ? piece : entry.superpageOf(piece), high);
  }
}

/** An entry leads to a table. */
export function link(ram: Ram, table: Mfn, index: number, child: Mfn, isLent: boolean): void {
  const low = entry.lowWord(child, entry.RAM_RW);
  const high = entry.highWord(child, entry.RAM_RW);
  setEntry(ram, table, index, isLent ? entry.lentOf(low) : low, high);
}

function setEntry(ram: Ram, table: Mfn, index: number, low: number, high: number): void {
  ram.setTableWord(table, index * ENTRY_WORDS, low);
  ram.setTableWord(table, index * ENTRY_WORDS + 1, high);
}

/** Calls back with the words of each entry for one page: of a bottom table, or in a superpage. */
export function forEachEntry(
  ram: Ram,
  { mfn, base, level }: TableFrame,
  visit: (gfn: Gfn, low: number, high: number) => void,
): void {
  if (level > 3) return;
  const span = SPAN[level] ?? 1;
  for (let index = 0; index < ENTRIES; index += 1) {
    const low = ram.tableWord(mfn, index * ENTRY_WORDS);
    const high = ram.tableWord(mfn, index * ENTRY_WORDS + 1);
    const gfn = base + index * span;
    if (level === 1) visit(Gfn(gfn), low, high);
    else if (entry.isSuperpage(low))
      for (let page = 0; page < span; page += 1)
        visit(Gfn(gfn + page), entry.pieceOf(low, page), high);
  }
}

/** Puts another low word into each entry, or superpage, of writable RAM. */
export function changeRam(
  ram: Ram,
  tables: readonly TableFrame[],
  changed: (low: number) => number,
): void {
  for (const { mfn, level } of tables) {
    if (level > 3) continue;
    for (let index = 0; index < ENTRIES * ENTRY_WORDS; index += ENTRY_WORDS) {
      const low = ram.tableWord(mfn, index);
      if (level > 1 && !entry.isSuperpage(low)) continue;
      if (entry.isRamEntry(low, ram.tableWord(mfn, index + 1))) {
        ram.setTableWord(mfn, index, changed(low));
      }
    }
  }
}
