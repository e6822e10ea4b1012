import { describe, expect, test } from 'vitest';
import { PTE_A, PTE_D } from '../abi/control.js';
import { CONTROL, DOMID_SELF, DomainId, Gfn, VcpuId } from '../abi/ids.js';
import { pagings, presets } from '../abi/machine.js';
import type { Machine, Paging } from '../abi/machine.js';
import type { Reply } from '../abi/reply.js';
import { XENMAPSPACE_gmfn } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { assert } from './assert.js';
import type { Domain } from './domain.js';
import type { Options } from './options.js';
import { ALL, LEVEL_1, PagedGuests, valueIs } from './testing/paged-guests.js';

const FIRST = 0x200;
const LAST = 0x3ff;
const PART = 0x2a5;
/** Root, levels 3 and 2, two of level 1: no frame is left when there is a superpage. */
const TABLES = 5;

const machineOn = (paging: Paging): Machine => ({
  ...presets.paged,
  paging,
  guestFrames: 1200,
  p2mTableFrames: TABLES,
  shadowFrames: 32,
  guestOrder: 9,
  controlOrder: 10,
  defaults: { ...presets.paged.defaults, ram: [{ gfn: 0, count: 24 }], maximumPages: 600 },
});

/** Domain 1 pages, and has 2 MiB of RAM at gfn 0x200; its page 5 is granted to itself by ref 3. */
function guestsOn(paging: Paging, options: Partial<Options> = {}): PagedGuests {
  const guests = new PagedGuests('4-level', { machine: machineOn(paging), options });
  guests.grant(1, 3, 1, 5);
  expect(guests.populate(1, [FIRST], 9)).toEqual({ is: 'rc', rc: 1 });
  for (const gfn of [FIRST, PART, LAST]) guests.setWord(1, gfn, gfn);
  return guests;
}

const domainOf = ({ hypervisor }: PagedGuests): Domain => {
  const domain = hypervisor.host.domains.byId(DomainId(1));
  assert(domain !== undefined, 'domain 1 is there');
  return domain;
};
const counts = ({ hypervisor }: PagedGuests): readonly number[] => {
  const { superpagesMade, superpagesSplit } = hypervisor.counters();
  return [superpagesMade, superpagesSplit];
};
const memoryType = (guests: PagedGuests, gfn: number, type: number): Reply =>
  guests.step({ op: 'set_memory_type', domain: DomainId(1), gfn: Gfn(gfn), count: 1, type });
const log = (guests: PagedGuests, action: 'enable' | 'peek' | 'disable'): Reply =>
  guests.step({ op: 'log_dirty', domain: DomainId(1), action });

/** What changes one page of 2 MiB, and what is then read there. */
const changes: readonly (readonly [string, (guests: PagedGuests) => unknown, number])[] = [
  ['is given up', (guests) => guests.decrease(1, [PART]), 0xffff_ffff],
  [
    'is removed',
    (guests) =>
      guests.step({
        op: 'remove_from_physmap',
        caller: DomainId(1),
        vcpu: VcpuId(0),
        target: DOMID_SELF,
        gfn: Gfn(PART),
      }),
    0xffff_ffff,
  ],
  ['moves away', (guests) => guests.addToPhysmap(1, XENMAPSPACE_gmfn, PART, 0x30), 0xffff_ffff],
  ['is replaced', (guests) => guests.addToPhysmap(1, XENMAPSPACE_gmfn, 6, PART), 6],
  ['is populated anew', (guests) => guests.populate(1, [PART]), 0],
  ['becomes a grant mapping', (guests) => guests.map(1, 1, 3, PART), 5],
  ['becomes readonly', (guests) => memoryType(guests, PART, 1), PART],
  [
    'is written while writes are logged',
    (guests) => {
      guests.page();
      guests.setEntry(LEVEL_1, 30, PART, ALL);
      log(guests, 'enable');
      guests.access(guests.linear(30), { op: 'store', value: 9 });
      expect(log(guests, 'peek')).toMatchObject({ gfns: expect.arrayContaining([PART]) });
      return log(guests, 'disable');
    },
    9,
  ],
];

describe.each(pagings)('superpages of the p2m, %s', (paging) => {
  test('an extent of 2 MiB is one entry, and has its table all the same [P2]', () => {
    const guests = guestsOn(paging);
    expect(counts(guests)).toEqual([1, 0]);
    expect(domainOf(guests).p2m.tables()).toHaveLength(TABLES);
    expect([FIRST, PART, LAST].map((gfn) => guests.word(1, gfn))).toEqual([FIRST, PART, LAST]);
    expect(guests.observer.audit()).toEqual([]);
    const off = guestsOn(paging, { superpages: false });
    expect(counts(off)).toEqual([0, 0]);
    expect(domainOf(off).p2m.tables()).toHaveLength(TABLES);
  });

  test.each(changes)('it is split where one page %s, and the others stay', (what, change, word) => {
    const guests = guestsOn(paging);
    for (const gfn of [5, 6]) guests.setWord(1, gfn, gfn);
    change(guests);
    const isSplit = paging === 'hap' || !what.includes('logged') ? 1 : 0;
    expect(counts(guests)).toEqual([1, isSplit]);
    expect(guests.word(1, PART)).toBe(word);
    expect([FIRST, LAST].map((gfn) => guests.word(1, gfn))).toEqual([FIRST, LAST]);
    guests.setWord(1, PART - 1, 7);
    expect(guests.word(1, PART - 1)).toBe(7);
    expect(domainOf(guests).p2m.tables()).toHaveLength(TABLES);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('given up whole and populated again it is one entry again', () => {
    const guests = guestsOn(paging);
    expect(guests.decrease(1, [FIRST], 9)).toEqual({ is: 'rc', rc: 1 });
    expect(guests.word(1, PART)).toBe(0xffff_ffff);
    expect(guests.populate(1, [FIRST], 9)).toEqual({ is: 'rc', rc: 1 });
    expect(counts(guests)).toEqual([2, 1]);
    expect(guests.word(1, PART)).toBe(0);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('nothing is left of it when its domain goes', () => {
    const guests = guestsOn(paging);
    guests.destroy(1);
    expect(domainCount(guests)).toBe(1);
    expect(guests.observer.audit()).toEqual([]);
  });

  test.each([FIRST + 1, 0x1ff])('at gfn %i there are entries for each page', (gfn) => {
    const guests = new PagedGuests('4-level', {
      machine: { ...machineOn(paging), p2mTableFrames: 8 },
    });
    expect(guests.populate(1, [gfn], 9)).toEqual({ is: 'rc', rc: 1 });
    expect(counts(guests)).toEqual([0, 0]);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('the toolstack populates two at once; a page that is there already makes one of them small', () => {
    const machine = { ...machineOn(paging), p2mTableFrames: 8, guestFrames: 3000 };
    const config = { ...machine.defaults, maximumPages: 1300 };
    const guests = new PagedGuests('4-level', { machine, config });
    guests.populate(1, [0x7ff]);
    const by = { caller: CONTROL, vcpu: VcpuId(0), target: DomainId(1) };
    const call = { op: 'populate_physmap', ...by, extents: [Gfn(0x400)], order: 10 } as const;
    expect(guests.step(call)).toEqual({ is: 'rc', rc: 1 });
    expect(counts(guests)).toEqual([1, 0]);
    expect(guests.observer.audit()).toEqual([]);
  });

  test.each([1, 2, 300, 512, 513])('the update that fails is still the %i-th [F1]', (after) => {
    const outcomes = [true, false].map((superpages) => {
      const guests = new PagedGuests('4-level', {
        machine: machineOn(paging),
        options: { superpages },
      });
      guests.step({ op: 'fail_next', what: 'entry', after });
      const reply = guests.populate(1, [FIRST], 9);
      const there = guests.word(1, FIRST + after - 1);
      return [reply, there, guests.populate(1, [0x30]), guests.pages(1)];
    });
    expect(outcomes[0]).toEqual(outcomes[1]);
  });

  test('processors reach each page of it by linear addresses', () => {
    const guests = guestsOn(paging);
    guests.setEntry(LEVEL_1, 30, PART, ALL);
    guests.setEntry(LEVEL_1, 31, LAST, ALL);
    guests.page();
    expect(guests.access(guests.linear(30))).toEqual(valueIs(PART));
    guests.access(guests.linear(31), { op: 'store', value: 8 });
    expect(guests.word(1, LAST)).toBe(8);
    expect((guests.flagsOf(LEVEL_1, 31) ?? 0) & (PTE_A | PTE_D)).toBe(PTE_A | PTE_D);
    guests.decrease(1, [LAST]);
    expect(guests.access(guests.linear(30))).toEqual(valueIs(PART));
    expect(guests.access(guests.linear(31))).toEqual(valueIs(0xffff_ffff));
    expect(guests.observer.audit()).toEqual([]);
  });

  test.each([
    ['P2', 0x8000_0000, 1],
    ['P14', PAGE_BYTES, 0],
    ['P1', 0, 0],
  ])('the audit finds one that is not what it should be: %s', (id, flip, word) => {
    const guests = guestsOn(paging);
    const { p2m } = domainOf(guests);
    const { ram } = guests.hypervisor.host;
    const reserve = p2m.tables().find(({ level, base }) => level === 1 && base === FIRST);
    assert(reserve?.parent !== undefined, 'a superpage has a table in reserve');
    const place = reserve.index * 2 + word;
    ram.setTableWord(reserve.parent, place, (ram.tableWord(reserve.parent, place) ^ flip) >>> 0);
    if (flip === 0) ram.setTableWord(reserve.mfn, 2, 1);
    expect(guests.observer.audit().map((violation) => violation.id)).toContain(id);
  });
});

/** Guests that there are. */
const domainCount = ({ hypervisor }: PagedGuests): number =>
  [...hypervisor.host.domains.guests()].length;
