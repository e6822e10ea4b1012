import { describe, expect, test } from 'vitest';
import { CONTROL, DOMID_SELF, DomainId, Gfn, INVALID_GFN, VcpuId } from '../../abi/ids.js';
import { presets } from '../../abi/machine.js';
import * as space from '../../abi/step.js';
import { Guests, TABLE_GFN } from '../testing/guests.js';

const ONES = 0xffff_ffff;
const by = (caller: number) => ({ caller: DomainId(caller), vcpu: VcpuId(0) });
const rc = (value: number | string) => ({ is: 'rc', rc: value });

describe('populate and decrease', () => {
  test('new pages are zero, and those they replace stay owned without a gfn', () => {
    const guests = new Guests();
    guests.setWord(1, 3, 7);
    expect(guests.populate(1, [3, 0x60])).toEqual(rc(2));
    expect([guests.word(1, 3), guests.pages(1)]).toEqual([0, 10]);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a limit stops the call where it stands [D2]', () => {
    const guests = new Guests();
    expect(guests.populate(1, [0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66])).toEqual(rc(6));
    expect(guests.populate(1, [0x67])).toEqual(rc(0));
  });

  test('an extent beyond the last gfn leaves its pages owned and uncounted', () => {
    const guests = new Guests();
    expect(guests.populate(1, [2 ** 36 - 1], 1)).toEqual(rc(0));
    expect([guests.pages(1), guests.word(1, 2 ** 36 - 1)]).toEqual([10, 0]);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('populating over a grant mapping crashes the domain, also when the toolstack asks', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.map(2, 1, 9, 0x50);
    const call = { op: 'populate_physmap', ...by(0), target: DomainId(2), order: 0 } as const;
    expect(guests.step({ ...call, extents: [Gfn(0x4f), Gfn(0x50)] })).toEqual(rc(1));
    expect(guests.load(2, 0)).toEqual({ is: 'no_domain' });
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a page given up while mapped elsewhere is charged until it is unmapped [D5]', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    const { handle } = guests.map(2, 1, 9, 0x50);
    guests.decrease(1, [4]);
    expect([guests.pages(1), guests.word(1, 4)]).toEqual([8, ONES]);
    guests.setWord(2, 0x50, 5);
    guests.unmap(2, handle, 0x50);
    expect(guests.pages(1)).toBe(7);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('of an extent with a hole the pages before it are gone though it is not counted', () => {
    const guests = new Guests();
    guests.decrease(1, [2]);
    expect(guests.decrease(1, [0], 2)).toEqual(rc(0));
    expect([guests.pages(1), guests.word(1, 0), guests.word(1, 3)]).toEqual([5, ONES, 0]);
  });

  test.each([
    ['another domain', { target: DomainId(2) }],
    ['an unknown domain', { target: DomainId(99) }],
    ['the control domain', { target: CONTROL }],
    ['an extent too big', { order: 3 }],
  ])('increase of %s answers 0', (_what, change) => {
    const guests = new Guests();
    const call = { op: 'increase_reservation', ...by(1), target: DOMID_SELF, count: 2, order: 0 };
    expect(guests.step({ ...call, op: 'increase_reservation', ...change })).toEqual(rc(0));
    expect(guests.step({ ...call, op: 'increase_reservation' })).toEqual(rc(2));
  });
});

describe('add_to_physmap', () => {
  test('a page of one gfn moves to another, and what was there is freed', () => {
    const guests = new Guests();
    guests.setWord(1, 3, 5);
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_gmfn, 3, 6)).toEqual(rc(0));
    expect([guests.word(1, 3), guests.word(1, 6), guests.pages(1)]).toEqual([ONES, 5, 7]);
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_gmfn, 6, 6)).toEqual(rc(0));
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a grant frame has one gfn; the table grows to have the frame, up to its limit', () => {
    const guests = new Guests();
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_grant_table, 0, 0x70)).toEqual(rc(0));
    expect(guests.word(1, TABLE_GFN)).toBe(ONES);
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_grant_table, 2, 0x71)).toEqual(rc(0));
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_grant_table, 3, 0x72)).toEqual(rc('-EINVAL'));
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_grant_table, 2 ** 64, 0x72)).toEqual(
      rc('-EINVAL'),
    );
    expect(guests.observer.view().domains[0]?.grantFrames).toHaveLength(3);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a grant frame that was given up cannot be added again', () => {
    const guests = new Guests();
    guests.decrease(1, [TABLE_GFN]);
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_grant_table, 0, 0x70)).toEqual(rc('-EBUSY'));
    expect(guests.pages(1)).toBe(8);
    expect(guests.observer.audit()).toEqual([]);
  });

  test('where a table is missing the page has lost its old gfn and has no new one', () => {
    const guests = new Guests({ machine: { ...presets.small, p2mTableFrames: 4 } });
    expect(guests.addToPhysmap(1, space.XENMAPSPACE_gmfn, 3, 2 ** 20)).toEqual(rc('-ENOMEM'));
    expect([guests.word(1, 3), guests.pages(1)]).toEqual([ONES, 8]);
    expect(guests.observer.audit()).toEqual([]);
  });

  test.each([
    ['another frame onto a grant mapping', 3, 0x50, '-ENXIO'],
    ['a grant mapping elsewhere', 0x50, 0x60, '-EINVAL'],
    ["a mapping of one's own page elsewhere", 0x51, 0x60, '-EXDEV'],
    ['a hole', 0x77, 0x60, '-EINVAL'],
  ])('moving %s is refused', (_what, from, to, errno) => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.grant(2, 9, 2, 5);
    guests.map(2, 1, 9, 0x50);
    guests.map(2, 2, 9, 0x51);
    expect(guests.addToPhysmap(2, space.XENMAPSPACE_gmfn, from, to)).toEqual(rc(errno));
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a batch says what became of each entry and ends at an impossible gfn', () => {
    const guests = new Guests();
    const pairs = [
      [3, 0x60],
      [0x77, 0x61],
      [4, INVALID_GFN],
      [5, 0x62],
    ];
    const entries = pairs.map(([index = 0, gfn = 0]) => ({ index, gfn: Gfn(gfn) }));
    const step = { op: 'add_to_physmap_batch', ...by(1), target: DOMID_SELF, foreign: 0 } as const;
    expect(guests.step({ ...step, space: space.XENMAPSPACE_gmfn, entries })).toEqual({
      is: 'errors',
      rc: '-EINVAL',
      errors: [0, '-EINVAL', 'untouched', 'untouched'],
    });
  });

  test('a removed page is a hole, stays owned, and is not found again', () => {
    const guests = new Guests();
    const step = { op: 'remove_from_physmap', ...by(1), target: DOMID_SELF, gfn: Gfn(3) } as const;
    expect([guests.step(step), guests.step(step), guests.pages(1)]).toEqual([
      rc(0),
      rc('-ENOENT'),
      8,
    ]);
    expect(guests.step({ ...step, target: DomainId(2) })).toEqual(rc('-EPERM'));
  });
});
