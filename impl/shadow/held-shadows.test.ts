import { describe, expect, test } from 'vitest';
import {
  CR4_PSE,
  EFER_NXE,
  PTE_A,
  PTE_D,
  PTE_NX_HIGH,
  PTE_P,
  PTE_RW,
  PTE_US,
} from '../../abi/control.js';
import { PAGE_BYTES } from '../../abi/word.js';
import {
  ALL,
  LEVEL_1,
  LEVEL_2,
  LEVEL_3,
  PAGED,
  ROOT,
  faultIs,
  layouts,
  machines,
  valueIs,
} from '../testing/paged-guests.js';
import {
  OTHER_TABLE,
  STORED,
  USED,
  auditOf,
  counters,
  rewrite,
  shadowed,
} from '../testing/shadowed-guests.js';

describe.each(layouts)('%s tables', (layout) => {
  test('S13: a root that has left the p2m is walked until another is loaded', () => {
    const guests = shadowed(layout);
    guests.access(guests.linear(8));
    const pages = guests.pages(1);
    guests.decrease(1, [ROOT]);
    expect(auditOf(guests)).toEqual([]);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    expect(guests.pages(1)).toBe(pages);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(10))).toEqual(valueIs(10));
    expect(guests.pages(1)).toBe(pages);
    expect(auditOf(guests)).toEqual([]);
    guests.cr3(OTHER_TABLE * PAGE_BYTES);
    expect(guests.pages(1)).toBe((pages ?? 0) - 1);
    expect(guests.access(guests.linear(8)).is).toBe('page_fault');
    expect(auditOf(guests)).toEqual([]);
  });

  test('S7: a table that leaves the p2m is none', () => {
    const guests = shadowed(layout);
    guests.access(guests.linear(8));
    guests.decrease(1, [LEVEL_1]);
    expect(auditOf(guests)).toEqual([]);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(faultIs(0, guests.linear(8)));
    expect(counters(guests).tablesLeftP2m).toBe(1);
    guests.populate(1, [LEVEL_1]);
    guests.setEntry(LEVEL_1, 8, 9, USED);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(auditOf(guests)).toEqual([]);
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
    expect(auditOf(guests)).toEqual([]);
  });
});

test.each(['pae', '4-level'] as const)(
  'S7, S13: a table of level 2 leaves the p2m, and there is one again (%s)',
  (layout) => {
    const guests = shadowed(layout);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    guests.decrease(1, [LEVEL_2]);
    expect(auditOf(guests)).toEqual([]);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(faultIs(0, guests.linear(8)));
    guests.populate(1, [LEVEL_2]);
    guests.setEntry(LEVEL_2, 1, LEVEL_1, USED);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    expect(auditOf(guests)).toEqual([]);
  },
);

test('S18: nor does a new entry of level 3 meet an old one of level 1', () => {
  const guests = shadowed('4-level');
  expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
  expect(rewrite(guests, LEVEL_1, 8, 9)).toEqual(STORED);
  expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
  expect(rewrite(guests, LEVEL_3, 1, LEVEL_2)).toEqual(STORED);
  expect(guests.access(guests.linear(8) + 0x4000_0000)).toEqual(valueIs(9));
  expect(counters(guests).resyncedByUpperInstall).toBe(1);
  expect(auditOf(guests)).toEqual([]);
});

test('S15: a table out of sync that becomes a root comes back into sync', () => {
  const guests = shadowed('2-level');
  guests.access(guests.linear(8));
  expect(rewrite(guests, LEVEL_1, 8, 9)).toEqual(STORED);
  expect(counters(guests).oosEntered).toBe(1);
  guests.setEntry(OTHER_TABLE, 0, 0, USED);
  guests.move('cr4', CR4_PSE, 1);
  guests.cr3(LEVEL_1 * PAGE_BYTES, 1);
  guests.move('cr0', PAGED, 1);
  expect(counters(guests).resyncedByPromotion).toBe(1);
  expect(auditOf(guests)).toEqual([]);
});

test('W3.2: vcpus that differ in EFER.NXE share shadows, and NX is reserved to one of them', () => {
  const guests = shadowed('pae');
  guests.page(1, CR4_PSE, EFER_NXE);
  guests.setEntry(LEVEL_1, 9, 9, USED, PTE_NX_HIGH);
  expect(guests.access(guests.linear(9), { vcpu: 1 })).toEqual(valueIs(9));
  expect(guests.access(guests.linear(9))).toEqual(faultIs(9, guests.linear(9)));
  expect(guests.access(guests.linear(9), { vcpu: 1 })).toEqual(valueIs(9));
});

test.each(['2-level', '4-level'] as const)(
  'S1: roots that were loaded long ago make room (%s)',
  (layout) => {
    const guests = shadowed(layout, {}, { shadowFrames: 14 });
    const tables = [ROOT, LEVEL_3, LEVEL_2, LEVEL_1, 5, 6, 7];
    for (let round = 0; round < 3; round += 1) {
      for (const table of tables) {
        guests.cr3(table * PAGE_BYTES);
        expect(auditOf(guests)).toEqual([]);
      }
      guests.cr3(ROOT * PAGE_BYTES);
      expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
      expect(auditOf(guests)).toEqual([]);
    }
    expect(counters(guests).poolUnpinned).toBeGreaterThan(0);
  },
);

test('S1: with all roots in use, what they lead to goes', () => {
  const guests = shadowed('2-level', {}, { shadowFrames: 14 });
  guests.page(1, CR4_PSE);
  const tables = [2, 3, 4, 5, 6, 7];
  for (const table of tables) {
    guests.setEntry(ROOT, table, table, USED);
    guests.setEntry(table, 8, 8, USED);
  }
  for (let round = 0; round < 3; round += 1) {
    for (const table of tables) {
      expect(guests.access(table * 0x40_0000 + 8 * PAGE_BYTES)).toEqual(valueIs(8));
      expect(auditOf(guests)).toEqual([]);
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
  expect(auditOf(guests)).toEqual([]);
});

test('S24, W2: vcpus that differ in CR4.PSE read the same table each in its way', () => {
  const guests = shadowed('2-level');
  guests.page(1, 0);
  guests.setEntry(ROOT, 2, 0, ALL | 0x80);
  expect(guests.access(0x80_0000 + 8 * PAGE_BYTES)).toEqual(valueIs(8));
  expect(guests.access(0x80_0000 + 8 * PAGE_BYTES, { vcpu: 1 }).is).toBe('page_fault');
  expect(auditOf(guests)).toEqual([]);
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
  expect(auditOf(guests)).toEqual([]);
});
