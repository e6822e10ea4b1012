import { describe, expect, test } from 'vitest';
import { CR4_PSE } from '../../abi/control.js';
import { PTE_A, PTE_D } from '../../abi/control.js';
import { DomainId } from '../../abi/ids.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { ALL, LEVEL_1, ROOT, layouts, valueIs } from '../testing/paged-guests.js';
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
  test('S9: an upper table is caught when it is written, and its shadow follows', () => {
    const guests = shadowed(layout);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    guests.setEntry(OTHER_TABLE, 8, 9, USED);
    expect(rewrite(guests, guests.levelTwo(), 1, OTHER_TABLE)).toEqual(STORED);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(counters(guests).emulated).toBeGreaterThan(0);
    expect(auditOf(guests)).toEqual([]);
  });

  test('S15, S16: a level 1 table goes out of sync and is as old as a TLB until a flush', () => {
    const guests = shadowed(layout);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    expect(rewrite(guests, LEVEL_1, 8, 9)).toEqual(STORED);
    expect(counters(guests).oosEntered).toBe(1);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    expect(auditOf(guests)).toEqual([]);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(counters(guests).oosEntriesInvalidated).toBe(1);
    expect(rewrite(guests, LEVEL_1, 8, 10)).toEqual(STORED);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(10));
    expect(counters(guests).resyncedByLoad).toBe(1);
    expect(auditOf(guests)).toEqual([]);
  });

  test('S16: a flush of one vcpu brings the shadow of the tables of others up to date', () => {
    const guests = shadowed(layout);
    guests.page(1, CR4_PSE);
    expect(guests.access(guests.linear(8), { vcpu: 1 })).toEqual(valueIs(8));
    expect(rewrite(guests, LEVEL_1, 8, 9)).toEqual(STORED);
    guests.cr3(ROOT * PAGE_BYTES, 1);
    expect(guests.access(guests.linear(8), { vcpu: 1 })).toEqual(valueIs(9));
    expect(counters(guests).resyncedByLoad).toBe(0);
    expect(auditOf(guests)).toEqual([]);
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
    expect(auditOf(guests)).toEqual([]);
  });

  test('S17: more ways to write a table than are remembered: the oldest is taken back', () => {
    const guests = shadowed(layout);
    for (const page of [20, 21, 22]) guests.setEntry(LEVEL_1, page, LEVEL_1, ALL);
    guests.access(guests.linear(8));
    for (const page of [20, 21, 22]) {
      expect(guests.access(guests.linear(page, 0xff0), { op: 'store' })).toEqual(STORED);
      expect(auditOf(guests)).toEqual([]);
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
        expect(auditOf(guests)).toEqual([]);
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
    expect(auditOf(guests)).toEqual([]);
    guests.unmap(1, handle, 0x30);
    expect(counters(guests).shadowDroppedByGrantUnmap).toBe(1);
    expect(guests.access(guests.linear(9))).toEqual(valueIs(0xffff_ffff));
    expect(auditOf(guests)).toEqual([]);
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
    expect(auditOf(guests)).toEqual([]);
  });

  test('S8: a superpage that was only read is marked when it is written', () => {
    const guests = shadowed(layout);
    guests.setSuperpage(0);
    expect(guests.access(8 * PAGE_BYTES)).toEqual(valueIs(8));
    expect((guests.flagsOf(guests.levelTwo(), 0) ?? 0) & (PTE_A | PTE_D)).toBe(PTE_A);
    expect(guests.access(9 * PAGE_BYTES, { op: 'store' })).toEqual(STORED);
    expect((guests.flagsOf(guests.levelTwo(), 0) ?? 0) & (PTE_A | PTE_D)).toBe(PTE_A | PTE_D);
    expect(auditOf(guests)).toEqual([]);
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
      guests.step({ op: 'load_linear', caller, vcpu, linear, size: 4, as: 'kernel' });
      expect(auditOf(guests)).toEqual([]);
      guests.step({ op: 'store_linear', caller, vcpu, linear, size: 4, as: 'kernel', value });
      expect(auditOf(guests)).toEqual([]);
    }
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(auditOf(guests)).toEqual([]);
  });
});
