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
/** Root, levels 3 and 2, two of level 1: one is left when there is a superpage. */
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
const NO_MEMORY: Reply = { is: 'rc', rc: '-ENOMEM' };
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
  const isHap = paging === 'hap';

  test('an extent of 2 MiB is one entry and needs no table of its own, with nested paging [P2]', () => {
    const guests = guestsOn(paging);
    expect(counts(guests)).toEqual([isHap ? 1 : 0, 0]);
    expect(domainOf(guests).p2m.tables()).toHaveLength(isHap ? TABLES - 1 : TABLES);
    expect([FIRST, PART, LAST].map((gfn) => guests.word(1, gfn))).toEqual([FIRST, PART, LAST]);
    expect(guests.observer.audit()).toEqual([]);
    const off = guestsOn(paging, { superpages: false });
    expect(counts(off)).toEqual([0, 0]);
    expect(domainOf(off).p2m.tables()).toHaveLength(TABLES);
    expect(domainOf(off).p2m.countedTables()).toBe(isHap ? TABLES - 1 : TABLES);
    expect(off.observer.audit()).toEqual([]);
  });

  test.each(changes)('it is split where one page %s, and the others stay', (what, change, word) => {
    for (const superpages of [true, false]) {
      const guests = guestsOn(paging, { superpages });
      for (const gfn of [5, 6]) guests.setWord(1, gfn, gfn);
      change(guests);
      expect(counts(guests)).toEqual(isHap && superpages ? [1, 1] : [0, 0]);
      expect(guests.word(1, PART)).toBe(word);
      expect([FIRST, LAST].map((gfn) => guests.word(1, gfn))).toEqual([FIRST, LAST]);
      guests.setWord(1, PART - 1, 7);
      expect(guests.word(1, PART - 1)).toBe(7);
      // What a log splits costs the domain nothing.
      const isOwn = !isHap || !what.includes('logged');
      expect(domainOf(guests).p2m.countedTables()).toBe(isOwn ? TABLES : TABLES - 1);
      expect(guests.observer.audit()).toEqual([]);
    }
  });

  test('given up whole and populated again it is one entry again, and its table goes back', () => {
    const guests = guestsOn(paging);
    expect(guests.decrease(1, [FIRST], 9)).toEqual({ is: 'rc', rc: 1 });
    expect(domainOf(guests).p2m.countedTables()).toBe(TABLES);
    expect(guests.word(1, PART)).toBe(0xffff_ffff);
    expect(guests.populate(1, [FIRST], 9)).toEqual({ is: 'rc', rc: 1 });
    expect(domainOf(guests).p2m.countedTables()).toBe(isHap ? TABLES - 1 : TABLES);
    expect(counts(guests)).toEqual(isHap ? [2, 1] : [0, 0]);
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

  test('the toolstack populates two at once; a page that was there has no gfn any more [P5]', () => {
    const machine = { ...machineOn(paging), p2mTableFrames: 8, guestFrames: 3000 };
    const config = { ...machine.defaults, maximumPages: 1300 };
    const guests = new PagedGuests('4-level', { machine, config });
    guests.populate(1, [0x7ff]);
    guests.setWord(1, 0x7ff, 5);
    const by = { caller: CONTROL, vcpu: VcpuId(0), target: DomainId(1) };
    const call = { op: 'populate_physmap', ...by, extents: [Gfn(0x400)], order: 10 } as const;
    expect(guests.step(call)).toEqual({ is: 'rc', rc: 1 });
    expect(counts(guests)).toEqual(isHap ? [2, 0] : [0, 0]);
    expect(guests.word(1, 0x7ff)).toBe(0);
    expect(guests.pages(1)).toBe(24 + 1 + 1024);
    expect(domainOf(guests).p2m.countedTables()).toBe(isHap ? 4 : 6);
    expect(guests.observer.audit()).toEqual([]);
  });

  test.each([1, 2, 300, 512, 513])(
    'one entry is one try that may fail: the %i-th [D9]',
    (after) => {
      for (const superpages of [true, false]) {
        const machine = machineOn(paging);
        const guests = new PagedGuests('4-level', { machine, options: { superpages } });
        guests.step({ op: 'fail_next', what: 'entry', after });
        const isMade = after > (isHap ? 1 : 512);
        expect(guests.populate(1, [FIRST], 9)).toEqual({ is: 'rc', rc: isMade ? 1 : 0 });
        const isThere = isHap ? isMade : true;
        expect(guests.word(1, FIRST + (after % 512))).toBe(isThere ? 0 : 0xffff_ffff);
        expect(guests.populate(1, [0x30])).toEqual({
          is: 'rc',
          rc: after === (isHap ? 2 : 513) ? 0 : 1,
        });
        expect(guests.observer.audit()).toEqual([]);
      }
    },
  );

  test('without a table to split it into each page of it stays as it is [P2]', () => {
    for (const superpages of [true, false]) {
      const machine = { ...machineOn('hap'), p2mTableFrames: TABLES - 1 };
      const guests = new PagedGuests('4-level', { machine, options: { superpages } });
      guests.grant(1, 3, 1, 5);
      guests.populate(1, [FIRST], 9);
      guests.setWord(1, PART, PART);
      expect(guests.decrease(1, [PART])).toEqual({ is: 'rc', rc: 0 });
      expect(guests.map(1, 1, 3, PART)).toMatchObject({ status: 'general_error' });
      expect(guests.addToPhysmap(1, XENMAPSPACE_gmfn, PART, 0x30)).toEqual(NO_MEMORY);
      expect(guests.addToPhysmap(1, XENMAPSPACE_gmfn, 6, PART)).toEqual(NO_MEMORY);
      expect(memoryType(guests, PART, 1)).toEqual(NO_MEMORY);
      expect(guests.populate(1, [PART])).toEqual({ is: 'rc', rc: 0 });
      expect(guests.word(1, PART)).toBe(PART);
      expect(counts(guests)).toEqual([superpages ? 1 : 0, 0]);
      expect(guests.observer.audit()).toEqual([]);
    }
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
});

describe('the audit of superpages', () => {
  test.each([
    ['P2', 0x8000_0000, 1],
    ['P14', PAGE_BYTES, 0],
    ['P2', 0x200, 0],
  ])('finds one that is not what it should be: %s', (id, flip, word) => {
    const guests = guestsOn('hap');
    const { p2m } = domainOf(guests);
    const { ram } = guests.hypervisor.host;
    const upper = p2m.tables().find(({ level, base }) => level === 2 && base === 0);
    assert(upper !== undefined, 'a superpage is in a table');
    const place = 2 + word;
    ram.setTableWord(upper.mfn, place, (ram.tableWord(upper.mfn, place) ^ flip) >>> 0);
    expect(guests.observer.audit().map((violation) => violation.id)).toContain(id);
  });

  test('finds a lent table that does not say the same as one entry: P1', () => {
    const guests = guestsOn('hap', { superpages: false });
    const lent = domainOf(guests).p2m.tables().at(-1);
    assert(lent?.base === FIRST, 'the youngest table is lent');
    guests.hypervisor.host.ram.setTableWord(lent.mfn, 2, 0);
    guests.hypervisor.host.ram.setTableWord(lent.mfn, 3, 0);
    expect(guests.observer.audit().map((violation) => violation.id)).toContain('P1');
  });
});

/** Guests that there are. */
const domainCount = ({ hypervisor }: PagedGuests): number =>
  [...hypervisor.host.domains.guests()].length;
