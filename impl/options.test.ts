import { describe, expect, test } from 'vitest';
import type { Options } from './options.js';
import { Guests } from './testing/guests.js';
import { PagedGuests, machines, settings } from './testing/paged-guests.js';

/** Replies to a short life of a mapping, with accesses before, during and after. */
function story(options: Partial<Options>): unknown[] {
  const guests = new Guests({ options });
  guests.grant(1, 3, 2, 5);
  guests.setWord(1, 5, 0xcafe);
  const before = guests.word(2, 0x50);
  const mapped = guests.map(2, 1, 3, 0x50);
  const during = [guests.word(2, 0x50), guests.setWord(2, 0x50, 7), guests.word(1, 5)];
  const unmapped = guests.unmap(2, mapped.handle, 0x50);
  return [before, mapped.status, ...during, unmapped, guests.load(2, 0x50_001, 7)];
}

describe('options', () => {
  test.each([{ p2mCache: false }, { wordAccess: false }, { p2mCache: false, wordAccess: false }])(
    'with %o a guest sees what it sees with all on',
    (options) => {
      expect(story(options)).toEqual(story({}));
    },
  );

  test('the cache of translations is used when on and not when off', () => {
    const on = new Guests();
    const off = new Guests({ options: { p2mCache: false } });
    for (const guests of [on, off]) for (let count = 0; count < 5; count += 1) guests.word(1, 2);
    expect(on.hypervisor.counters()).toMatchObject({
      p2mCacheHits: 4,
      p2mCacheMisses: 1,
      p2mWalks: 1,
    });
    expect(off.hypervisor.counters()).toMatchObject({
      p2mCacheHits: 0,
      p2mCacheMisses: 0,
      p2mWalks: 5,
    });
  });

  test('aligned accesses move as words when that is on and byte by byte when not', () => {
    const on = new Guests();
    const off = new Guests({ options: { wordAccess: false } });
    for (const guests of [on, off]) guests.word(1, 2);
    expect(on.hypervisor.counters()).toMatchObject({ wordAccesses: 1, byteAccesses: 0 });
    expect(off.hypervisor.counters()).toMatchObject({ wordAccesses: 0, byteAccesses: 1 });
  });

  test.each(settings)(
    '[T1] %s, %s: a TLB walks once when on, each time when off',
    (layout, paging) => {
      const machine = machines[paging];
      const [on, off] = [true, false].map((tlb) => {
        const guests = new PagedGuests(layout, { machine, options: { tlb } });
        guests.page();
        for (let count = 0; count < 3; count += 1) guests.access(guests.linear(8));
        const before = guests.hypervisor.counters().hardwareWalks;
        for (let count = 0; count < 5; count += 1) guests.access(guests.linear(8));
        return guests.hypervisor.counters().hardwareWalks - before;
      });
      expect([on, off]).toEqual([0, 5]);
    },
  );

  test('a hole that was cached is a mapping once it is mapped, and a hole after [N1]', () => {
    const guests = new Guests();
    guests.grant(1, 3, 2, 5);
    guests.setWord(1, 5, 9);
    expect(guests.word(2, 0x50)).toBe(0xffff_ffff);
    const { handle } = guests.map(2, 1, 3, 0x50);
    expect(guests.word(2, 0x50)).toBe(9);
    guests.unmap(2, handle, 0x50);
    expect(guests.word(2, 0x50)).toBe(0xffff_ffff);
  });
});
