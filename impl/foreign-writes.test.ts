import { describe, expect, test } from 'vitest';
import { DomainId, VcpuId } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import {
  ALL,
  LEVEL_1,
  PagedGuests,
  ROOT,
  machines,
  settings,
  valueIs,
} from './testing/paged-guests.js';

describe.each(settings)('W5: a table that another domain may write; %s, %s', (layout, paging) => {
  const entryBytes = layout === '2-level' ? 4 : 8;

  /** Domain 2 has the level 1 table of domain 1 at gfn 0x50, and no paging. */
  function granted(): PagedGuests {
    const guests = new PagedGuests(layout, { machine: machines[paging] });
    for (const gfn of [8, 9]) guests.setWord(1, gfn, gfn);
    guests.grant(1, 0, 2, LEVEL_1);
    guests.map(2, 1, 0, 0x50);
    return guests;
  }

  /** Domain 2 points entry 8 of the table to gfn 9, by a linear address. */
  function write(guests: PagedGuests): void {
    guests.step({
      op: 'store_linear',
      caller: DomainId(2),
      vcpu: VcpuId(0),
      linear: { low: 0x50 * PAGE_BYTES + 8 * entryBytes, high: 0 },
      size: 4,
      as: 'kernel',
      value: { low: ((9 << 12) | ALL) >>> 0, high: 0 },
    });
  }

  test('T2: what it writes there is seen after a flush, whoever came first', () => {
    const guests = granted();
    write(guests);
    guests.setEntry(LEVEL_1, 8, 8, ALL);
    guests.page();
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    write(guests);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(guests.observer.audit()).toEqual([]);
    guests.setEntry(LEVEL_1, 8, 8, ALL);
    guests.cr3(ROOT * PAGE_BYTES);
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    write(guests);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
  });

  test('T2: so is what it writes by guest-physical address, and what it copies there', () => {
    const guests = granted();
    guests.page();
    expect(guests.access(guests.linear(8))).toEqual(valueIs(8));
    const value = { low: ((9 << 12) | ALL) >>> 0, high: 0 };
    guests.store(2, 0x50 * PAGE_BYTES + 8 * entryBytes, value, 4);
    guests.invalidate(guests.linear(8));
    expect(guests.access(guests.linear(8))).toEqual(valueIs(9));
    expect(guests.observer.audit()).toEqual([]);
  });
});
