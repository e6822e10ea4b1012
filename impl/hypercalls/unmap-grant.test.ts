import { describe, expect, test } from 'vitest';
import { DomainId, GuestPhysical, Handle, Mfn, VcpuId } from '../../abi/ids.js';
import { Guests } from '../testing/guests.js';

const element = (handle: number, gfn: number) => ({
  handle: Handle(handle),
  address: GuestPhysical(gfn * 4096),
  deviceAddress: 0,
});
const call = { op: 'unmap', caller: DomainId(2), vcpu: VcpuId(0) } as const;

describe('unmap_grant_ref', () => {
  test('references of a batch go only after all its entries went (grants.md 5.5)', () => {
    const seen: (readonly [string, number])[] = [];
    const guests: Guests = new Guests({
      stop: (point) => {
        if (!point.startsWith('grant.unmap')) return;
        seen.push([point, guests.hypervisor.host.frames.referencesOf(frame)]);
      },
    });
    guests.grant(1, 9, 2, 4);
    const maps = [0x50, 0x51, 0x52, 0x53].map((gfn) => guests.map(2, 1, 9, gfn));
    const frame: Mfn = maps[0]?.frame ?? Mfn(0);
    guests.step({ ...call, elements: maps.map((_, row) => element(row, 0x50 + row)) });
    expect(seen).toEqual([
      ['grant.unmap/removed', 5],
      ['grant.unmap/removed', 5],
      ['grant.unmap/removed', 5],
      ['grant.unmap/flushed', 5],
      ['grant.unmap/batch', 2],
      ['grant.unmap/removed', 2],
      ['grant.unmap/flushed', 2],
    ]);
    expect(guests.hypervisor.host.frames.referencesOf(frame)).toBe(1);
  });

  test('a handle may be unmapped at the gfn of another of the same frame, types kept right', () => {
    const guests = new Guests();
    guests.grant(1, 9, 1, 4);
    const writable = guests.map(1, 1, 9, 0x50);
    const readable = guests.map(1, 1, 9, 0x51, true);
    expect(guests.unmap(1, readable.handle, 0x50).status).toBe('okay');
    expect(guests.observer.audit()).toEqual([]);
    expect(guests.unmap(1, writable.handle, 0x51).status).toBe('okay');
    expect(guests.observer.audit()).toEqual([]);
  });

  test('address 0 says there is nothing to undo: okay, and the handle stays', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    const { handle } = guests.map(2, 1, 9, 0x50);
    expect(guests.unmap(2, handle, 0).status).toBe('okay');
    expect(guests.unmap(2, handle, 0x50).status).toBe('okay');
  });

  test('a gfn that holds something else, or nothing, is refused and the handle stays', () => {
    const guests = new Guests();
    guests.grant(1, 9, 2, 4);
    guests.grant(1, 10, 2, 5);
    const { handle } = guests.map(2, 1, 9, 0x50);
    guests.map(2, 1, 10, 0x51);
    const statuses = [1, 0x51, 0x52].map((gfn) => guests.unmap(2, handle, gfn).status);
    expect(statuses).toEqual(['general_error', 'general_error', 'general_error']);
    expect(guests.unmap(2, handle, 0x50).status).toBe('okay');
  });

  test('handles that were never given are bad', () => {
    const guests = new Guests();
    const reply = guests.step({ ...call, elements: [0, 5, 0xffff_ffff].map((h) => element(h, 1)) });
    const bad = { status: 'bad_handle' };
    expect(reply).toEqual({ is: 'statuses', elements: [bad, bad, bad] });
  });
});
