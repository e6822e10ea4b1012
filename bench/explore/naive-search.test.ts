import { describe, expect, test } from 'vitest';
import { bounds } from '../../properties/explore/bounds.js';
import { depthsOf } from '../../properties/explore/report.js';
import { Search } from '../../properties/explore/search.js';
import { naiveSearch } from './naive-search.js';

describe('a search without symmetry', () => {
  test.each([
    ['loan', 3],
    ['grants', 2],
    ['contents', 2],
  ])('of %s to depth %i finds what a search by plain means finds', (name, depth) => {
    const bound = bounds.find((each) => each.name === name);
    if (bound === undefined) throw new Error(`there is no bound ${name}`);
    const search = new Search({ bound, isSymmetric: false, depth, states: Infinity });
    search.run(Infinity);
    const naive = naiveSearch(bound, depth, Infinity);
    expect(depthsOf(search)).toEqual(naive.depths);
    expect(search.changes).toBe(naive.changes);
    expect(search.visited.count).toBe(naive.states);
  });
});
