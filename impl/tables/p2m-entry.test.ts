import { describe, expect, test } from 'vitest';
import { Mfn } from '../../abi/ids.js';
import * as entry from './p2m-entry.js';

const types = [entry.RAM_RW, entry.GRANT_MAP_RW, entry.GRANT_MAP_RO] as const;

describe('p2m entries', () => {
  test.each(types)('an entry of type %i reads back as it was written [P2]', (type) => {
    for (const frame of [0, 1, 0xf_ffff, 0x10_0000, 0x7ff_ffff]) {
      const low = entry.lowWord(Mfn(frame), type);
      const high = entry.highWord(Mfn(frame), type);
      const found = entry.leafOf(low, high);
      expect(entry.mfnOf(found)).toBe(frame);
      expect(entry.typeOf(found)).toBe(type);
      expect(entry.isWellFormed(low, high)).toBe(true);
    }
  });

  test('an entry has the words of the real format (p2m.md 2.2)', () => {
    expect([entry.lowWord(Mfn(0x123), 0), entry.highWord(Mfn(0x123), 0)]).toEqual([0x12_3067, 0]);
    expect([entry.lowWord(Mfn(1), 7), entry.highWord(Mfn(1), 7)]).toEqual([0x1067, 0x8070_0000]);
    expect([entry.lowWord(Mfn(1), 8), entry.highWord(Mfn(1), 8)]).toEqual([0x1065, 0x8080_0000]);
  });

  test('only RAM and writable mappings permit a store [P3]', () => {
    const leaves = types.map((type) =>
      entry.leafOf(entry.lowWord(Mfn(3), type), entry.highWord(Mfn(3), type)),
    );
    expect(leaves.map(entry.permitsStore)).toEqual([true, true, false]);
    expect(leaves.map(entry.isGrant)).toEqual([false, true, true]);
    expect(leaves.map(entry.isRam)).toEqual([true, false, false]);
  });

  test('an all-zero entry is nothing, and a half-written one is malformed', () => {
    expect(entry.leafOf(0, 0)).toBe(entry.NOTHING);
    expect(entry.isRam(entry.NOTHING)).toBe(false);
    expect(entry.isWellFormed(0, 0)).toBe(true);
    expect(entry.isWellFormed(0, 1)).toBe(false);
    expect(entry.isWellFormed(entry.lowWord(Mfn(1), 0), 0x0010_0000)).toBe(false);
    expect(entry.isWellFormed(entry.lowWord(Mfn(1), 7), entry.highWord(Mfn(1), 8))).toBe(false);
  });
});
