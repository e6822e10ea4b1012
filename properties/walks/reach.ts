import { PTE_P, PTE_PS } from '../../abi/control.js';
import { PAGE_BYTES, PAGE_SHIFT, type Word } from '../../abi/word.js';
import { sum } from '../../values/words.js';
import { contentAt, TABLES_FROM } from './pattern.js';
import type { WalkCase, WalkMode } from './recorded-case.js';
import { wordOf } from './words.js';

/** The memory of a case, as far as its steps can come to it. */
export interface Reach {
  /** Ascending. */
  readonly gfns: readonly number[];
  /** Every dword that can be read or written, with what it holds at the start. */
  readonly dwords: ReadonlyMap<number, number>;
  /** What its tables ask of a processor that not every one has. */
  readonly features: ReadonlySet<PageFeature>;
}

export type PageFeature = '1 GiB pages' | 'PSE36';

/** The recorders had so much memory, and their own program at its start. */
const MEMORY_TO = 2 ** 29;

/**
 * Works out which memory a case needs, so that no more has to be filled. Whatever order entries are
 * edited in and however long old ones are used, a walk takes at each level a value that the entry
 * had at some time; so all of them are followed. Rights are not looked at.
 */
export function reachOf(one: WalkCase): Reach {
  const reach = new Explorer(one);
  for (const { operation } of one.steps) {
    if (operation.op === 'cr3') reach.addRoot(operation.value);
    if (operation.op === 'peek') reach.touch(operation.address, operation.width);
  }
  for (const { operation } of one.steps)
    if ('as' in operation) reach.access(operation.linear, operation.size);
  return reach.finished();
}

const GIB_SHIFT = 30;
const PSE36_SHIFT = 22;
/** Of a 4 MiB entry: address bits with PSE36, reserved without. */
const PSE36_BITS = 0x3f_e000;

interface Level {
  readonly shift: number;
  readonly entries: number;
  readonly mayBeLeaf: boolean;
}

const level = (shift: number, entries: number, mayBeLeaf: boolean): Level => ({
  shift,
  entries,
  mayBeLeaf,
});
const levels: Readonly<Record<WalkMode, readonly Level[]>> = {
  '2-level': [level(22, 1024, true), level(12, 1024, true)],
  pae: [level(30, 4, false), level(21, 512, true), level(12, 512, true)],
  '4-level': [
    level(39, 512, false),
    level(30, 512, true),
    level(21, 512, true),
    level(12, 512, true),
  ],
};

class Explorer {
  readonly #mode: WalkMode;
  readonly #width: 4 | 8;
  readonly #start = new Map<number, number>();
  /** Every value that a dword of tables is known to have had. */
  readonly #values = new Map<number, Set<number>>();
  readonly #roots = new Set<number>();
  readonly #gfns = new Set<number>();
  readonly #dwords = new Map<number, number>();
  readonly #features = new Set<PageFeature>();

  constructor(one: WalkCase) {
    this.#mode = one.mode;
    this.#width = one.mode === '2-level' ? 4 : 8;
    this.addRoot(one.cr3);
    for (const { address, width, value } of one.tables) {
      this.#start.set(address, value.low);
      if (width === 8) this.#start.set(address + 4, value.high);
    }
    for (const { address, bytes } of one.patches)
      for (const [i, byte] of bytes.entries()) this.#patch(address + i, byte);
    for (const address of this.#start.keys()) this.touch(address, 4);
    for (const { address, fact, also } of one.after)
      for (const value of [fact, also ?? fact]) this.#canBe(address, this.#width, value);
    for (const { operation } of one.steps)
      if (operation.op === 'poke') this.#canBe(operation.address, operation.width, operation.value);
    for (const dwords of [one.writes.dwords, one.writes.qemu ?? new Map<number, number>()])
      for (const [address, value] of dwords) this.#canBe(address, 4, wordOf(value));
  }

  addRoot({ low, high }: Word): void {
    const isLong = this.#mode === '4-level';
    if (isLong && high !== 0) return;
    const mask = this.#mode === 'pae' ? ~31 : ~(PAGE_BYTES - 1);
    this.#roots.add((low & mask) >>> 0);
  }

  /** Follows the tables for each page of an access, and takes in the dwords it comes to. */
  access(linear: Word, size: number): void {
    const fits = Math.min(size, PAGE_BYTES - (linear.low & (PAGE_BYTES - 1)));
    this.#walkFrom(linear, fits);
    if (fits < size) this.#walkFrom(sum(linear, wordOf(fits)), size - fits);
  }

  #walkFrom(linear: Word, size: number): void {
    for (const root of this.#roots) this.#walk(root, 0, linear, size);
  }

  #walk(table: number, depth: number, linear: Word, size: number): void {
    const here = levels[this.#mode][depth];
    if (here === undefined) return;
    const index = Math.floor(shifted(linear, here.shift)) % here.entries;
    for (const entry of this.#entriesAt(table + index * this.#width)) {
      if ((entry & PTE_P) === 0) continue;
      const isLast = here.shift === PAGE_SHIFT;
      if (isLast || (here.mayBeLeaf && (entry & PTE_PS) !== 0)) {
        if (here.shift === GIB_SHIFT) this.#features.add('1 GiB pages');
        if (here.shift === PSE36_SHIFT && (entry & PSE36_BITS) !== 0) this.#features.add('PSE36');
        const bytes = 2 ** here.shift;
        const base = Math.floor(entry / bytes) * bytes;
        this.touch(base + (linear.low % bytes), size);
      }
      if (!isLast) this.#walk((entry & ~(PAGE_BYTES - 1)) >>> 0, depth + 1, linear, size);
    }
  }

  /** The low halves that an entry can have had while its high half named memory. */
  #entriesAt(address: number): Iterable<number> {
    if (!isMemory(address)) return [];
    this.touch(address, this.#width);
    const high = this.#width === 4 ? [0] : [...this.#valuesAt(address + 4)];
    return high.some((value) => (value & 0xf_ffff) === 0) ? this.#valuesAt(address) : [];
  }

  #valuesAt = (address: number): ReadonlySet<number> =>
    new Set([this.#startOf(address), ...(this.#values.get(address) ?? [])]);

  #startOf = (address: number): number => this.#start.get(address) ?? contentAt(address);

  #canBe(address: number, width: 4 | 8, { low, high }: Word): void {
    for (const [at, value] of [[address, low] as const, [address + 4, high] as const].slice(
      0,
      width / 4,
    )) {
      const known = this.#values.get(at) ?? new Set();
      this.#values.set(at, known.add(value));
      this.touch(at, 4);
    }
  }

  #patch(address: number, byte: number): void {
    const dword = address & ~3;
    const shift = 8 * (address & 3);
    const kept = this.#startOf(dword) & ~(0xff << shift);
    this.#start.set(dword, (kept | (byte << shift)) >>> 0);
  }

  touch(address: number, size: number): void {
    for (let at = address & ~3; at < address + size && isMemory(at); at += 4) {
      this.#gfns.add(at >>> PAGE_SHIFT);
      this.#dwords.set(at, this.#startOf(at));
    }
  }

  finished(): Reach {
    const gfns = [...this.#gfns].toSorted((a, b) => a - b);
    return { gfns, dwords: this.#dwords, features: this.#features };
  }
}

const isMemory = (address: number): boolean => address >= TABLES_FROM && address < MEMORY_TO;

/** The bits of a linear address from a level's on; those above 48 fall to the modulus. */
const shifted = ({ low, high }: Word, shift: number): number =>
  ((high & 0xffff) * 2 ** 32 + low) / 2 ** shift;
