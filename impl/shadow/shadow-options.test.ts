import { describe, expect, test } from 'vitest';
import { PAGE_BYTES } from '../../abi/word.js';
import { ALL, LEVEL_1, LEVEL_2, valueIs } from '../testing/paged-guests.js';
import { USED, auditOf, counters, rewrite, shadowed } from '../testing/shadowed-guests.js';

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
      expect(auditOf(guests)).toEqual([]);
    }
  });

  test('reverseMap finds entries without looking at all', () => {
    for (const reverseMap of [true, false]) {
      const guests = shadowed('pae', { ...quiet, reverseMap });
      guests.access(guests.linear(8));
      guests.decrease(1, [8]);
      expect(counters(guests).slotsScanned > 0).toBe(!reverseMap);
      expect(guests.access(guests.linear(8))).toEqual(valueIs(0xffff_ffff));
      expect(auditOf(guests)).toEqual([]);
    }
  });
});
