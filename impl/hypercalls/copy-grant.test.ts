import { describe, expect, test } from 'vitest';
import { GTF_permit_access, GTF_readonly, GTF_transitive } from '../../abi/grant-table.js';
import { DOMID_SELF } from '../../abi/ids.js';
import { Guests, TABLE_GFN } from '../testing/guests.js';
import type { Side } from '../testing/guests.js';

const own = (gfn: number, offset = 0): Side => ({
  domain: DOMID_SELF,
  at: gfn,
  isRef: false,
  offset,
});
const byRef = (domain: number, ref: number, offset = 0): Side => ({
  domain,
  at: ref,
  isRef: true,
  offset,
});
const STATUS_GFN = 0x28;

/** A version 2 table for a domain, its status frame at `STATUS_GFN`. */
function useVersionTwo(guests: Guests, domain: number): void {
  guests.setVersion(domain, 2);
  guests.addToPhysmap(domain, 1, 0x8000_0000, STATUS_GFN);
}
function entryV2(guests: Guests, domain: number, ref: number, to: number, low: number[]): void {
  const [flags = 0, word = 0, at = 0] = low;
  const address = TABLE_GFN * 4096 + ref * 16;
  guests.store(domain, address + 8, { low: at, high: 0 });
  guests.store(domain, address, { low: flags | (to << 16), high: word });
}

describe('copy', () => {
  test('bytes of a granted page appear in the own page, and nothing is held afterwards', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.setWord(1, 4, 0xabcd);
    expect(guests.copyFromRef(2, 1, 9, 3).status).toBe('okay');
    expect(guests.word(2, 3)).toBe(0xabcd);
    expect(guests.observer.audit()).toEqual([]);
  });

  test.each([
    ["another's page by gfn", [byRef(1, 9), { ...own(3), domain: 2 }], 'permission_denied'],
    ['a domain that is not there', [byRef(77, 9), own(3)], 'bad_domain'],
    ['a ref outside the table', [byRef(1, 16), own(3)], 'bad_gntref'],
    ['writing by a read-only entry', [own(3), byRef(1, 10)], 'general_error'],
    ['a gfn that is a hole', [byRef(1, 9), own(0x77)], 'bad_page'],
    ['bytes beyond the page, after all else', [byRef(1, 9, 4090), own(3)], 'bad_copy_arg'],
    ['bytes beyond the page at the dest', [byRef(1, 9), own(3, 4090)], 'bad_copy_arg'],
  ] as const)('refuses %s', (_what, [source, dest], status) => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.grant(1, 10, 2, 4, GTF_permit_access | GTF_readonly);
    expect(guests.copy(2, [source, dest]).status).toBe(status);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('an element that drops its ref flag gets no use of the ref before it [XSA-523]', () => {
    const guests = new Guests();
    guests.grant(1, 3, 2, 4);
    const elements = [
      [byRef(1, 3), own(2)],
      [{ ...own(3), domain: 1 }, own(2)],
      [byRef(1, 3), own(2)],
    ] as const;
    expect(guests.copyAll(2, elements)).toEqual({
      is: 'statuses',
      elements: [{ status: 'okay' }, { status: 'permission_denied' }, { status: 'okay' }],
    });
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a gfn that equals the ref before it is the gfn, not the ref (grants.md 15, 29)', () => {
    const guests = new Guests();
    guests.grant(2, 3, 2, 5);
    guests.setWord(2, 5, 0x55);
    guests.setWord(2, 3, 0x33);
    const both = [
      [byRef(DOMID_SELF, 3), own(6)],
      [own(3), own(7)],
    ] as const;
    guests.copyAll(2, both);
    expect([guests.word(2, 6), guests.word(2, 7)]).toEqual([0x55, 0x33]);
  });

  test('ranges that overlap are copied forward, eight bytes at a time', () => {
    const guests = new Guests();
    guests.store(2, 0x3000, { low: 0x0403_0201, high: 0x0807_0605 });
    guests.copy(2, [own(3, 0), own(3, 4)], 16);
    expect(guests.load(2, 0x3000)).toMatchObject({
      value: { low: 0x0403_0201, high: 0x0403_0201 },
    });
    expect(guests.load(2, 0x3008)).toMatchObject({
      value: { low: 0x0807_0605, high: 0x0807_0605 },
    });
  });

  test('a sub-page grant permits its bytes only', () => {
    const guests = new Guests();
    useVersionTwo(guests, 1);
    entryV2(guests, 1, 5, 2, [GTF_permit_access | 0x100, 0x40 | (0x20 << 16), 4]);
    expect(guests.copy(2, [byRef(1, 5, 0x40), own(3)]).status).toBe('okay');
    expect(guests.copy(2, [byRef(1, 5, 0x3f), own(3)]).status).toBe('general_error');
    expect(guests.copy(2, [byRef(1, 5, 0x51), own(3)]).status).toBe('general_error');
    expect(guests.map(2, 1, 5, 0x50).status).toBe('general_error');
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a transitive grant passes on what a third domain grants, and both are let go', () => {
    const guests = new Guests();
    useVersionTwo(guests, 1);
    guests.grant(3, 7, 1, 2);
    guests.setWord(3, 2, 0x77);
    entryV2(guests, 1, 5, 2, [GTF_transitive, 3, 7]);
    expect(guests.copyFromRef(2, 1, 5, 3).status).toBe('okay');
    expect(guests.word(2, 3)).toBe(0x77);
    expect(guests.copy(2, [byRef(1, 5), byRef(1, 5)]).status).toBe('okay');
    expect(guests.observer.audit()).toEqual([]);
    expect(guests.setVersion(1, 1)).toEqual({ is: 'version', rc: 0, version: 1 });
  });

  test('copying a pinned ref of a dead domain is refused, though mapping it again is not', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.map(2, 1, 9, 0x50);
    guests.destroy(1);
    expect(guests.copyFromRef(2, 1, 9, 3).status).toBe('bad_domain');
    expect(guests.map(2, 1, 9, 0x51).status).toBe('okay');
    expect(guests.observer.audit()).toEqual([]);
  });
});
