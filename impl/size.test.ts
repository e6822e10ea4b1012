import { describe, expect, test } from 'vitest';
import { CR4_PSE, PTE_PS } from '../abi/control.js';
import { presets } from '../abi/machine.js';
import type { Machine } from '../abi/machine.js';
import { PAGE_BYTES } from '../abi/word.js';
import { ALL, PagedGuests, ROOT, pagings, valueIs } from './testing/paged-guests.js';

/** One guest of up to 1 GiB, of which 100,000 pages are there. */
const GFNS = 262_144;
const PAGES = 100_000;
const large: Machine = {
  ...presets.xen,
  domains: 1,
  guestFrames: PAGES + 64,
  p2mTableFrames: GFNS / 512 + 8,
  grantFramesMaximum: 4,
  defaults: {
    ...presets.xen.defaults,
    ram: [
      { gfn: 0, count: PAGES / 2 },
      { gfn: GFNS - PAGES / 2, count: PAGES / 2 },
    ],
    maximumPages: PAGES + 64,
  },
};

describe.each(pagings)('a large guest, %s', (paging) => {
  const machine = { ...large, paging };

  test('A6: each of 100,000 pages of a guest of 1 GiB is reached, at the cost of one walk', () => {
    const guests = new PagedGuests('2-level', { machine });
    for (let index = 0; index < GFNS / 1024; index += 1) {
      guests.setEntry(ROOT, index, index * 1024, ALL | PTE_PS);
    }
    guests.page(0, CR4_PSE);
    const gfnOf = (page: number): number => (page < PAGES / 2 ? page : GFNS - PAGES + page);
    const before = { ...guests.hypervisor.counters() };
    for (let page = 16; page < PAGES; page += 1) {
      guests.access(gfnOf(page) * PAGE_BYTES + 8, { op: 'store', value: page });
    }
    for (let page = 16; page < PAGES; page += 997) {
      expect(guests.access(gfnOf(page) * PAGE_BYTES + 8)).toEqual(valueIs(page));
    }
    const after = guests.hypervisor.counters();
    // Shadows are filled once for each page, and again for the second round of what was evicted.
    const exits = paging === 'hap' ? 0 : 1.1 * PAGES;
    expect(after.exits - before.exits).toBeLessThanOrEqual(exits);
  });

  test('N1: pages come and go at its end, thousands of times', () => {
    const guests = new PagedGuests('2-level', { machine });
    for (let round = 0; round < 2000; round += 1) {
      guests.decrease(1, [GFNS - 1 - round]);
      guests.populate(1, [GFNS - 1 - round]);
    }
    expect(guests.pages(1)).toBe(PAGES);
  });
});
