import { describe, expect, test } from 'vitest';
import { depthsOf } from './report.js';
import { searched } from './testing/searched.js';

describe('a search', () => {
  const loan = searched('loan', true);

  test('of loan closes with as many states as were pinned', () => {
    expect(loan.isClosed).toBe(true);
    expect(loan.visited.count).toBe(13_705);
    expect(loan.changes).toBe(163_532);
    expect(depthsOf(loan)).toEqual([
      1, 6, 31, 92, 298, 655, 1242, 2117, 2847, 2917, 2012, 869, 618,
    ]);
  });

  test('of shadows closes with as many states as were pinned, though pasts grow without end', () => {
    const search = searched('shadows', true);
    expect(search.isClosed).toBe(true);
    expect(depthsOf(search)).toEqual([1, 5, 20, 55, 114, 184, 240, 260, 226, 149, 73, 24, 4]);
    expect(search.looseChanges).toBe(330);
  });

  test.each([
    ['loan', true, 4, [1, 6, 31, 92, 298]],
    ['loan', false, 4, [1, 12, 56, 190, 725]],
    ['grants', true, 4, [1, 7, 45, 158, 521]],
    ['grants', false, 3, [1, 16, 112, 526]],
    ['contents', true, 3, [1, 7, 56, 293]],
    ['contents', false, 2, [1, 22, 229]],
    ['shadows', false, 4, [1, 5, 20, 55, 114]],
  ])('of %s (symmetry: %s) to depth %i has as many states as were pinned', (...row) => {
    const [name, isSymmetric, depth, states] = row;
    expect(depthsOf(searched(name, isSymmetric, depth))).toEqual(states);
  });

  test('with and without symmetry contains the same rules, refusals and goals', () => {
    for (const name of ['loan', 'grants']) {
      const [one, other] = [searched(name, true, 3), searched(name, false, 3)];
      expect([...one.reached.rules].toSorted()).toEqual([...other.reached.rules].toSorted());
      expect([...one.reached.goals].toSorted()).toEqual([...other.reached.goals].toSorted());
    }
  });

  test('keeps a state in at most 40 bytes', () => {
    const { visited, shapes } = loan;
    expect((visited.bytes + shapes.memories.bytes) / visited.count).toBeLessThanOrEqual(40);
  });

  test('runs the spec less than once for each act in each state', () => {
    const { transitions, visited } = loan;
    expect(transitions.runs * 10).toBeLessThan(visited.count * transitions.acts.length);
  });
});
