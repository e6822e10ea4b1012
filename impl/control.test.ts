import { describe, expect, test } from 'vitest';
import * as bits from '../abi/control.js';
import { PAGE_BYTES } from '../abi/word.js';
import { ALL, LEVEL_2, PAGED, PagedGuests, ROOT, layouts, roomy } from './testing/paged-guests.js';

const DONE = { is: 'done' };
const FAULT = { is: 'fault', vector: '#GP' };
const CR0 = bits.CR0_AT_START;

/** What a harness sees of a vcpu of domain 1. */
const view = (guests: PagedGuests, vcpu = 0): unknown =>
  guests.observer.view().domains[0]?.vcpus[vcpu];

describe('C1: CR0', () => {
  test.each([
    ['an unknown bit', CR0 | 0x40],
    ['PG without PE', bits.CR0_PG >>> 0],
    ['NW without CD', CR0 | 0x2000_0000],
  ])('C1: %s raises #GP and changes nothing', (_, value) => {
    const guests = new PagedGuests('2-level');
    const before = view(guests);
    expect(guests.move('cr0', value >>> 0)).toEqual(FAULT);
    expect(view(guests)).toEqual(before);
  });

  test('C1: PG with LME and without PAE raises #GP', () => {
    const guests = new PagedGuests('4-level');
    guests.move('efer', bits.EFER_LME);
    expect(guests.move('cr0', PAGED)).toEqual(FAULT);
    guests.move('cr4', bits.CR4_PAE);
    expect(guests.move('cr0', PAGED)).toEqual(DONE);
  });

  test.each(layouts)('C1: %s paging is turned on and off', (layout) => {
    const guests = new PagedGuests(layout);
    expect(guests.page()).toEqual(DONE);
    expect(guests.access(0).is).toBe('page_fault');
    expect(guests.move('cr0', CR0)).toEqual(DONE);
    expect(guests.access(0).is).toBe('value');
  });
});

describe('C2: CR3', () => {
  test('C2: address bits beyond the processor raise #GP in long mode only', () => {
    const guests = new PagedGuests('4-level');
    expect(guests.cr3(0x1000, 0, 0x100)).toEqual(DONE);
    guests.page();
    expect(guests.cr3(0x1000, 0, 0x100)).toEqual(FAULT);
    expect(guests.cr3(0x1000, 0, 0xff)).toEqual(DONE);
    expect(view(guests)).toMatchObject({ cr3: { low: 0x1000, high: 0xff } });
  });

  test('C2: without long mode the high half is dropped', () => {
    const guests = new PagedGuests('pae');
    guests.page();
    expect(guests.cr3(0x1000, 0, 0xffff_ffff)).toEqual(DONE);
    expect(view(guests)).toMatchObject({ cr3: { low: 0x1000, high: 0 } });
  });

  test.each(layouts)('C2: a load of CR3 forgets what %s tables said', (layout) => {
    const guests = new PagedGuests(layout);
    guests.page();
    guests.access(guests.linear(8), { op: 'store', value: 8 });
    guests.setWord(1, 9, 9);
    guests.setEntry(4, 8, 9, ALL);
    expect(guests.access(guests.linear(8))).toMatchObject({ value: { low: 8 } });
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(8))).toMatchObject({ value: { low: 9 } });
  });
});

describe('C3: CR4', () => {
  test.each([
    ['an unknown bit', 0x1],
    ['VMXE', 0x2000],
  ])('C3: %s raises #GP', (_, value) => {
    expect(new PagedGuests('2-level').move('cr4', value)).toEqual(FAULT);
  });

  test('C3: PAE stays on in long mode', () => {
    const guests = new PagedGuests('4-level');
    guests.page();
    expect(guests.move('cr4', 0)).toEqual(FAULT);
    expect(guests.move('cr4', bits.CR4_PAE | bits.CR4_SMEP)).toEqual(DONE);
  });

  test('C3: protection keys are there only where the processor has them', () => {
    const cpu = { ...roomy.cpu, protectionKeys: false };
    const without = new PagedGuests('4-level', { machine: { ...roomy, cpu } });
    expect(without.move('cr4', bits.CR4_PKE)).toEqual(FAULT);
    expect(new PagedGuests('4-level').move('cr4', bits.CR4_PKE)).toEqual(DONE);
  });

  test('C3: a change of PGE forgets everything, a change of SMAP nothing', () => {
    const guests = new PagedGuests('4-level');
    guests.page();
    const forgets = (cr4: number): boolean => {
      guests.access(guests.linear(8));
      guests.setEntry(4, 8, 8, 0);
      guests.move('cr4', bits.CR4_PAE | cr4);
      const isForgotten = guests.access(guests.linear(8), { as: 'kernel_ac' }).is === 'page_fault';
      guests.setEntry(4, 8, 8, ALL);
      return isForgotten;
    };
    expect(forgets(bits.CR4_SMAP)).toBe(false);
    expect(forgets(bits.CR4_PGE)).toBe(true);
    expect(forgets(bits.CR4_PGE | bits.CR4_SMEP)).toBe(true);
  });
});

describe('C4: EFER', () => {
  test('C4: an unknown bit raises #GP', () => {
    expect(new PagedGuests('2-level').move('efer', 0x2)).toEqual(FAULT);
  });

  test('C4: LME does not change while paging is on; LMA is not written', () => {
    const guests = new PagedGuests('pae');
    guests.page();
    expect(guests.move('efer', bits.EFER_LME)).toEqual(FAULT);
    expect(guests.move('efer', bits.EFER_NXE | bits.EFER_LMA)).toEqual(DONE);
    expect(view(guests)).toMatchObject({ efer: bits.EFER_NXE });
  });
});

describe('C5: PKRU', () => {
  test('C5: it needs CR4.PKE', () => {
    const guests = new PagedGuests('4-level');
    expect(guests.move('pkru', 4)).toEqual(FAULT);
    guests.move('cr4', bits.CR4_PKE);
    expect(guests.move('pkru', 0xffff_ffff)).toEqual(DONE);
    expect(view(guests)).toMatchObject({ pkru: 0xffff_ffff });
  });
});

describe('C6: INVLPG', () => {
  test('C6: it forgets its page, on its vcpu', () => {
    const guests = new PagedGuests('4-level');
    guests.page(0);
    guests.page(1);
    const at = guests.linear(8);
    for (const vcpu of [0, 1]) guests.access(at, { vcpu });
    guests.setEntry(4, 8, 8, 0);
    expect(guests.invalidate(guests.linear(9))).toEqual(DONE);
    expect(guests.access(at).is).toBe('value');
    expect(guests.invalidate(guests.linear(8, 0x123))).toEqual(DONE);
    expect(guests.access(at).is).toBe('page_fault');
    expect(guests.access(at, { vcpu: 1 }).is).toBe('value');
  });

  test('C6: it forgets all of a superpage', () => {
    const guests = new PagedGuests('pae');
    guests.setSuperpage(0);
    guests.page();
    for (const page of [5, 6]) guests.access(page * PAGE_BYTES);
    guests.setEntry(LEVEL_2, 0, 0, 0);
    guests.invalidate(7 * PAGE_BYTES);
    for (const page of [5, 6]) expect(guests.access(page * PAGE_BYTES).is).toBe('page_fault');
  });

  test('C6: an address that is not canonical is no page', () => {
    const guests = new PagedGuests('4-level');
    guests.page();
    expect(guests.invalidate(0, 0, 0x8000)).toEqual(DONE);
  });
});

describe('C7: the top level of PAE', () => {
  const RESERVED: readonly (readonly [string, number, number])[] = [
    ['bit 1', 0x2, 0],
    ['bit 2', 0x4, 0],
    ['bit 5', 0x20, 0],
    ['bit 8', 0x100, 0],
    ['bit 40', 0, 0x100],
    ['bit 63', 0, 0x8000_0000],
  ];

  test.each(RESERVED)('C7: %s of a present entry raises #GP at the load', (_, low, high) => {
    const guests = new PagedGuests('pae');
    guests.setEntry(ROOT, 3, LEVEL_2, bits.PTE_P | low, high);
    expect(guests.page()).toEqual(FAULT);
    guests.setEntry(ROOT, 3, LEVEL_2, low, high);
    expect(guests.page()).toEqual(DONE);
    guests.setEntry(ROOT, 3, LEVEL_2, bits.PTE_P | low, high);
    const before = view(guests);
    expect(guests.cr3(ROOT * PAGE_BYTES)).toEqual(FAULT);
    expect(guests.move('cr4', bits.CR4_PAE | bits.CR4_PGE)).toEqual(FAULT);
    expect(view(guests)).toEqual(before);
  });

  test('C7: it is read when it is loaded, not when it is used', () => {
    const guests = new PagedGuests('pae');
    guests.page();
    guests.setEntry(ROOT, 0, LEVEL_2, 0);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8)).is).toBe('value');
    guests.move('cr0', (PAGED & ~bits.CR0_WP) >>> 0);
    guests.move('efer', bits.EFER_NXE);
    guests.move('cr4', bits.CR4_PAE | bits.CR4_SMAP);
    expect(guests.access(guests.linear(8), { as: 'kernel_ac' }).is).toBe('value');
    guests.move('cr4', bits.CR4_PAE | bits.CR4_SMAP | bits.CR4_PGE);
    expect(guests.access(guests.linear(8), { as: 'kernel_ac' }).is).toBe('page_fault');
  });

  test('C7: it may be anywhere in its page, and is seen only in its mode', () => {
    const guests = new PagedGuests('pae');
    guests.setEntry(ROOT, 511, LEVEL_2, bits.PTE_P);
    guests.page();
    guests.cr3(ROOT * PAGE_BYTES + 0xfe0 + 0x1f);
    const empty = { low: 0, high: 0 };
    const last = { low: LEVEL_2 * PAGE_BYTES + 1, high: 0 };
    expect(view(guests)).toMatchObject({ pdptes: [empty, empty, empty, last] });
    guests.move('cr0', CR0);
    expect(view(guests)).toMatchObject({ pdptes: [] });
  });

  test('C7: with nested paging a hole holds no entries', () => {
    const guests = new PagedGuests('pae');
    guests.page();
    expect(guests.cr3(0x500_0000)).toEqual(DONE);
    expect(guests.access(guests.linear(8))).toMatchObject({ is: 'page_fault', code: 0 });
  });
});
