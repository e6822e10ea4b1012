import { has } from '../values/keyed.js';
import { unmark } from './entries.js';
import { freeUnheld, vanishIfUnheld } from './pages.js';
import type { Mapping, State } from './state.js';

/** [G12] What follows when mappings are no more: the grants' bits, their pages, their granters' lives. */
export function ended(state: State, ...mappings: readonly Mapping[]): State {
  let next = state;
  for (const { granter, ref, readonly } of mappings) next = unmark(next, granter, ref, readonly);
  for (const { page } of mappings) if (has(next.pages, page)) next = freeUnheld(next, page);
  for (const { granter } of mappings) next = vanishIfUnheld(next, granter);
  return next;
}
