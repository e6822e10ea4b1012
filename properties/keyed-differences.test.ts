import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { drop, put, type Keyed } from '../values/keyed.js';
import { differences } from './keyed-differences.js';
import { entries } from './keyed-entries.js';

const key = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.constantFrom(0x200, 2 ** 18, 2 ** 27, 2 ** 36, 2 ** 40),
);
const edits = fc.array(fc.record({ key, value: fc.integer({ min: 0, max: 3 }) }));

const grown = (start: Keyed<number>, list: readonly { key: number; value: number }[]) =>
  list.reduce<Keyed<number>>(
    (map, edit) => (edit.value === 0 ? drop(map, edit.key) : put(map, edit.key, edit.value)),
    start,
  );

describe('differences', () => {
  test('names every key whose value differs, once, ascending, and no other', () => {
    fc.assert(
      fc.property(edits, edits, (first, second) => {
        const before = grown(undefined, first);
        const after = grown(before, second);
        const seen: [number, number | undefined, number | undefined][] = [];
        differences(before, after, (k, was, is) => seen.push([k, was, is]));

        const left = new Map(entries(before));
        const right = new Map(entries(after));
        const keys = [...new Set([...left.keys(), ...right.keys()])].toSorted((a, b) => a - b);
        const expected = keys
          .map((k) => [k, left.get(k), right.get(k)] as const)
          .filter(([, was, is]) => was !== is);
        expect(seen).toEqual(expected);
      }),
      { seed: 5, numRuns: 2000 },
    );
  });

  test('looks into nothing that both maps share', () => {
    const shared = grown(
      undefined,
      Array.from({ length: 64 }, (_, i) => ({ key: i, value: 1 })),
    );
    const visited: number[] = [];
    differences(shared, put(shared, 9, 2), (k) => visited.push(k));
    differences(shared, shared, (k) => visited.push(k));
    expect(visited).toEqual([9]);
  });
});
