import type { Bound } from '../bound.js';
import { bounds } from '../bounds.js';
import { Search } from '../search.js';

export function boundOf(name: string): Bound {
  const bound = bounds.find((each) => each.name === name);
  if (bound === undefined) throw new Error(`there is no bound ${name}`);
  return bound;
}

/** A bound searched to a depth, or to the end. */
export function searched(name: string, isSymmetric: boolean, depth = Infinity): Search {
  const search = new Search({ bound: boundOf(name), isSymmetric, depth, states: Infinity });
  search.run(Infinity);
  return search;
}
