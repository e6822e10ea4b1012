import { describe, expect, test } from 'vitest';
import {
  DOMID_SELF,
  DomainId,
  GrantRef,
  GuestPhysical,
  INVALID_GFN,
  VcpuId,
} from '../../abi/ids.js';
import { Guests, TABLE_GFN } from '../testing/guests.js';

const by = (caller: number) => ({ caller: DomainId(caller), vcpu: VcpuId(0) });
const setup = {
  op: 'setup_table',
  ...by(1),
  target: DOMID_SELF,
  count: 1,
  list: undefined,
} as const;
const STATUS_INDEX = 0x8000_0000;

describe('setup_table and query_size', () => {
  test('the table grows, and each frame is answered where it is mapped, or nowhere', () => {
    const guests = new Guests();
    expect(guests.step({ ...setup, frames: 2 })).toEqual({
      is: 'table',
      status: 'okay',
      frames: [TABLE_GFN, INVALID_GFN],
    });
    const size = { is: 'size', status: 'okay', frames: 2, maximum: 3 };
    expect(guests.step({ op: 'query_size', ...by(1), target: DOMID_SELF, count: 1 })).toEqual(size);
    expect(guests.step({ ...setup, frames: 4 })).toMatchObject({ status: 'general_error' });
    expect(guests.step({ ...setup, frames: 1, target: DomainId(2) })).toMatchObject({
      status: 'permission_denied',
    });
    expect(guests.step({ ...setup, frames: 1, count: 2 })).toEqual({ is: 'rc', rc: '-EINVAL' });
  });

  test('the list is written where it can be: a fault is told and the rest still written', () => {
    const guests = new Guests();
    const list = GuestPhysical(8 * 4096 - 8);
    expect(guests.step({ ...setup, frames: 2, list })).toMatchObject({ status: 'bad_virt_addr' });
    expect(guests.load(1, list)).toMatchObject({ value: { low: TABLE_GFN, high: 0 } });
    expect(guests.step({ ...setup, frames: 2, list: GuestPhysical(0x3000) })).toMatchObject({
      status: 'okay',
    });
    expect(guests.load(1, 0x3008)).toMatchObject({
      value: { low: 0xffff_ffff, high: 0xffff_ffff },
    });
  });
});

describe('set_version', () => {
  test('reserved refs are carried over with their status, all others are wiped [I19]', () => {
    const guests = new Guests();
    guests.grant(1, 1, 2, 4);
    guests.grant(1, 5, 2, 4);
    const { handle } = guests.map(2, 1, 1, 0x50);
    expect(guests.setVersion(1, 2)).toEqual({ is: 'version', rc: 0, version: 2 });
    guests.addToPhysmap(1, 1, STATUS_INDEX, 0x28);
    expect(guests.load(1, 0x28 * 4096 + 2, 2)).toMatchObject({ value: { low: 0x18 } });
    expect(guests.load(1, TABLE_GFN * 4096 + 16)).toMatchObject({ value: { low: 0x2_0001 } });
    expect(guests.load(1, TABLE_GFN * 4096 + 5 * 8)).toMatchObject({ value: { low: 0, high: 0 } });
    guests.unmap(2, handle, 0x50);
    expect(guests.load(1, 0x28 * 4096 + 2, 2)).toMatchObject({ value: { low: 0 } });
    expect(guests.setVersion(1, 1)).toEqual({ is: 'version', rc: 0, version: 1 });
    expect(guests.word(1, 0x28)).toBe(0xffff_ffff);
    expect(guests.load(1, TABLE_GFN * 4096 + 8)).toMatchObject({
      value: { low: 0x2_0001, high: 4 },
    });
    expect(guests.observer.audit()).toEqual([]);
  });

  test('a pinned ref that is not reserved stands in the way', () => {
    const guests = new Guests();
    guests.grant(1, 5, 2, 4);
    guests.map(2, 1, 5, 0x50);
    expect(guests.setVersion(1, 2)).toEqual({ is: 'version', rc: '-EBUSY', version: 1 });
    expect(guests.setVersion(1, 1)).toEqual({ is: 'version', rc: 0, version: 1 });
    expect(guests.setVersion(1, 3)).toEqual({ is: 'version', rc: '-EINVAL', version: 1 });
  });

  test('a domain limited to version 1 stays there', () => {
    const guests = new Guests({ config: { grantVersion: 1 } });
    expect(guests.setVersion(1, 2)).toEqual({ is: 'version', rc: '-ENOSYS', version: 1 });
  });

  test('a status frame that another still maps crashes the domain', () => {
    const guests = new Guests();
    guests.setVersion(1, 2);
    guests.addToPhysmap(1, 1, STATUS_INDEX, 0x28);
    guests.store(1, TABLE_GFN * 4096 + 8, { low: 0x28, high: 0 });
    guests.store(1, TABLE_GFN * 4096, { low: 0x2_0001, high: 0 });
    const { handle } = guests.map(2, 1, 0, 0x50, true);
    expect(guests.setVersion(1, 1)).toEqual({ is: 'crashed' });
    expect(guests.observer.audit()).toEqual([]);
    guests.unmap(2, handle, 0x50);
    guests.destroy(1);
    expect(guests.pages(1)).toBeUndefined();
    expect(guests.observer.audit()).toEqual([]);
  });
});

describe('swap_grant_ref', () => {
  test('two entries change places, unless one is in use', () => {
    const guests = new Guests();
    guests.grant(1, 5, 2, 4);
    guests.grant(1, 6, 3, 5);
    const swap = (first: number, second: number) =>
      guests.step({
        op: 'swap',
        ...by(1),
        elements: [{ first: GrantRef(first), second: GrantRef(second) }],
      });
    expect(swap(5, 6)).toEqual({ is: 'statuses', elements: [{ status: 'okay' }] });
    expect(guests.load(1, TABLE_GFN * 4096 + 40)).toMatchObject({
      value: { low: 0x3_0001, high: 5 },
    });
    guests.map(3, 1, 5, 0x50);
    expect(swap(6, 5)).toEqual({ is: 'statuses', elements: [{ status: 'eagain' }] });
    expect(swap(5, 5)).toEqual({ is: 'statuses', elements: [{ status: 'okay' }] });
    expect(swap(5, 16)).toEqual({ is: 'statuses', elements: [{ status: 'bad_gntref' }] });
  });
});
