import type { Page, State } from '../../model/state.js';
import type { Bound } from '../../properties/explore/bound.js';
import { numberedByName } from '../../properties/explore/numbering.js';
import { openedState, pageSlots } from '../../properties/explore/opening.js';
import { outcomesOf } from '../../properties/explore/outcomes.js';
import { Reached } from '../../properties/explore/reached.js';
import { renamedState } from '../../properties/explore/renamed.js';
import { unchanged } from '../../properties/explore/renaming.js';
import { entries } from '../../properties/keyed-entries.js';

/** A word that was never written and one that is zero are the same. */
const wordsOf = ({ content }: Page): readonly number[] =>
  (content ?? []).flatMap((run, at) =>
    (run ?? []).flatMap((word, i) => (word === 0 ? [] : [at * 32 + i, word])),
  );

/** What a search by plain means has found. */
export interface NaiveResult {
  readonly states: number;
  readonly tried: number;
  readonly changes: number;
  readonly depths: readonly number[];
}

/**
 * The search without symmetry as one would write it down: states are objects, their JSON text is the key
 * of a Map, and the spec is run for every act in every state. A peer for speed, and for the counts.
 */
export function naiveSearch(bound: Bound, depth: number, limit: number): NaiveResult {
  const opened = openedState(bound);
  const slots = pageSlots(opened);
  const reached = new Reached(bound.machine);
  const named = (state: State): State =>
    renamedState(state, unchanged, numberedByName(state, slots), false, slots);
  const keyOf = ({ domains, pages, windows, failing }: State): string =>
    JSON.stringify([
      domains,
      entries(pages).map(([name, page]) => [name, { ...page, content: wordsOf(page) }]),
      windows,
      failing,
    ]);

  const first = named(opened);
  const seen = new Map([[keyOf(first), 0]]);
  const queue = [{ state: first, depth: 0 }];
  const depths = [1];
  let [changes, tried] = [0, 0];
  for (const { state, depth: at } of queue) {
    if (at === depth || seen.size >= limit) break;
    tried++;
    for (const act of bound.acts)
      for (const { next } of outcomesOf(state, act, bound.machine, reached)) {
        if (next === state) continue;
        const after = named(next);
        const key = keyOf(after);
        if (seen.get(key) === tried - 1) continue;
        changes++;
        if (seen.has(key)) continue;
        seen.set(key, seen.size);
        queue.push({ state: after, depth: at + 1 });
        depths[at + 1] = (depths[at + 1] ?? 0) + 1;
      }
  }
  return { states: seen.size, tried, changes, depths };
}
