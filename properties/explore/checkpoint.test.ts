import { describe, expect, test } from 'vitest';
import { CheckpointError, checkpointOf, restore } from './checkpoint.js';
import { exploreReport, exploreText } from './report.js';
import { Search } from './search.js';
import { boundOf } from './testing/searched.js';

const fresh = (name: string, isSymmetric = true): Search =>
  new Search({ bound: boundOf(name), isSymmetric, depth: 4, states: Infinity });

const toldOf = (search: Search): string => {
  search.run(Infinity);
  return exploreText(exploreReport(search, undefined));
};

describe('a checkpoint', () => {
  test.each([
    ['loan', true],
    ['loan', false],
    ['shadows', true],
  ])(
    'of %s (symmetry: %s) leads to the same report, wherever it was taken',
    (name, isSymmetric) => {
      const told = toldOf(fresh(name, isSymmetric));
      for (const tried of [0, 17, 60]) {
        const first = fresh(name, isSymmetric);
        first.run(tried);
        const then = fresh(name, isSymmetric);
        expect(restore(then, checkpointOf(first, undefined))).toBeUndefined();
        expect(then.next).toBe(first.next);
        expect(toldOf(then)).toBe(told);
      }
    },
  );

  test('that was cut short, or changed, or is of another search is refused', () => {
    const first = fresh('loan');
    first.run(20);
    const bytes = checkpointOf(first, undefined);
    expect(() => restore(fresh('loan'), bytes.subarray(0, 500))).toThrow(CheckpointError);
    expect(() => restore(fresh('loan'), new Uint8Array(3))).toThrow(CheckpointError);
    expect(() => restore(fresh('loan'), bytes.with(200, 1))).toThrow(CheckpointError);
    expect(() => restore(fresh('loan', false), bytes)).toThrow(/another bound/);
    expect(() => restore(fresh('grants'), bytes)).toThrow(/another bound/);
  });
});
