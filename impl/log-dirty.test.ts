import { describe, expect, test } from 'vitest';
import { DomainId, Gfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { LogDirty } from '../abi/step.js';
import { XENMAPSPACE_gmfn } from '../abi/step.js';
import { LEVEL_1, PagedGuests, machines, settings } from './testing/paged-guests.js';

const log = (guests: PagedGuests, action: LogDirty['action'], domain = 1): Reply =>
  guests.step({ op: 'log_dirty', domain: DomainId(domain), action });

const dirty = (...gfns: readonly number[]): Reply => ({ is: 'dirty', gfns: gfns.map(Gfn) });
const rc = (value: 0 | '-EINVAL' | '-ESRCH'): Reply => ({ is: 'rc', rc: value });

describe.each(settings)('D8: the log of %s tables, %s', (layout, paging) => {
  const logged = (): PagedGuests => {
    const guests = new PagedGuests(layout, { machine: machines[paging] });
    guests.page();
    for (const page of [8, 9]) guests.access(guests.linear(page), { op: 'store', value: 1 });
    expect(log(guests, 'enable')).toEqual(rc(0));
    return guests;
  };

  test('D8: it names what was written since it was started or cleaned', () => {
    const guests = logged();
    expect(log(guests, 'peek')).toEqual(dirty());
    guests.access(guests.linear(8), { op: 'store', value: 2 });
    guests.access(guests.linear(9));
    expect(log(guests, 'peek')).toEqual(dirty(8));
    expect(log(guests, 'clean')).toEqual(dirty(8));
    guests.access(guests.linear(9), { op: 'xadd', value: 2 });
    expect(guests.observer.audit()).toEqual([]);
    expect(log(guests, 'clean')).toEqual(dirty(9));
    expect(log(guests, 'disable')).toEqual(rc(0));
    guests.access(guests.linear(8), { op: 'store', value: 3 });
    expect(guests.word(1, 8)).toBe(3);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('D8: marks in tables are writes to them', () => {
    const guests = logged();
    guests.access(guests.linear(10));
    expect(log(guests, 'clean')).toEqual(dirty(LEVEL_1));
    guests.access(guests.linear(10), { op: 'store', value: 1 });
    expect(log(guests, 'clean')).toEqual(dirty(LEVEL_1, 10));
    guests.access(guests.linear(LEVEL_1, 0xf00), { op: 'store', value: 1 });
    expect(log(guests, 'clean')).toEqual(dirty(LEVEL_1));
  });

  test('D8: what the hypervisor writes, and what is put at a gfn, is named', () => {
    const guests = logged();
    guests.setWord(1, 11, 1);
    guests.populate(1, [0x40]);
    guests.addToPhysmap(1, XENMAPSPACE_gmfn, 12, 0x41);
    guests.grant(2, 0, 1, 1);
    guests.copyFromRef(1, 2, 0, 13);
    expect(log(guests, 'clean')).toEqual(dirty(11, 13, 0x40, 0x41));
  });

  test("D8: another domain's writes are named when its mapping ends", () => {
    const guests = logged();
    guests.grant(1, 0, 2, 14);
    guests.grant(1, 1, 2, 15);
    log(guests, 'clean');
    const { handle } = guests.map(2, 1, 0, 0x50);
    const readonly = guests.map(2, 1, 1, 0x51, true);
    log(guests, 'clean');
    guests.unmap(2, readonly.handle, 0x51);
    guests.unmap(2, handle, 0x50);
    // The table is at gfn 0x20: its entries' status bits are cleared.
    expect(log(guests, 'clean')).toEqual(dirty(14, 0x20));
  });

  test('D8: a domain that maps a page writable and is destroyed may have written it', () => {
    const guests = logged();
    guests.grant(1, 0, 2, 14);
    guests.map(2, 1, 0, 0x50);
    log(guests, 'clean');
    guests.destroy(2);
    expect(log(guests, 'clean')).toEqual(dirty(14, 0x20));
    expect(guests.observer.audit()).toEqual([]);
  });
});

test('D8.1, D8.2: there is a living domain, and a log where one is asked for', () => {
  const guests = new PagedGuests('2-level');
  expect(log(guests, 'enable', 7)).toEqual(rc('-ESRCH'));
  expect(log(guests, 'enable', 0)).toEqual(rc('-ESRCH'));
  for (const action of ['disable', 'peek', 'clean'] as const) {
    expect(log(guests, action)).toEqual(rc('-EINVAL'));
  }
  log(guests, 'enable');
  expect(log(guests, 'enable')).toEqual(rc('-EINVAL'));
  guests.grant(1, 0, 2, 14);
  guests.map(2, 1, 0, 0x50);
  guests.destroy(1);
  expect(log(guests, 'peek')).toEqual(rc('-ESRCH'));
});
