import { assert } from '../assert.js';
import { Gfn } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import { P2mCache } from './p2m-cache.js';
import * as entry from './p2m-entry.js';
import type { Leaf, TypeCode } from './p2m-entry.js';
import type { P2mSetting, TableFrame } from './p2m-setting.js';

export type { TableFrame } from './p2m-setting.js';

const ENTRIES = 512;
const ENTRY_WORDS = 2;
const ROOT_LEVEL = 4;
/** Pages under one entry of a table, by level 1..4. */
const SPAN = [0, 1, 512, 512 ** 2, 512 ** 3] as const;

/**
 * The p2m of one domain: four levels of 512 entries in machine frames taken from its own pool
 * (p2m.md 2.1, 2.2). It keeps no count and no M2P; `impl/physmap.ts` does.
 */
export class P2mTable {
  readonly cache = new P2mCache();
  readonly #setting: P2mSetting;
  readonly #tables: TableFrame[] = [];
  #root: Mfn | undefined;
  #isClosed = false;
  #highest = 0;

  constructor(setting: P2mSetting) {
    this.#setting = setting;
  }

  /** Takes the root from the pool; false where the pool has none. */
  open(): boolean {
    this.#root = this.#takeTable(ROOT_LEVEL, Gfn(0), undefined, 0);
    return this.#root !== undefined;
  }

  /** The top table, which hardware walks too. */
  rootFrame(): Mfn {
    assert(this.#root !== undefined, 'a p2m that is walked is open');
    return this.#root;
  }

  /** The highest gfn that ever held something (P13); 0 at first. */
  highestGfn(): Gfn {
    return Gfn(this.#highest);
  }

  /** Table frames, parents before children. */
  tables(): readonly TableFrame[] {
    return this.#tables;
  }

  /** Walks the tables: what is at a gfn. Numbers no table can hold find nothing. */
  lookup(gfn: Gfn): Leaf {
    if (gfn >= this.#setting.gfnLimit) return entry.NOTHING;
    const { ram } = this.#setting;
    const table = this.#foundTable(gfn);
    if (table === undefined) return entry.NOTHING;
    const index = indexAt(gfn, 1) * ENTRY_WORDS;
    return entry.leafOf(ram.tableWord(table, index), ram.tableWord(table, index + 1));
  }

  /**
   * Puts a frame at a gfn. `-ENOENT`: no table can hold the gfn. `-ENOMEM`: the pool is empty, or
   * the update fails; tables already added on the way stay (p2m.md 2.4).
   */
  set(gfn: Gfn, mfn: Mfn, type: TypeCode): 'set' | '-ENOENT' | '-ENOMEM' {
    if (gfn >= this.#setting.gfnLimit) return '-ENOENT';
    const table = this.#leafTableFor(gfn);
    if (table === undefined) return '-ENOMEM';
    if (this.#setting.failing.strikes('entry')) return '-ENOMEM';

    // Nothing below this line can fail.
    this.#write(table, gfn, entry.lowWord(mfn, type), entry.highWord(mfn, type));
    if (gfn > this.#highest) this.#highest = gfn;
    return 'set';
  }

  /** Writes to a gfn that holds nothing that it holds nothing, which takes the tables of an entry. */
  setNothing(gfn: Gfn): 'set' | '-ENOMEM' {
    if (this.#leafTableFor(gfn) === undefined) return '-ENOMEM';
    return this.#setting.failing.strikes('entry') ? '-ENOMEM' : 'set';
  }

  /** The gfn is populated on demand. */
  isGap(gfn: Gfn): boolean {
    if (gfn >= this.#setting.gfnLimit) return false;
    const table = this.#foundTable(gfn);
    if (table === undefined) return false;
    const index = indexAt(gfn, 1) * ENTRY_WORDS;
    const { ram } = this.#setting;
    return entry.isGapEntry(ram.tableWord(table, index), ram.tableWord(table, index + 1));
  }

  /** A gfn is to be populated on demand; errors as for `set`. */
  setGap(gfn: Gfn): 'set' | '-ENOENT' | '-ENOMEM' {
    if (gfn >= this.#setting.gfnLimit) return '-ENOENT';
    const table = this.#leafTableFor(gfn);
    if (table === undefined || this.#setting.failing.strikes('entry')) return '-ENOMEM';

    // Nothing below this line can fail.
    this.#write(table, gfn, entry.GAP_LOW, entry.GAP_HIGH);
    if (gfn > this.#highest) this.#highest = gfn;
    return 'set';
  }

  /** Calls back for every gfn that is populated on demand. */
  forEachGap(visit: (gfn: Gfn) => void): void {
    const { ram } = this.#setting;
    for (const { mfn, level, base } of this.#tables) {
      if (level > 1) continue;
      for (let index = 0; index < ENTRIES; index += 1) {
        const low = ram.tableWord(mfn, index * ENTRY_WORDS);
        const high = ram.tableWord(mfn, index * ENTRY_WORDS + 1);
        if (entry.isGapEntry(low, high)) visit(Gfn(base + index));
      }
    }
  }

  /** Empties a gfn that holds something; `-ENOMEM`: the update fails, and it still holds that. */
  clear(gfn: Gfn): 'cleared' | '-ENOMEM' {
    const isHole = this.lookup(gfn) === entry.NOTHING && !this.isGap(gfn);
    assert(!isHole, 'an entry that is emptied held something');
    if (this.#setting.failing.strikes('entry')) return '-ENOMEM';

    // Nothing below this line can fail.
    const table = this.#leafTableFor(gfn);
    assert(table !== undefined, 'an entry that holds something has its table');
    this.#write(table, gfn, 0, 0);
    return 'cleared';
  }

  /** Calls back for every gfn that holds something, table by table. */
  forEach(visit: (gfn: Gfn, found: Leaf) => void): void {
    for (const table of this.#tables) {
      if (table.level === 1) this.#forEachIn(table, visit);
    }
  }

  /**
   * Empties what `isGone` says so of in one of the tables, and calls back for it. It is a dying
   * domain's: this does not fail.
   */
  emptyIn(
    table: TableFrame,
    isGone: (found: Leaf) => boolean,
    visit: (gfn: Gfn, found: Leaf) => void,
  ): void {
    if (table.level > 1) return;
    this.#forEachIn(table, (gfn, found) => {
      if (!isGone(found)) return;
      this.#write(table.mfn, gfn, 0, 0);
      visit(gfn, found);
    });
  }

  /** Processors may not write to any RAM through these tables, until they are let. */
  withholdWrites(): void {
    this.#forEachRam((table, index, low) => {
      this.#setting.ram.setTableWord(table, index, entry.withoutWrite(low));
    });
  }

  /** Processors may write to all RAM again. */
  permitWrites(): void {
    this.#forEachRam((table, index, low) => {
      this.#setting.ram.setTableWord(table, index, entry.withWrite(low));
    });
  }

  /** Processors may write to the RAM at one gfn. */
  permitWrite(gfn: Gfn): void {
    const table = this.#leafTableFor(gfn);
    assert(table !== undefined, 'RAM that is written has its table');
    const { ram } = this.#setting;
    const index = indexAt(gfn, 1) * ENTRY_WORDS;
    ram.setTableWord(table, index, entry.withWrite(ram.tableWord(table, index)));
  }

  /** From now on the pool gives nothing more: the domain is dying. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * Gives the youngest table frame back, after calling back for what it held; the root stays.
   * Answers false once only the root is left.
   */
  dropTable(visit: (gfn: Gfn, found: Leaf) => void): boolean {
    const table = this.#tables.at(-1);
    if (table === undefined || table.parent === undefined) return false;
    if (table.level === 1) this.#forEachIn(table, visit);
    this.#setting.ram.setTableWord(table.parent, table.index * ENTRY_WORDS, 0);
    this.#setting.ram.setTableWord(table.parent, table.index * ENTRY_WORDS + 1, 0);
    this.cache.dropAll();
    this.#tables.pop();
    this.#setting.share.giveBack(table.mfn);
    return true;
  }

  /** Gives the root back: the domain is gone. */
  dropRoot(): void {
    assert(this.#tables.length <= 1, 'the root goes last');
    const root = this.#tables.pop();
    if (root !== undefined) this.#setting.share.giveBack(root.mfn);
    this.#root = undefined;
  }

  #write(table: Mfn, gfn: Gfn, low: number, high: number): void {
    const ram = this.#setting.ram;
    const index = indexAt(gfn, 1) * ENTRY_WORDS;
    ram.setTableWord(table, index, low);
    ram.setTableWord(table, index + 1, high);
    this.#setting.log.note(this.#setting.domain, gfn);
    this.cache.drop(gfn);
  }

  /** The bottom table for a gfn, if it is there. */
  #foundTable(gfn: Gfn): Mfn | undefined {
    const { ram } = this.#setting;
    let table = this.#root;
    for (let level = ROOT_LEVEL; level > 1; level -= 1) {
      if (table === undefined) return undefined;
      const index = indexAt(gfn, level) * ENTRY_WORDS;
      const low = ram.tableWord(table, index);
      if (!entry.isPresent(low)) return undefined;
      table = entry.frameOf(low, ram.tableWord(table, index + 1));
    }
    return table;
  }

  /** The bottom table for a gfn, added with all above it where missing. */
  #leafTableFor(gfn: Gfn): Mfn | undefined {
    let table = this.#root;
    for (let level = ROOT_LEVEL; level > 1; level -= 1) {
      if (table === undefined) return undefined;
      const index = indexAt(gfn, level) * ENTRY_WORDS;
      const low = this.#setting.ram.tableWord(table, index);
      table = entry.isPresent(low)
        ? entry.frameOf(low, this.#setting.ram.tableWord(table, index + 1))
        : this.#addTable(table, level, gfn);
    }
    return table;
  }

  #addTable(parent: Mfn, level: number, gfn: Gfn): Mfn | undefined {
    const index = indexAt(gfn, level);
    const base = Gfn(gfn - (gfn % (SPAN[level] ?? 1)));
    const table = this.#takeTable(level - 1, base, parent, index);
    if (table === undefined) return undefined;
    const ram = this.#setting.ram;
    ram.setTableWord(parent, index * ENTRY_WORDS, entry.lowWord(table, entry.RAM_RW));
    ram.setTableWord(parent, index * ENTRY_WORDS + 1, entry.highWord(table, entry.RAM_RW));
    return table;
  }

  #takeTable(level: number, base: Gfn, parent: Mfn | undefined, index: number): Mfn | undefined {
    if (this.#isClosed) return undefined;
    if (this.#tables.length >= this.#setting.tableFrames) return undefined;
    if (this.#setting.failing.strikes('table')) return undefined;
    const mfn = this.#setting.share.take();
    assert(mfn !== undefined, 'the hypervisor has a frame for every pool');
    this.#tables.push({ mfn, level, base, parent, index });
    return mfn;
  }

  /** Calls back with table, index of the low word and the low word of each entry of RAM. */
  #forEachRam(visit: (table: Mfn, index: number, low: number) => void): void {
    const { ram } = this.#setting;
    for (const { mfn, level } of this.#tables) {
      if (level > 1) continue;
      for (let index = 0; index < ENTRIES * ENTRY_WORDS; index += ENTRY_WORDS) {
        const low = ram.tableWord(mfn, index);
        if (entry.isRamEntry(low, ram.tableWord(mfn, index + 1))) visit(mfn, index, low);
      }
    }
  }

  #forEachIn(table: TableFrame, visit: (gfn: Gfn, found: Leaf) => void): void {
    const ram = this.#setting.ram;
    for (let index = 0; index < ENTRIES; index += 1) {
      const low = ram.tableWord(table.mfn, index * ENTRY_WORDS);
      if (!entry.isPresent(low)) continue;
      const high = ram.tableWord(table.mfn, index * ENTRY_WORDS + 1);
      visit(Gfn(table.base + index), entry.leafOf(low, high));
    }
  }
}

/** Which of the 512 entries of a table of this level leads to a gfn. */
function indexAt(gfn: Gfn, level: number): number {
  return (gfn / (SPAN[level] ?? 1)) & (ENTRIES - 1);
}
