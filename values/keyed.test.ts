import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { count, drop, entries, findKey, forEach, get, has, put, type Keyed } from './keyed.js';

/** Keys near each other, near powers of two, and as large as keys may be. */
const key = fc.oneof(
  fc.nat(20),
  fc.tuple(fc.nat(52), fc.integer({ min: -2, max: 2 })).map(([power, d]) => 2 ** power + d + 2),
  fc.maxSafeNat(),
);
type Edit = readonly [key: number, value: number | undefined];
/** A put of a value, or a drop. */
const edits = fc.array(fc.tuple(key, fc.option(fc.nat(9), { nil: undefined })));

const edited = (map: Keyed<number>, [at, value]: Edit): Keyed<number> =>
  value === undefined ? drop(map, at) : put(map, at, value);

const built = (all: readonly Edit[]): Keyed<number> => {
  let map: Keyed<number>;
  for (const edit of all) map = edited(map, edit);
  return map;
};

/** What the edits leave, by ascending key, told by a Map. */
const expected = (all: readonly Edit[]): readonly (readonly [number, number])[] => {
  const map = new Map<number, number>();
  for (const [at, value] of all) {
    if (value === undefined) map.delete(at);
    else map.set(at, value);
  }
  return [...map].toSorted(([a], [b]) => a - b);
};

describe('a keyed map', () => {
  test('holds what a Map holds after the same puts and drops', () => {
    fc.assert(
      fc.property(edits, key, (all, other) => {
        const map = built(all);
        expect(entries(map)).toEqual(expected(all));
        const known = new Map(expected(all));
        for (const at of [other, ...all.map(([each]) => each)]) {
          expect(get(map, at)).toBe(known.get(at));
          expect(has(map, at)).toBe(known.has(at));
        }
      }),
    );
  });

  test('is visited by ascending key', () => {
    fc.assert(
      fc.property(edits, (all) => {
        const visited: [number, number][] = [];
        forEach(built(all), (value, at) => visited.push([at, value]));
        expect(visited).toEqual(expected(all));
      }),
    );
  });

  test('finds the first key that satisfies a test, and counts the values that do', () => {
    fc.assert(
      fc.property(edits, fc.nat(9), (all, wanted) => {
        const matches = expected(all).filter(([, value]) => value === wanted);
        expect(findKey(built(all), (value) => value === wanted)).toBe(matches[0]?.[0]);
        expect(count(built(all), (value) => value === wanted)).toBe(matches.length);
      }),
    );
  });

  test('is a value: an edit answers another map and leaves the old one as it was', () => {
    fc.assert(
      fc.property(edits, key, (all, at) => {
        const map = built(all);
        drop(put(map, at, 1), at);
        drop(map, at);
        expect(entries(map)).toEqual(expected(all));
      }),
    );
  });

  test('is the same map when a key is dropped that it does not have', () => {
    fc.assert(
      fc.property(edits, key, (all, at) => {
        const map = drop(built(all), at);
        expect(drop(map, at)).toBe(map);
      }),
    );
  });

  test('has a shape that depends on its contents only', () => {
    fc.assert(
      fc.property(edits, (all) => {
        const fromScratch = expected(all).toReversed();
        expect(built(all)).toEqual(built(fromScratch));
      }),
    );
  });

  test('shares what an edit does not touch', () => {
    const map = built([
      [0, 1],
      [1, 2],
      [2 ** 40, 3],
    ]);
    expect(put(map, 2 ** 40, 4).low).toBe(map?.low);
    expect(drop(map, 2 ** 40)).toBe(map?.low);
  });

  test('without a key is undefined', () => {
    expect(drop(put(undefined, 7, 1), 7)).toBeUndefined();
    expect(entries(undefined)).toEqual([]);
  });
});
