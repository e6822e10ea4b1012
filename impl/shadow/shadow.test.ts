import { describe, expect, test } from 'vitest';
import { PTE_A, PTE_D, PTE_P, PTE_RW, PTE_US } from '../../abi/control.js';
import { DomainId } from '../../abi/ids.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Machine } from '../../abi/machine.js';
import type { Counters, Options } from '../options.js';
import {
  ALL,
  LEVEL_1,
  LEVEL_2,
  LEVEL_3,
  PagedGuests,
  ROOT,
  faultIs,
  layouts,
  machines,
  valueIs,
} from '../testing/paged-guests.js';
import type { Layout } from '../testing/paged-guests.js';

const STORED = { is: 'stored' };
const USED = ALL | PTE_A | PTE_D;
const CR4_PSE = 0x10;
/** A page table that nothing uses. */
const OTHER_TABLE = 5;

/** Guests whose first has paging on, and whose pages 8 to 15 hold their number. */
function shadowed(
  layout: Layout,
  options: Partial<Options> = {},
  machine: Partial<Machine> = {},
): PagedGuests {
  const guests = new PagedGuests(layout, { machine: { ...machines.shadow, ...machine }, options });
  for (let gfn = 8; gfn < 16; gfn += 1) guests.setWord(1, gfn, gfn);
  guests.page(0, CR4_PSE);
  return guests;
}

function counters(guests: PagedGuests): Readonly<Counters> {
  return guests.hypervisor.counters();
}

/** Writes an entry through the linear mapping of its table. */
function rewrite(guests: PagedGuests, table: number, index: number, gfn: number, flags = USED) {
  const width = guests.layout === '2-level' ? 4 : 8;
  return guests.access(guests.linear(table, index * width), {
    op: 'store',
    value: ((gfn << 12) | flags) >>> 0,
  });
}

function audited(guests: PagedGuests): void {
  expect(guests.observer.audit()).toEqual([]);
}

describe.each(layouts)('%s tables', (layout) => {
  test('S9: an upper table is caught when it is written, and its shadow follows', () => {
    const guests = shadowed(layout);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    guests.setEntry(OTHER_TABLE, 8, 9, USED);
    expect(rewrite(guests, guests.levelTwo(), 1, OTHER_TABLE)).toEqual(STORED);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(counters(guests).emulated).toBeGreaterThan(0);
    audited(guests);
  });

  test('S15, S16: a level 1 table goes out of sync and is as old as a TLB until a flush', () => {
    const guests = shadowed(layout);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    expect(rewrite(guests, LEVEL_1, 8, 9)).toEqual(STORED);
    expect(counters(guests).oosEntered).toBe(1);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    audited(guests);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(counters(guests).oosEntriesInvalidated).toBe(1);
    expect(rewrite(guests, LEVEL_1, 8, 10)).toEqual(STORED);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(10));
    expect(counters(guests).resyncedByLoad).toBe(1);
    audited(guests);
  });

  test('S16: a flush of one vcpu brings the shadow of the tables of others up to date', () => {
    const guests = shadowed(layout);
    guests.page(1, CR4_PSE);
    expect(guests.access(guests.linear(8), { vcpu: 1 })).toEqual(valueIs(8));
    expect(rewrite(guests, LEVEL_1, 8, 9)).toEqual(STORED);
    guests.cr3(ROOT * PAGE_BYTES, 1);
    expect(guests.access(guests.linear(8), { vcpu: 1 })).toEqual(valueIs(9));
    expect(counters(guests).resyncedByLoad).toBe(0);
    audited(guests);
  });

  test('S18: no new upper entry meets an old entry below it', () => {
    const guests = shadowed(layout);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    expect(rewrite(guests, LEVEL_1, 8, 9)).toEqual(STORED);
    // The same table at another address, whose entry is new.
    const width = layout === '2-level' ? 4 : 8;
    const value = ((LEVEL_1 << 12) | USED) >>> 0;
    const address = guests.linear(guests.levelTwo(), 2 * width);
    expect(guests.access(address, { op: 'store', value })).toEqual(STORED);
    const size = layout === '2-level' ? 0x40_0000 : 0x20_0000;
    expect(guests.access(guests.linear(8) + size)).toEqual(valueIs(9));
    expect(counters(guests).resyncedByInstall).toBeGreaterThan(0);
    audited(guests);
  });

  test('S17: more ways to write a table than are remembered: the oldest is taken back', () => {
    const guests = shadowed(layout);
    for (const page of [20, 21, 22]) guests.setEntry(LEVEL_1, page, LEVEL_1, ALL);
    guests.access(guests.linear(8));
    for (const page of [20, 21, 22]) {
      expect(guests.access(guests.linear(page, 0xff0), { op: 'store' })).toEqual(STORED);
      audited(guests);
    }
    expect(counters(guests).fixupsEvicted).toBe(1);
  });

  test('user code may write the tables that it is walked through, and the root', () => {
    for (const options of [{}, { outOfSync: false }]) {
      const guests = shadowed(layout, options);
      const user = { op: 'store', as: 'user', value: 7 } as const;
      for (const table of [LEVEL_1, guests.levelTwo(), ROOT]) {
        expect(guests.access(guests.linear(table, 0xf00), user)).toEqual(STORED);
        expect(guests.access(guests.linear(table, 0xf00))).toEqual(valueIs(7));
        guests.cr3(ROOT * PAGE_BYTES);
        expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
        audited(guests);
      }
      expect(counters(guests).userTableWrites).toBeGreaterThan(0);
    }
  });

  test('S5, S7: a granted page is mapped as its owner is asked, and goes with its mapping', () => {
    const guests = shadowed(layout);
    guests.setWord(2, 3, 0xabc);
    guests.grant(2, 2, 1, 3);
    const { handle } = guests.map(1, 2, 2, 0x30);
    guests.setEntry(LEVEL_1, 9, 0x30, USED);
    expect(guests.access(guests.linear(9))).toEqual(valueIs(0xabc));
    expect(guests.access(guests.linear(9), { op: 'store', value: 5 })).toEqual(STORED);
    expect(guests.word(2, 3)).toBe(5);
    expect(guests.access(guests.linear(9), { op: 'fetch' })).toEqual(valueIs(5));
    audited(guests);
    guests.unmap(1, handle, 0x30);
    expect(counters(guests).shadowDroppedByGrantUnmap).toBe(1);
    expect(guests.access(guests.linear(9))).toEqual(valueIs(0xffff_ffff));
    audited(guests);
  });

  test('S20: a superpage is in pieces, each as the p2m has it', () => {
    const guests = shadowed(layout);
    guests.setWord(2, 3, 0xabc);
    guests.grant(2, 2, 1, 3);
    guests.map(1, 2, 2, 0x30, true);
    guests.setSuperpage(0);
    const at = (gfn: number): number => gfn * PAGE_BYTES;
    expect(guests.access(at(8))).toEqual(valueIs(8));
    expect(guests.access(at(0x30))).toEqual(valueIs(0xabc));
    expect(guests.access(at(0x30), { op: 'store', value: 1 })).toEqual(STORED);
    expect(guests.access(at(0x30))).toEqual(valueIs(0xabc));
    expect(guests.access(at(0x31))).toEqual(valueIs(0xffff_ffff));
    expect(guests.access(at(8), { op: 'store', value: 1 })).toEqual(STORED);
    expect(guests.access(at(8))).toEqual(valueIs(1));
    expect(counters(guests).splinteredOverGrant).toBe(1);
    audited(guests);
  });

  test('S9: a domain that maps a table of another writes it, and the owner sees it', () => {
    const guests = shadowed(layout);
    guests.access(guests.linear(8));
    guests.grant(1, 2, 2, LEVEL_1);
    guests.map(2, 1, 2, 0x30);
    const width = layout === '2-level' ? 4 : 8;
    const value = { low: ((9 << 12) | USED) >>> 0, high: 0 };
    const linear = { low: 0x30 * PAGE_BYTES + 8 * width, high: 0 };
    const vcpu = guests.vcpu().id;
    const caller = DomainId(2);
    for (let time = 0; time < 2; time += 1) {
      guests.step({ op: 'store_linear', caller, vcpu, linear, size: 4, as: 'kernel', value });
      audited(guests);
    }
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    audited(guests);
  });

  test('S13: a root that has left the p2m is walked until another is loaded', () => {
    const guests = shadowed(layout);
    guests.access(guests.linear(8));
    const pages = guests.pages(1);
    guests.decrease(1, [ROOT]);
    audited(guests);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    expect(guests.pages(1)).toBe(pages);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(10))).toEqual(valueIs(10));
    expect(guests.pages(1)).toBe(pages);
    audited(guests);
    guests.cr3(OTHER_TABLE * PAGE_BYTES);
    expect(guests.pages(1)).toBe((pages ?? 0) - 1);
    expect(guests.access(guests.linear(8)).is).toBe('page_fault');
    audited(guests);
  });

  test('S7: a table that leaves the p2m is none', () => {
    const guests = shadowed(layout);
    guests.access(guests.linear(8));
    guests.decrease(1, [LEVEL_1]);
    audited(guests);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(faultIs(0, guests.linear(8)));
    expect(counters(guests).tablesLeftP2m).toBe(1);
    guests.populate(1, [LEVEL_1]);
    guests.setEntry(LEVEL_1, 8, 9, USED);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    audited(guests);
  });

  test('S21: a domain gives back every frame of its shadows', () => {
    const guests = shadowed(layout);
    const { xenShare } = guests.hypervisor.host;
    guests.access(guests.linear(8));
    guests.setSuperpage(0);
    guests.access(8 * PAGE_BYTES);
    rewrite(guests, LEVEL_1, 8, 9);
    const before = xenShare.freeCount();
    guests.destroy(1);
    expect(xenShare.freeCount()).toBeGreaterThanOrEqual(before + machines.shadow.shadowFrames);
    audited(guests);
  });
});

test.each(['2-level', '4-level'] as const)(
  'S1: roots that were loaded long ago make room (%s)',
  (layout) => {
    const guests = shadowed(layout, {}, { shadowFrames: 12 });
    const tables = [ROOT, LEVEL_3, LEVEL_2, LEVEL_1, 5, 6, 7];
    for (let round = 0; round < 3; round += 1) {
      for (const table of tables) {
        guests.cr3(table * PAGE_BYTES);
        audited(guests);
      }
      guests.cr3(ROOT * PAGE_BYTES);
      expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
      audited(guests);
    }
    expect(counters(guests).poolUnpinned).toBeGreaterThan(0);
  },
);

test('S1: with all roots in use, what they lead to goes', () => {
  const guests = shadowed('2-level', {}, { shadowFrames: 12 });
  guests.page(1, CR4_PSE);
  const tables = [2, 3, 4, 5, 6, 7];
  for (const table of tables) {
    guests.setEntry(ROOT, table, table, USED);
    guests.setEntry(table, 8, 8, USED);
  }
  for (let round = 0; round < 3; round += 1) {
    for (const table of tables) {
      expect(guests.access(table * 0x40_0000 + 8 * PAGE_BYTES)).toEqual(valueIs(8));
      audited(guests);
    }
  }
  expect(counters(guests).poolUnhooked).toBeGreaterThan(0);
  expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
});

test('S2, S9: a page that is root and level 1 table at once is caught as both', () => {
  const guests = shadowed('2-level');
  // Entry 3 of the root leads to the root: its linear window shows the tables as pages.
  guests.setEntry(ROOT, 3, ROOT, USED);
  const window = 0xc0_0000;
  const entryOfRoot = window + 1 * PAGE_BYTES;
  expect(guests.access(entryOfRoot + 8 * 4)).toEqual(valueIs((8 << 12) | (USED & ~PTE_D & ~PTE_A)));
  expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
  const value = ((9 << 12) | USED) >>> 0;
  expect(guests.access(entryOfRoot + 8 * 4, { op: 'store', value })).toEqual(STORED);
  guests.invalidate(guests.linear(8));
  expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
  const rootInWindow = window + 3 * PAGE_BYTES;
  expect(
    guests.access(rootInWindow + 2 * 4, { op: 'store', value: (LEVEL_1 << 12) | USED }),
  ).toEqual(STORED);
  expect(guests.access(0x80_0000 + 10 * PAGE_BYTES)).toEqual(valueIs(10));
  audited(guests);
});

test('S24, W2: vcpus that differ in CR4.PSE read the same table each in its way', () => {
  const guests = shadowed('2-level');
  guests.page(1, 0);
  guests.setEntry(ROOT, 2, 0, ALL | 0x80);
  expect(guests.access(0x80_0000 + 8 * PAGE_BYTES)).toEqual(valueIs(8));
  expect(guests.access(0x80_0000 + 8 * PAGE_BYTES, { vcpu: 1 }).is).toBe('page_fault');
  audited(guests);
});

test('a supervisor write that only CR0.WP = 0 permits is done, and user rights stay as they are', () => {
  const guests = shadowed('pae');
  guests.move('cr0', 0x8000_0011);
  guests.setEntry(LEVEL_1, 9, 9, PTE_P | PTE_US);
  expect(guests.access(guests.linear(9), { op: 'store', value: 1 })).toEqual(STORED);
  expect(guests.word(1, 9)).toBe(1);
  expect(guests.flagsOf(LEVEL_1, 9)).toBe(PTE_P | PTE_US | PTE_A | PTE_D);
  const refused = guests.access(guests.linear(9), { op: 'store', as: 'user', value: 2 });
  expect(refused).toEqual(faultIs(7, guests.linear(9)));
  expect(PTE_RW).toBe(2);
  audited(guests);
});

describe('options', () => {
  const quiet = { prefetch: false };

  test('prefetch fills what was used before', () => {
    for (const prefetch of [true, false]) {
      const guests = shadowed('pae', { prefetch });
      for (let page = 8; page < 12; page += 1) guests.setEntry(LEVEL_1, page, page, USED);
      guests.access(guests.linear(8));
      expect(counters(guests).prefetched > 0).toBe(prefetch);
    }
  });

  test('outOfSync lets level 1 tables be written', () => {
    for (const outOfSync of [true, false]) {
      const guests = shadowed('pae', { ...quiet, outOfSync });
      guests.access(guests.linear(8));
      rewrite(guests, LEVEL_1, 8, 9);
      expect(counters(guests).oosEntered > 0).toBe(outOfSync);
    }
  });

  test('splinterCache shares the pieces of a superpage', () => {
    for (const splinterCache of [true, false]) {
      const guests = shadowed('pae', { ...quiet, splinterCache });
      guests.setSuperpage(0);
      guests.setEntry(LEVEL_2, 2, 0, ALL | 0x80);
      guests.access(8 * PAGE_BYTES);
      const before = counters(guests).shadowsMade;
      guests.access(0x40_0000 + 8 * PAGE_BYTES);
      expect(counters(guests).shadowsMade - before).toBe(splinterCache ? 0 : 1);
      audited(guests);
    }
  });

  test('reverseMap finds entries without looking at all', () => {
    for (const reverseMap of [true, false]) {
      const guests = shadowed('pae', { ...quiet, reverseMap });
      guests.access(guests.linear(8));
      guests.decrease(1, [8]);
      expect(counters(guests).slotsScanned > 0).toBe(!reverseMap);
      expect(guests.access(guests.linear(8))).toEqual(valueIs(0xffff_ffff));
      audited(guests);
    }
  });
});
