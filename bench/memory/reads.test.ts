import { describe, expect, test } from 'vitest';
import { PAGE_BYTES } from '../../abi/word.js';
import { rawArray, readArray } from './array.js';
import { GigabyteGuest } from './gigabyte-guest.js';
import { readLinear, readThroughExits } from './linear-reads.js';
import { NaiveWalk } from './naive-walk.js';
import { LOADS, NEXT_PAGE, SUM_OF_PASS, TLB_ENTRIES, passes } from './pattern.js';

const MAPPED = 1024;

describe('what the bench times', () => {
  test('each load of a pass is in another page and another row of the TLB', () => {
    for (const { first, stride } of Object.values(passes)) {
      const pages = Array.from({ length: LOADS }, (_, load) =>
        Math.floor((first + load * stride) / PAGE_BYTES),
      );
      expect(new Set(pages.map((page) => page % TLB_ENTRIES)).size).toBe(LOADS);
    }
  });

  test('the array and the naive walk find what was stored', () => {
    expect(readArray(rawArray(), 2)).toBe(2 * SUM_OF_PASS);
    expect(new NaiveWalk().read(2)).toBe(2 * SUM_OF_PASS);
  });

  test.each(['hap', 'shadow'] as const)('%s: hits and walks find it without an exit', (paging) => {
    const guest = new GigabyteGuest(paging, MAPPED);
    guest.store(passes.few);
    const { exits } = guest.host.counters;
    expect(readLinear(guest, passes.few, 3, false)).toBe(3 * SUM_OF_PASS);
    expect(readLinear(guest, passes.few, 3, true)).toBe(3 * SUM_OF_PASS);
    expect(guest.host.counters.exits).toBe(exits);
  });

  test('each first use of a page is one exit and one entry filled', () => {
    const guest = new GigabyteGuest('shadow', MAPPED);
    guest.store(passes.near);
    guest.mapAnew(0, MAPPED);
    const { exits, fills } = guest.host.counters;
    expect(readThroughExits(guest, { first: 0, stride: NEXT_PAGE })).toBe(SUM_OF_PASS);
    expect(guest.host.counters.exits - exits).toBe(LOADS);
    expect(guest.host.counters.fills - fills).toBe(LOADS);
  });
});
