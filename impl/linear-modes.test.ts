import { describe, expect, test } from 'vitest';
import * as bits from '../abi/control.js';
import { PAGE_BYTES } from '../abi/word.js';
import {
  ALL,
  LEVEL_1,
  LEVEL_2,
  LEVEL_3,
  PagedGuests,
  ROOT,
  faultIs,
  layouts,
  paged,
  valueIs,
} from './testing/paged-guests.js';

const { PFEC_P, PFEC_W, PFEC_U, PFEC_I, PFEC_RSVD, PFEC_PK } = bits;
const STORED = { is: 'stored' };
const USED = bits.PTE_A;
const WRITTEN = bits.PTE_A | bits.PTE_D;
const ONES = 0xffff_ffff;

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
