import { describe, expect, test } from 'vitest';
import { DomainId, GrantRef, Handle } from '../../abi/ids.js';
import { Maptrack } from './maptrack.js';

const live = (track: Maptrack, handle: number): void => {
  track.record(Handle(handle), DomainId(1), GrantRef(8), 2);
};

describe('maptrack', () => {
  test('handles come out 0 to 254, then 256: one is always left behind (grants.md 17, T8)', () => {
    const track = new Maptrack(256, 4, 1);
    const taken = Array.from({ length: 256 }, () => track.take(0));
    expect(taken).toEqual([...Array.from({ length: 255 }, (_, row) => row), 256]);
    expect(track.limit()).toBe(512);
    expect(track.queueLength(0)).toBe(256);
  });

  test('a handle that was given back is used last', () => {
    const track = new Maptrack(4, 1, 1);
    expect([track.take(0), track.take(0)]).toEqual([0, 1]);
    track.giveBack(Handle(0));
    expect([track.take(0), track.take(0), track.take(0)]).toEqual([2, 3, undefined]);
    track.giveBack(Handle(2));
    expect(track.take(0)).toBe(0);
  });

  test('a domain without maptrack frames never gets a handle', () => {
    expect(new Maptrack(256, 0, 1).take(0)).toBeUndefined();
  });

  test('a vcpu that has none steals two: one stays behind as the end of its queue', () => {
    const track = new Maptrack(8, 1, 2);
    expect(track.take(0)).toBe(0);
    expect(track.take(1)).toBe(2);
    expect(track.queueLength(1)).toBe(1);
    track.giveBack(Handle(2));
    expect(track.queueLength(1)).toBe(2);
  });

  test('a recorded handle says what it maps until it is retired', () => {
    const track = new Maptrack(4, 1, 1);
    track.take(0);
    live(track, 0);
    expect([track.isLive(Handle(0)), track.granterOf(Handle(0)), track.refOf(Handle(0))]).toEqual([
      true,
      1,
      8,
    ]);
    track.retire(Handle(0));
    expect(track.isLive(Handle(0))).toBe(false);
    expect(() => track.retire(Handle(0))).toThrow('a handle that is retired was live');
  });
});
