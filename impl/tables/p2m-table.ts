import { assert } from '../assert.js';
import { Gfn } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import { P2mCache } from './p2m-cache.js';
import * as entry from './p2m-entry.js';
import type { Leaf, TypeCode } from './p2m-entry.js';
import type { P2mSetting, TableFrame } from './p2m-setting.js';
import { ENTRIES, ENTRY_WORDS, SPAN, indexAt, indexOf, placeOf, tableOf } from './p2m-place.js';
import { changeRam, forEachEntry, isBlank, joinTable, splitTable } from './superpage.js';

const ROOT_LEVEL = 4;

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
    const place = this.#foundPlace(gfn);
    if (place === undefined) return entry.NOTHING;
    const low = this.#wordAt(place);
    const own = entry.isSuperpage(low) ? entry.pieceOf(low, indexAt(gfn, 1)) : low;
    return entry.leafOf(own, this.#wordAt(place + 1));
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

  /**
   * Puts frames in a row at the 512 gfns of a bottom table by one entry. False where one of them is not
   * empty, where there is no table, and where each entry counts as a try that may fail.
   */
  setSuperpage(gfn: Gfn, mfn: Mfn): boolean {
    const { ram, failing, log, domain, gfnLimit, counters } = this.#setting;
    if (gfn + ENTRIES > gfnLimit || failing.countsEntries()) return false;
    const table = this.#leafTableFor(gfn);
    if (table === undefined || !isBlank(ram, table)) return false;

    // Nothing below this line can fail.
    joinTable(ram, this.#frameOver(gfn), mfn);
    for (let page = 0; page < ENTRIES; page += 1) log.note(domain, Gfn(gfn + page));
    this.cache.dropAll();
    this.#highest = Math.max(this.#highest, gfn + ENTRIES - 1);
    counters.superpagesMade += 1;
    return true;
  }

  /** Writes to a gfn that holds nothing that it holds nothing, which takes the tables of an entry. */
  setNothing(gfn: Gfn): 'set' | '-ENOMEM' {
    if (this.#leafTableFor(gfn) === undefined) return '-ENOMEM';
    return this.#setting.failing.strikes('entry') ? '-ENOMEM' : 'set';
  }

  /** The gfn is populated on demand. */
  isGap(gfn: Gfn): boolean {
    const place = this.#foundPlace(gfn);
    return place !== undefined && entry.isGapEntry(this.#wordAt(place), this.#wordAt(place + 1));
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
    const visitGap = (gfn: Gfn, low: number, high: number): void => {
      if (entry.isGapEntry(low, high)) visit(gfn);
    };
    for (const table of this.#tables)
      if (table.level === 1) forEachEntry(this.#setting.ram, table, visitGap);
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
      const there = this.#leafTableFor(gfn);
      assert(there !== undefined, 'an entry that holds something has its table');
      this.#write(there, gfn, 0, 0);
      visit(gfn, found);
    });
  }

  /** Processors may not write to any RAM through these tables, until they are let. */
  withholdWrites(): void {
    changeRam(this.#setting.ram, this.#tables, entry.withoutWrite);
  }

  /** Processors may write to all RAM again. */
  permitWrites(): void {
    changeRam(this.#setting.ram, this.#tables, entry.withWrite);
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

  #wordAt(place: number): number {
    return this.#setting.ram.tableWord(tableOf(place), indexOf(place));
  }

  /** The entry that translates a gfn, if its table is there: of a bottom table, or a superpage. */
  #foundPlace(gfn: Gfn): number | undefined {
    const { ram, gfnLimit } = this.#setting;
    if (gfn >= gfnLimit) return undefined;
    let table = this.#root;
    for (let level = ROOT_LEVEL; level > 1; level -= 1) {
      if (table === undefined) return undefined;
      const index = indexAt(gfn, level) * ENTRY_WORDS;
      const low = ram.tableWord(table, index);
      if (!entry.isPresent(low)) return undefined;
      if (entry.isSuperpage(low)) return placeOf(table, index);
      table = entry.frameOf(low, ram.tableWord(table, index + 1));
    }
    return table === undefined ? undefined : placeOf(table, indexAt(gfn, 1) * ENTRY_WORDS);
  }

  /** The bottom table for a gfn, added with all above it where missing; a superpage is split into it. */
  #leafTableFor(gfn: Gfn): Mfn | undefined {
    let table = this.#root;
    for (let level = ROOT_LEVEL; level > 1; level -= 1) {
      if (table === undefined) return undefined;
      const index = indexAt(gfn, level) * ENTRY_WORDS;
      const low = this.#setting.ram.tableWord(table, index);
      if (entry.isSuperpage(low)) return this.#split(gfn);
      table = entry.isPresent(low)
        ? entry.frameOf(low, this.#setting.ram.tableWord(table, index + 1))
        : this.#addTable(table, level, gfn);
    }
    return table;
  }

  /** One page of a superpage is to differ. What translates does so as before: nobody has to be told. */
  #split(gfn: Gfn): Mfn {
    const table = this.#frameOver(gfn);
    splitTable(this.#setting.ram, table);
    this.#setting.counters.superpagesSplit += 1;
    return table.mfn;
  }

  /** The frame of the bottom table for a gfn, which is taken also where a superpage does without. */
  #frameOver(gfn: Gfn): TableFrame {
    const base = gfn - (gfn % ENTRIES);
    const found = this.#tables.find((table) => table.level === 1 && table.base === base);
    assert(found !== undefined, 'a superpage has a table in reserve');
    return found;
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
    if (this.#isClosed || this.#tables.length >= this.#setting.tableFrames) return undefined;
    if (this.#setting.failing.strikes('table')) return undefined;
    const mfn = this.#setting.share.take();
    assert(mfn !== undefined, 'the hypervisor has a frame for every pool');
    this.#tables.push({ mfn, level, base, parent, index });
    return mfn;
  }

  #forEachIn(table: TableFrame, visit: (gfn: Gfn, found: Leaf) => void): void {
    forEachEntry(this.#setting.ram, table, (gfn, low, high) => {
      if (entry.isPresent(low)) visit(gfn, entry.leafOf(low, high));
    });
  }
}
