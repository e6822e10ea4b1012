import { describe, expect, test } from 'vitest';
import * as bits from '../abi/control.js';
import { PAGE_BYTES } from '../abi/word.js';
import {
  ALL,
  LEVEL_1,
  PAGED,
  ROOT,
  faultIs,
  paged,
  settings,
  valueIs,
} from './testing/paged-guests.js';

const { PFEC_P, PFEC_W, PFEC_U, PFEC_I } = bits;
const STORED = { is: 'stored' };
const USED = bits.PTE_A;
const WRITTEN = bits.PTE_A | bits.PTE_D;
const ONES = 0xffff_ffff;

describe.each(settings)('A6: %s tables, %s', (layout, paging) => {
  test('A6: accesses reach the page that the tables name', () => {
    const guests = paged(layout, 0, 0, paging);
    const at = guests.linear(8);
    expect(guests.access(at)).toEqual(valueIs(8));
    expect(guests.access(at, { op: 'store', value: 5, size: 8 })).toEqual(STORED);
    expect(guests.access(at, { op: 'xadd', value: 2 })).toEqual(valueIs(5));
    expect(guests.access(at, { op: 'cmpxchg', expected: 7, value: 9 })).toEqual(valueIs(7));
    expect(guests.access(at, { op: 'cmpxchg', expected: 7, value: 1 })).toEqual(valueIs(9));
    expect(guests.access(at, { op: 'fetch', size: 8 })).toEqual(valueIs(9));
    expect(guests.load(1, 8 * PAGE_BYTES)).toEqual(valueIs(9));
  });

  test('W6: a read marks the entries accessed, a write the leaf dirty, a fault none', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.setEntry(LEVEL_1, 9, 9, ALL & ~bits.PTE_RW);
    const code = PFEC_P | PFEC_W;
    expect(guests.access(guests.linear(9), { op: 'store' })).toEqual(
      faultIs(code, guests.linear(9)),
    );
    expect(guests.flagsOf(guests.levelTwo(), 1)).toBe(ALL);
    guests.access(guests.linear(9));
    expect(guests.flagsOf(guests.levelTwo(), 1)).toBe(ALL | USED);
    expect(guests.flagsOf(LEVEL_1, 9)).toBe((ALL & ~bits.PTE_RW) | USED);
    guests.access(guests.linear(8), { op: 'cmpxchg', expected: 99 });
    expect(guests.flagsOf(LEVEL_1, 8)).toBe(ALL | WRITTEN);
  });

  test('W2, W3: not present, user and write protection have their codes', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.setEntry(LEVEL_1, 10, 10, 0);
    guests.setEntry(LEVEL_1, 11, 11, bits.PTE_P | bits.PTE_RW);
    guests.setEntry(LEVEL_1, 12, 12, bits.PTE_P | bits.PTE_US);
    const fault = (page: number, code: number): unknown => faultIs(code, guests.linear(page, 4));
    const at = (page: number): number => guests.linear(page, 4);
    expect(guests.access(at(10), { as: 'user' })).toEqual(fault(10, PFEC_U));
    expect(guests.access(at(10), { op: 'xadd' })).toEqual(fault(10, PFEC_W));
    expect(guests.access(at(11), { as: 'user' })).toEqual(fault(11, PFEC_P | PFEC_U));
    expect(guests.access(at(11), { as: 'implicit' }).is).toBe('value');
    const userWrite = PFEC_P | PFEC_U | PFEC_W;
    expect(guests.access(at(12), { op: 'store', as: 'user' })).toEqual(fault(12, userWrite));
    expect(guests.access(at(12), { op: 'store' })).toEqual(fault(12, PFEC_P | PFEC_W));
    guests.move('cr0', (PAGED & ~bits.CR0_WP) >>> 0);
    expect(guests.access(at(12), { op: 'store', value: 3 })).toEqual(STORED);
    expect(guests.flagsOf(LEVEL_1, 12)).toBe(bits.PTE_P | bits.PTE_US | WRITTEN);
    expect(guests.access(at(12), { op: 'store', as: 'user' })).toEqual(fault(12, userWrite));
    guests.move('cr0', PAGED);
    expect(guests.access(at(12), { op: 'store' })).toEqual(fault(12, PFEC_P | PFEC_W));
  });

  test('W3: SMEP and SMAP keep the kernel out of pages of the user', () => {
    const guests = paged(layout, bits.CR4_SMEP | bits.CR4_SMAP, 0, paging);
    const at = guests.linear(8);
    expect(guests.access(at, { op: 'fetch' })).toEqual(faultIs(PFEC_P | PFEC_I, at));
    expect(guests.access(at)).toEqual(faultIs(PFEC_P, at));
    expect(guests.access(at, { as: 'implicit' })).toEqual(faultIs(PFEC_P, at));
    expect(guests.access(at, { as: 'kernel_ac' })).toEqual(valueIs(8));
    expect(guests.access(at, { as: 'user', op: 'fetch' })).toEqual(valueIs(8));
  });

  test('A6: an access across the end of a page finds both', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.setEntry(LEVEL_1, 9, 8, ALL);
    guests.setEntry(LEVEL_1, 8, 9, ALL);
    expect(guests.access(guests.linear(8, 0xffc), { size: 8 })).toEqual(valueIs(0x900, 8));
    guests.access(guests.linear(8, 0xffe), { op: 'store', value: 0xaabb_ccdd });
    expect(guests.load(1, 9 * PAGE_BYTES + 0xffc, 4)).toEqual(valueIs(0xccdd_0900));
    expect(guests.word(1, 8)).toBe(0xaabb);
  });

  test('W4: where the second page faults, its start is named and nothing is marked', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.setEntry(LEVEL_1, 9, 9, ALL & ~bits.PTE_RW);
    const from = guests.linear(8, 0xffe);
    const fault = faultIs(PFEC_P | PFEC_W, guests.linear(9));
    expect(guests.access(from, { op: 'store', value: ONES })).toEqual(fault);
    expect(guests.flagsOf(LEVEL_1, 8)).toBe(ALL);
    expect(guests.load(1, 8 * PAGE_BYTES + 0xffc, 4)).toEqual(valueIs(0x800));
    expect(guests.access(from, { op: 'load' }).is).toBe('value');
  });

  test('A6: holes read ones, and swallow what is written', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.setEntry(LEVEL_1, 8, 0x5000, ALL);
    const at = guests.linear(8);
    expect(guests.access(at, { size: 8 })).toEqual(valueIs(ONES, ONES));
    expect(guests.access(at, { op: 'store', value: 1 })).toEqual(STORED);
    expect(guests.flagsOf(LEVEL_1, 8)).toBe(ALL | WRITTEN);
    expect(guests.access(at, { op: 'xadd', value: 1 })).toEqual(valueIs(ONES));
    const fetched = guests.access(at, { op: 'fetch', as: 'user' });
    const fault = { is: 'fault', vector: '#GP' };
    const code = PFEC_P | PFEC_U | PFEC_I;
    expect(fetched).toEqual(paging === 'hap' ? fault : faultIs(code, at));
  });

  test('A6: across RAM and a hole the RAM is real, and both are marked', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.setEntry(LEVEL_1, 9, 0x5000, ALL);
    const at = guests.linear(8, 0xffc);
    expect(guests.access(at, { op: 'xadd', size: 8, value: 1 })).toEqual(valueIs(0x800, ONES));
    expect(guests.load(1, 8 * PAGE_BYTES + 0xffc, 4)).toEqual(valueIs(0x801));
    for (const page of [8, 9]) expect(guests.flagsOf(LEVEL_1, page)).toBe(ALL | WRITTEN);
  });

  test('A1-A4: grant mappings are read and written as they permit', () => {
    const guests = paged(layout, 0, 0, paging);
    for (const [ref, gfn, isReadonly] of [
      [0, 0x50, false],
      [1, 0x51, true],
    ] as const) {
      guests.grant(2, ref, 1, ref + 1);
      guests.setWord(2, ref + 1, 0x77);
      guests.map(1, 2, ref, gfn, isReadonly);
      guests.setEntry(LEVEL_1, 8 + ref, gfn, ALL);
    }
    const [rw, ro] = [guests.linear(8), guests.linear(9)];
    for (const at of [rw, ro]) {
      expect(guests.access(at)).toEqual(valueIs(0x77));
      expect(guests.access(at, { op: 'store', value: 0x88 })).toEqual(STORED);
    }
    expect([guests.access(rw), guests.access(ro)]).toEqual([valueIs(0x88), valueIs(0x77)]);
    expect(guests.access(ro, { op: 'xadd', value: 1 })).toEqual(valueIs(ONES));
    expect(guests.flagsOf(LEVEL_1, 9)).toBe(ALL | WRITTEN);
    expect(guests.access(ro - 2)).toEqual(valueIs(0x0077_0000));
    expect(guests.observer.audit()).toEqual([]);
    const fetched = guests.access(ro, { op: 'fetch' });
    expect(fetched).toEqual(paging === 'hap' ? { is: 'crashed' } : valueIs(0x77));
    expect(guests.access(ro)).toEqual(paging === 'hap' ? { is: 'no_domain' } : valueIs(0x77));
  });

  test('N1: a translation goes with what the p2m had there', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.grant(2, 0, 1, 1);
    guests.setWord(2, 1, 0x77);
    const { handle } = guests.map(1, 2, 0, 0x50);
    guests.setEntry(LEVEL_1, 8, 0x50, ALL);
    guests.page(1);
    for (const vcpu of [0, 1]) guests.access(guests.linear(8), { op: 'store', vcpu, value: 1 });
    guests.unmap(1, handle, 0x50);
    expect(guests.observer.audit()).toEqual([]);
    for (const vcpu of [0, 1]) {
      expect(guests.access(guests.linear(8), { vcpu })).toEqual(valueIs(ONES));
    }
    guests.access(guests.linear(9));
    guests.decrease(1, [9]);
    expect(guests.access(guests.linear(9))).toEqual(valueIs(ONES));
    guests.populate(1, [9]);
    expect(guests.access(guests.linear(9))).toEqual(valueIs(0));
  });

  test('W5: a table that is not there is as an entry that is not present', () => {
    const guests = paged(layout, 0, 0, paging);
    guests.setEntry(guests.levelTwo(), 1, 0x5000, ALL);
    expect(guests.access(guests.linear(8), { op: 'store', as: 'user' })).toEqual(
      faultIs(PFEC_W | PFEC_U, guests.linear(8)),
    );
    const isLoaded = guests.cr3(0x500_0000);
    expect(isLoaded).toEqual({ is: paging === 'hap' ? 'done' : 'crashed' });
    if (paging === 'shadow') return;
    expect(guests.access(guests.linear(8))).toEqual(faultIs(0, guests.linear(8)));
  });

  test('W5: nested paging walks tables in a grant mapping, but cannot mark a readonly one', () => {
    const guests = paged(layout, 0, 0, paging);
    const entryBytes = layout === '2-level' ? 4 : 8;
    guests.store(2, 5 * PAGE_BYTES + 8 * entryBytes, { low: (8 << 12) | ALL, high: 0 });
    guests.grant(2, 0, 1, 5);
    guests.map(1, 2, 0, 0x50, true);
    guests.map(1, 2, 0, 0x51);
    const at = guests.linear(8);
    guests.setEntry(guests.levelTwo(), 1, 0x50, ALL);
    expect(guests.access(at)).toEqual(faultIs(0, at));
    expect(guests.flagsOf(guests.levelTwo(), 1)).toBe(ALL);
    guests.setEntry(guests.levelTwo(), 1, 0x51, ALL);
    expect(guests.access(at)).toEqual(paging === 'hap' ? valueIs(8) : faultIs(0, at));
    if (paging === 'shadow') return;
    expect(guests.access(at)).toEqual(valueIs(8));
    guests.setEntry(guests.levelTwo(), 1, 0x50, ALL);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(at)).toEqual(valueIs(8));
    expect(guests.access(at, { op: 'store' })).toEqual(faultIs(PFEC_W, at));
  });
});
