import { describe, expect, test } from 'vitest';
import * as bits from '../abi/control.js';
import { PAGE_BYTES } from '../abi/word.js';
import {
  ALL,
  LEVEL_1,
  LEVEL_2,
  LEVEL_3,
  PAGED,
  PagedGuests,
  ROOT,
  faultIs,
  layouts,
  valueIs,
} from './testing/paged-guests.js';

const { PFEC_P, PFEC_W, PFEC_U, PFEC_I, PFEC_RSVD, PFEC_PK } = bits;
const STORED = { is: 'stored' };
const USED = bits.PTE_A;
const WRITTEN = bits.PTE_A | bits.PTE_D;
const ONES = 0xffff_ffff;

/** Domain 1 with paging on, the data pages 8 and 9 marked. */
function paged(layout: (typeof layouts)[number], cr4 = 0, efer = 0): PagedGuests {
  const guests = new PagedGuests(layout);
  for (const gfn of [8, 9]) {
    guests.store(1, gfn * PAGE_BYTES, { low: gfn, high: 0 });
    guests.store(1, gfn * PAGE_BYTES + 0xffc, { low: gfn * 0x100, high: 0 }, 4);
  }
  guests.page(0, cr4, efer);
  return guests;
}

describe.each(layouts)('A6: %s tables', (layout) => {
  test('A6: accesses reach the page that the tables name', () => {
    const guests = paged(layout);
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
    const guests = paged(layout);
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
    const guests = paged(layout);
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
    const guests = paged(layout, bits.CR4_SMEP | bits.CR4_SMAP);
    const at = guests.linear(8);
    expect(guests.access(at, { op: 'fetch' })).toEqual(faultIs(PFEC_P | PFEC_I, at));
    expect(guests.access(at)).toEqual(faultIs(PFEC_P, at));
    expect(guests.access(at, { as: 'implicit' })).toEqual(faultIs(PFEC_P, at));
    expect(guests.access(at, { as: 'kernel_ac' })).toEqual(valueIs(8));
    expect(guests.access(at, { as: 'user', op: 'fetch' })).toEqual(valueIs(8));
  });

  test('A6: an access across the end of a page finds both', () => {
    const guests = paged(layout);
    guests.setEntry(LEVEL_1, 9, 8, ALL);
    guests.setEntry(LEVEL_1, 8, 9, ALL);
    expect(guests.access(guests.linear(8, 0xffc), { size: 8 })).toEqual(valueIs(0x900, 8));
    guests.access(guests.linear(8, 0xffe), { op: 'store', value: 0xaabb_ccdd });
    expect(guests.load(1, 9 * PAGE_BYTES + 0xffc, 4)).toEqual(valueIs(0xccdd_0900));
    expect(guests.word(1, 8)).toBe(0xaabb);
  });

  test('W4: where the second page faults, its start is named and nothing is marked', () => {
    const guests = paged(layout);
    guests.setEntry(LEVEL_1, 9, 9, ALL & ~bits.PTE_RW);
    const from = guests.linear(8, 0xffe);
    const fault = faultIs(PFEC_P | PFEC_W, guests.linear(9));
    expect(guests.access(from, { op: 'store', value: ONES })).toEqual(fault);
    expect(guests.flagsOf(LEVEL_1, 8)).toBe(ALL);
    expect(guests.load(1, 8 * PAGE_BYTES + 0xffc, 4)).toEqual(valueIs(0x800));
    expect(guests.access(from, { op: 'load' }).is).toBe('value');
  });

  test('A6: holes read ones, and swallow what is written', () => {
    const guests = paged(layout);
    guests.setEntry(LEVEL_1, 8, 0x5000, ALL);
    const at = guests.linear(8);
    expect(guests.access(at, { size: 8 })).toEqual(valueIs(ONES, ONES));
    expect(guests.access(at, { op: 'store', value: 1 })).toEqual(STORED);
    expect(guests.flagsOf(LEVEL_1, 8)).toBe(ALL | WRITTEN);
    expect(guests.access(at, { op: 'xadd', value: 1 })).toEqual(valueIs(ONES));
    expect(guests.access(at, { op: 'fetch' })).toEqual({ is: 'fault', vector: '#GP' });
  });

  test('A6: across RAM and a hole the RAM is real, and both are marked', () => {
    const guests = paged(layout);
    guests.setEntry(LEVEL_1, 9, 0x5000, ALL);
    const at = guests.linear(8, 0xffc);
    expect(guests.access(at, { op: 'xadd', size: 8, value: 1 })).toEqual(valueIs(0x800, ONES));
    expect(guests.load(1, 8 * PAGE_BYTES + 0xffc, 4)).toEqual(valueIs(0x801));
    for (const page of [8, 9]) expect(guests.flagsOf(LEVEL_1, page)).toBe(ALL | WRITTEN);
  });

  test('A1-A4: grant mappings are read and written as they permit', () => {
    const guests = paged(layout);
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
    expect(guests.access(ro, { op: 'fetch' })).toEqual({ is: 'crashed' });
    expect(guests.access(ro)).toEqual({ is: 'no_domain' });
  });

  test('N1: a translation goes with what the p2m had there', () => {
    const guests = paged(layout);
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
    const guests = paged(layout);
    guests.setEntry(guests.levelTwo(), 1, 0x5000, ALL);
    expect(guests.access(guests.linear(8), { op: 'store', as: 'user' })).toEqual(
      faultIs(PFEC_W | PFEC_U, guests.linear(8)),
    );
    guests.cr3(0x500_0000);
    expect(guests.access(guests.linear(8))).toEqual(faultIs(0, guests.linear(8)));
  });

  test('W5: tables in a grant mapping are walked; a readonly one cannot be marked', () => {
    const guests = paged(layout);
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
    expect(guests.access(at)).toEqual(valueIs(8));
    guests.setEntry(guests.levelTwo(), 1, 0x50, ALL);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(at)).toEqual(valueIs(8));
    expect(guests.access(at, { op: 'store' })).toEqual(faultIs(PFEC_W, at));
  });
});

describe('modes', () => {
  test('W1: without paging a linear address is a guest-physical one of 32 bits', () => {
    const guests = new PagedGuests('2-level');
    guests.move('cr4', bits.CR4_SMEP | bits.CR4_SMAP);
    guests.setWord(1, 8, 8);
    expect(guests.access({ low: 8 * PAGE_BYTES, high: 7 }, { as: 'user' })).toEqual(valueIs(8));
    guests.setWord(1, 0, 0x1234_5678);
    expect(guests.access(0xffff_fffe)).toEqual(valueIs(0x5678_ffff));
    expect(guests.access(8 * PAGE_BYTES, { op: 'fetch' })).toEqual(valueIs(8));
  });

  test('W1: without long mode an access wraps at 4 GiB', () => {
    const guests = paged('2-level');
    guests.setEntry(ROOT, 1023, LEVEL_2, ALL);
    guests.setEntry(LEVEL_2, 1023, 8, ALL);
    guests.setEntry(ROOT, 0, LEVEL_1, ALL);
    guests.setEntry(LEVEL_1, 0, 9, ALL);
    expect(guests.access(0xffff_fffc, { size: 8 })).toEqual(valueIs(0x800, 9));
    guests.setEntry(LEVEL_1, 0, 9, 0);
    guests.invalidate(0);
    expect(guests.access(0xffff_fffc, { size: 8 })).toEqual(faultIs(0, 0));
  });

  test('W1.1: in long mode every byte of an access is canonical', () => {
    const guests = paged('4-level');
    const fault = { is: 'fault', vector: '#GP' };
    expect(guests.access({ low: 0, high: 0x8000 })).toEqual(fault);
    expect(guests.access({ low: 0xffff_fffe, high: 0x7fff })).toEqual(fault);
    expect(guests.access({ low: 0xffff_fffc, high: 0x7fff })).toEqual(
      faultIs(0, 0xffff_fffc, 0x7fff),
    );
    expect(guests.access({ low: 0, high: 0xffff_8000 })).toEqual(faultIs(0, 0, 0xffff_8000));
  });

  test('W2: superpages of 4 MiB need CR4.PSE, others nothing; their pieces go by the p2m', () => {
    const small = new PagedGuests('2-level');
    small.setSuperpage(0);
    small.page();
    expect(small.access(8 * PAGE_BYTES).is).toBe('page_fault');
    for (const layout of layouts) {
      const guests = new PagedGuests(layout);
      guests.setSuperpage(0);
      guests.setWord(1, 8, 8);
      guests.page(0, bits.CR4_PSE);
      expect(guests.access(8 * PAGE_BYTES)).toEqual(valueIs(8));
      expect(guests.access(0x30 * PAGE_BYTES)).toEqual(valueIs(ONES));
      expect(guests.flagsOf(guests.levelTwo(), 0)).toBe(ALL | bits.PTE_PS | USED);
      guests.access(8 * PAGE_BYTES, { op: 'store', value: 9 });
      expect(guests.flagsOf(guests.levelTwo(), 0)).toBe(ALL | bits.PTE_PS | WRITTEN);
    }
  });

  test('W2: reserved bits come before rights, and say so', () => {
    const guests = paged('4-level', 0, bits.EFER_NXE);
    guests.setEntry(LEVEL_3, 0, LEVEL_2, bits.PTE_P);
    guests.setEntry(LEVEL_1, 8, 8, ALL, 0x100);
    const at = guests.linear(8);
    const code = PFEC_P | PFEC_RSVD | PFEC_W | PFEC_U;
    expect(guests.access(at, { op: 'store', as: 'user' })).toEqual(faultIs(code, at));
    guests.setEntry(ROOT, 0, LEVEL_3, ALL | bits.PTE_PS);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(at)).toEqual(faultIs(PFEC_P | PFEC_RSVD, at));
  });

  test('W3.2: NX counts with EFER.NXE and is reserved without', () => {
    for (const layout of ['pae', '4-level'] as const) {
      const guests = paged(layout, 0, bits.EFER_NXE);
      guests.setEntry(LEVEL_1, 8, 8, ALL, bits.PTE_NX_HIGH);
      const at = guests.linear(8);
      expect(guests.access(at, { op: 'fetch' })).toEqual(faultIs(PFEC_P | PFEC_I, at));
      expect(guests.access(at)).toEqual(valueIs(8));
      guests.move('efer', layout === 'pae' ? 0 : bits.EFER_LME);
      guests.invalidate(at);
      expect(guests.access(at)).toEqual(faultIs(PFEC_P | PFEC_RSVD, at));
    }
  });

  test('W3.1: protection keys deny data of user pages, at once', () => {
    const guests = paged('4-level', bits.CR4_PKE);
    guests.setEntry(LEVEL_1, 8, 8, ALL, 3 << bits.PTE_KEY_SHIFT_HIGH);
    const at = guests.linear(8);
    expect(guests.access(at, { op: 'store', value: 1 })).toEqual(STORED);
    guests.move('pkru', 2 << 6);
    expect(guests.access(at)).toEqual(valueIs(1));
    expect(guests.access(at, { op: 'store' })).toEqual(faultIs(PFEC_P | PFEC_W | PFEC_PK, at));
    guests.move('pkru', 1 << 6);
    expect(guests.access(at)).toEqual(faultIs(PFEC_P | PFEC_PK, at));
    expect(guests.access(at, { op: 'fetch' })).toEqual(valueIs(1));
  });
});

describe('T1: what a processor remembers', () => {
  test('T1: a translation stays until it is flushed, and its page may be another by then', () => {
    const guests = paged('4-level');
    const at = guests.linear(8);
    guests.access(at);
    guests.setEntry(LEVEL_1, 8, 9, ALL);
    expect(guests.access(at)).toEqual(valueIs(8));
    expect(guests.access(at, { op: 'store', value: 1 })).toEqual(STORED);
    expect([guests.word(1, 8), guests.word(1, 9)]).toEqual([8, 1]);
  });

  test('T1: without the option nothing is remembered', () => {
    const guests = new PagedGuests('4-level', { options: { tlb: false } });
    guests.page();
    guests.setWord(1, 9, 9);
    guests.access(guests.linear(8));
    guests.setEntry(LEVEL_1, 8, 9, ALL);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
  });
});
