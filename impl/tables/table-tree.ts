import { Gfn } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import * as entry from './p2m-entry.js';
import { ENTRY_WORDS, SPAN, indexAt } from './p2m-place.js';
import type { P2mSetting, TableFrame } from './p2m-setting.js';
import { link, splitInto } from './superpage.js';

export const ROOT_LEVEL = 4;

/**
 * The tables of one p2m. Those that a domain needs are counted, and bounded by its pool. A table that
 * says the same as one entry could, the hypervisor lends: it does not count until part of that differs.
 * The entry that leads to it says so.
 */
export class TableTree {
  root: Mfn | undefined;
  readonly #setting: P2mSetting;
  readonly #tables: TableFrame[] = [];
  #lent = 0;
  #isClosed = false;

  constructor(setting: P2mSetting) {
    this.#setting = setting;
  }

  /** Takes the root from the pool; false where the pool has none. */
  open(): boolean {
    this.root = this.#take(ROOT_LEVEL, Gfn(0), undefined, 0);
    return this.root !== undefined;
  }

  /** All table frames, parents before children. */
  all(): readonly TableFrame[] {
    return this.#tables;
  }

  /** Frames that count. */
  counted(): number {
    return this.#tables.length - this.#lent;
  }

  /** From now on nothing more is taken: the domain is dying. */
  close(): void {
    this.#isClosed = true;
  }

  /**
   * The table of a level in which the entry for a gfn is, added with all above it where missing; superpages
   * on the way are split. What is added or was lent counts, unless it is to be lent.
   */
  tableFor(gfn: Gfn, wanted: number, toBeLent = false): Mfn | undefined {
    const { ram } = this.#setting;
    let table = this.root;
    for (let level = ROOT_LEVEL; level > wanted; level -= 1) {
      if (table === undefined) return undefined;
      const index = indexAt(gfn, level) * ENTRY_WORDS;
      const low = ram.tableWord(table, index);
      if (!entry.isPresent(low)) {
        table = this.#addTable(table, level, gfn);
      } else if (entry.isSuperpage(low)) {
        table = this.#split(table, level, gfn, toBeLent);
      } else {
        if (entry.isLent(low) && !toBeLent) {
          if (!this.#permits()) return undefined;
          this.#lent -= 1;
          ram.setTableWord(table, index, entry.accountedOf(low));
        }
        table = entry.frameOf(low, ram.tableWord(table, index + 1));
      }
    }
    return table;
  }

  /** A frame that does not count. */
  lend(level: number, base: Gfn, parent: Mfn, index: number): Mfn {
    this.#lent += 1;
    return this.#add(level, base, parent, index);
  }

  /** Gives the youngest frame back. */
  pop(): void {
    const table = this.#tables.pop();
    if (table !== undefined) this.#giveBack(table);
    if (table?.parent === undefined) this.root = undefined;
  }

  /** Gives a table back that something else replaces, with those below it. */
  giveBackUnder(mfn: Mfn): void {
    const isGone = (table: TableFrame): boolean => table.mfn === mfn || table.parent === mfn;
    const kept = this.#tables.filter((table) => !isGone(table));
    // The parent is read last.
    for (const table of this.#tables.filter(isGone).toReversed()) this.#giveBack(table);
    this.#tables.length = 0;
    for (const table of kept) this.#tables.push(table);
  }

  #addTable(parent: Mfn, level: number, gfn: Gfn): Mfn | undefined {
    const index = indexAt(gfn, level);
    const table = this.#take(level - 1, baseOf(gfn, level), parent, index);
    if (table !== undefined) link(this.#setting.ram, parent, index, table, false);
    return table;
  }

  /** One page of a superpage is to differ. */
  #split(parent: Mfn, level: number, gfn: Gfn, toBeLent: boolean): Mfn | undefined {
    const { ram, counters } = this.#setting;
    const index = indexAt(gfn, level);
    const base = baseOf(gfn, level);
    const table = toBeLent
      ? this.lend(level - 1, base, parent, index)
      : this.#take(level - 1, base, parent, index);
    if (table === undefined) return undefined;
    splitInto(ram, parent, level, index, table);
    link(ram, parent, index, table, toBeLent);
    counters.superpagesSplit += 1;
    return table;
  }

  /** A frame of the domain's, or undefined where it has none left. */
  #take(level: number, base: Gfn, parent: Mfn | undefined, index: number): Mfn | undefined {
    return this.#permits() ? this.#add(level, base, parent, index) : undefined;
  }

  #permits(): boolean {
    const { tableFrames, failing } = this.#setting;
    if (this.#isClosed || this.counted() >= tableFrames) return false;
    return !failing.strikes('table');
  }

  #add(level: number, base: Gfn, parent: Mfn | undefined, index: number): Mfn {
    const mfn = this.#setting.share.take();
    assert(mfn !== undefined, 'the hypervisor has a frame for every pool');
    this.#tables.push({ mfn, level, base, parent, index });
    return mfn;
  }

  /** The entry that leads to it is still there. */
  #giveBack({ mfn, parent, index }: TableFrame): void {
    const { ram, share } = this.#setting;
    if (parent !== undefined) {
      if (entry.isLent(ram.tableWord(parent, index * ENTRY_WORDS))) this.#lent -= 1;
      ram.setTableWord(parent, index * ENTRY_WORDS, 0);
      ram.setTableWord(parent, index * ENTRY_WORDS + 1, 0);
    }
    share.giveBack(mfn);
  }
}

/** The first gfn of the entry that a gfn has at a level. */
function baseOf(gfn: Gfn, level: number): Gfn {
  return Gfn(gfn - (gfn % (SPAN[level] ?? 1)));
}
