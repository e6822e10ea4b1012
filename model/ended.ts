import { has } from '../values/keyed.js';
import { unmark } from './entries.js';
import { freeUnheld, vanishIfUnheld } from './pages.js';
import type { Mapping, State } from './state.js';

/** [G12] What follows when a mapping is no more: the grant's bits, its page, its granter's life. */
export function ended(state: State, { granter, ref, readonly, page }: Mapping): State {
  const unmarked = unmark(state, granter, ref, readonly);
  const freed = has(state.pages, page) ? freeUnheld(unmarked, page) : unmarked;
  return vanishIfUnheld(freed, granter);
}
