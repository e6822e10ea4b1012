import type { Bound } from '../../properties/explore/bound.js';
import { bounds } from '../../properties/explore/bounds.js';
import { Search } from '../../properties/explore/search.js';
import { bestOf, medianOf } from '../medians.js';
import { naiveSearch } from './naive-search.js';

/** What is timed here: searches of one bound, cut off where enough states are known. */
export interface ExploreTimings {
  /** States met in a second, without symmetry and with it, and by a search by plain means. */
  readonly concrete: number;
  readonly canonical: number;
  readonly naive: number;
  /** Bytes a state, all tables that grow with the states. */
  readonly bytes: number;
  /** States without symmetry for each state with it, to the same depth. */
  readonly factor: number;
}

const BOUND = 'contents';
const CONCRETE_STATES = 2_000_000;
const CANONICAL_STATES = 400_000;
const NAIVE_STATES = 2000;
const FACTOR_DEPTH = 5;

/** One round, one search after the other. */
export function timeExplore(): ExploreTimings {
  const bound = bounds.find(({ name }) => name === BOUND);
  if (bound === undefined) throw new Error(`there is no bound ${BOUND}`);
  const concrete = timed(() => searched(bound, false, Infinity, CONCRETE_STATES));
  const canonical = timed(() => searched(bound, true, Infinity, CANONICAL_STATES));
  const naive = timed(() => naiveSearch(bound, Infinity, NAIVE_STATES).states);
  const { visited, shapes } = concrete.result;
  const deep = (isSymmetric: boolean): number =>
    searched(bound, isSymmetric, FACTOR_DEPTH, Infinity).visited.count;
  return {
    concrete: visited.count / concrete.seconds,
    canonical: canonical.result.visited.count / canonical.seconds,
    naive: naive.result / naive.seconds,
    bytes: (visited.bytes + shapes.memories.bytes) / visited.count,
    factor: deep(false) / deep(true),
  };
}

function searched(bound: Bound, isSymmetric: boolean, depth: number, states: number): Search {
  const search = new Search({ bound, isSymmetric, depth, states });
  search.run(Infinity);
  return search;
}

function timed<Result>(run: () => Result): { readonly result: Result; readonly seconds: number } {
  const start = performance.now();
  const result = run();
  return { result, seconds: (performance.now() - start) / 1000 };
}

/** What is told of all rounds. */
export function exploreLines(all: readonly ExploreTimings[]): readonly string[] {
  const row = (what: string, pick: (timings: ExploreTimings) => number): string => {
    const slowest = Math.round(medianOf(all, pick)).toLocaleString('en');
    const fastest = Math.round(-bestOf(all, (timings) => -pick(timings))).toLocaleString('en');
    return `${what.padEnd(44)}${slowest.padStart(12)}${fastest.padStart(12)}`;
  };
  const faster = medianOf(all, ({ concrete, naive }) => concrete / naive);
  const { bytes, factor } = all[0] ?? { bytes: Number.NaN, factor: Number.NaN };
  return [
    `bound ${BOUND}: states a second`.padEnd(44) + 'median'.padStart(12) + 'best'.padStart(12),
    row('explore, without symmetry', ({ concrete }) => concrete),
    row('explore, with it', ({ canonical }) => canonical),
    row('plain objects, JSON keys in a Map', ({ naive }) => naive),
    '',
    `exploring is ${faster.toFixed(0)} times as fast as by plain means (targets: 300,000 and 100,000 states a second)`,
    `${bytes.toFixed(1)} bytes a state (target: at most 40); symmetry makes one state of ${factor.toFixed(1)}`,
  ];
}
