import { assert } from '../assert.js';
import { Gfn } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import { P2mCache } from './p2m-cache.js';
import * as entry from './p2m-entry.js';
import type { Leaf, TypeCode } from './p2m-entry.js';
import type { P2mSetting, TableFrame } from './p2m-setting.js';
import { ENTRY_WORDS, SPAN, indexAt, indexOf, placeOf, tableOf } from './p2m-place.js';
import { changeRam, forEachEntry, writeBlock } from './superpage.js';
import type { LargeLevel } from './superpage.js';
import { ROOT_LEVEL, TableTree } from './table-tree.js';

/**
 * The p2m of one domain: four levels of 512 entries in machine frames taken from its own pool
 * (p2m.md 2.1, 2.2). It keeps no count and no M2P; `impl/physmap.ts` does.
 */
export class P2mTable {
  readonly cache = new P2mCache();
  readonly #setting: P2mSetting;
  readonly #tree: TableTree;
  #highest = 0;
  /** Gfns that the entry has which was found last. */
  #span = 1;

  constructor(setting: P2mSetting) {
    this.#setting = setting;
    this.#tree = new TableTree(setting);
  }

  /** Takes the root from the pool; false where the pool has none. */
  open(): boolean {
    return this.#tree.open();
  }

  /** The top table, which hardware walks too. */
  rootFrame(): Mfn {
    const { root } = this.#tree;
    assert(root !== undefined, 'a p2m that is walked is open');
    return root;
  }

  /** The highest gfn that ever held something (P13); 0 at first. */
  highestGfn(): Gfn {
    return Gfn(this.#highest);
  }

  /** Table frames, parents before children. */
  tables(): readonly TableFrame[] {
    return this.#tree.all();
  }

  /** Table frames that the domain's pool gave. */
  countedTables(): number {
    return this.#tree.counted();
  }

  /** Walks the tables: what is at a gfn. Numbers no table can hold find nothing. */
  lookup(gfn: Gfn): Leaf {
    const place = this.#foundPlace(gfn);
    if (place === undefined) return entry.NOTHING;
    const low = this.#wordAt(place);
    const own = entry.isSuperpage(low) ? entry.pieceOf(low, gfn % this.#span) : low;
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
   * Puts frames at all gfns of an entry of level 2 or 3, whatever is there: by one entry if they are in a
   * row. Tables that were there go back. Errors as for `set`.
   */
  setBlock(gfn: Gfn, pages: readonly Mfn[], level: LargeLevel): 'set' | '-ENOENT' | '-ENOMEM' {
    const { ram, log, domain, gfnLimit, failing } = this.#setting;
    if (gfn + pages.length > gfnLimit) return '-ENOENT';
    const table = this.#tree.tableFor(gfn, level);
    if (table === undefined || failing.strikes('entry')) return '-ENOMEM';

    // Nothing below this line can fail.
    const index = indexAt(gfn, level) * ENTRY_WORDS;
    const low = ram.tableWord(table, index);
    if (entry.isPresent(low) && !entry.isSuperpage(low))
      this.#tree.giveBackUnder(entry.frameOf(low, ram.tableWord(table, index + 1)));
    writeBlock(this.#setting, this.#tree, { table, level, gfn }, pages);
    for (let page = 0; page < pages.length; page += 1) log.note(domain, Gfn(gfn + page));
    this.cache.dropAll();
    this.#highest = Math.max(this.#highest, gfn + pages.length - 1);
    return 'set';
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
    for (const table of this.tables())
      if (table.level === 1) forEachEntry(this.#setting.ram, table, visitGap);
  }

  /**
   * Empties a gfn that holds something; `-ENOMEM`: the update fails, or there is no table to split a
   * superpage into, and it still holds that.
   */
  clear(gfn: Gfn): 'cleared' | '-ENOMEM' {
    const isHole = this.lookup(gfn) === entry.NOTHING && !this.isGap(gfn);
    assert(!isHole, 'an entry that is emptied held something');
    const table = this.#leafTableFor(gfn);
    if (table === undefined || this.#setting.failing.strikes('entry')) return '-ENOMEM';

    // Nothing below this line can fail.
    this.#write(table, gfn, 0, 0);
    return 'cleared';
  }

  /** Calls back for every gfn that holds something, table by table. */
  forEach(visit: (gfn: Gfn, found: Leaf) => void): void {
    for (const table of this.tables()) this.#forEachIn(table, visit);
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
    changeRam(this.#setting.ram, this.tables(), entry.withoutWrite);
  }

  /** Processors may write to all RAM again. */
  permitWrites(): void {
    changeRam(this.#setting.ram, this.tables(), entry.withWrite);
  }

  /** Processors may write to the RAM at one gfn. That costs the domain no table. */
  permitWrite(gfn: Gfn): void {
    const table = this.#tree.tableFor(gfn, 1, true);
    assert(table !== undefined, 'RAM that is written has its table');
    const { ram } = this.#setting;
    const index = indexAt(gfn, 1) * ENTRY_WORDS;
    ram.setTableWord(table, index, entry.withWrite(ram.tableWord(table, index)));
  }

  /** From now on the pool gives nothing more: the domain is dying. */
  close(): void {
    this.#tree.close();
  }

  /**
   * Gives the youngest table frame back, after calling back for what it held; the root stays.
   * Answers false once only the root is left.
   */
  dropTable(visit: (gfn: Gfn, found: Leaf) => void): boolean {
    const table = this.tables().at(-1);
    if (table === undefined || table.parent === undefined) return false;
    this.#forEachIn(table, visit);
    this.cache.dropAll();
    this.#tree.pop();
    return true;
  }

  /** Gives the root back: the domain is gone. */
  dropRoot(): void {
    assert(this.tables().length <= 1, 'the root goes last');
    this.#tree.pop();
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
    let table = this.#tree.root;
    for (let level = ROOT_LEVEL; level > 1; level -= 1) {
      if (table === undefined) return undefined;
      const index = indexAt(gfn, level) * ENTRY_WORDS;
      const low = ram.tableWord(table, index);
      if (!entry.isPresent(low)) return undefined;
      if (entry.isSuperpage(low)) {
        this.#span = SPAN[level] ?? 1;
        return placeOf(table, index);
      }
      table = entry.frameOf(low, ram.tableWord(table, index + 1));
    }
    return table === undefined ? undefined : placeOf(table, indexAt(gfn, 1) * ENTRY_WORDS);
  }

  /** The bottom table for a gfn, which counts from now on, as all above it do. */
  #leafTableFor(gfn: Gfn): Mfn | undefined {
    return this.#tree.tableFor(gfn, 1);
  }

  #forEachIn(table: TableFrame, visit: (gfn: Gfn, found: Leaf) => void): void {
    forEachEntry(this.#setting.ram, table, (gfn, low, high) => {
      if (entry.isPresent(low)) visit(gfn, entry.leafOf(low, high));
    });
  }
}
