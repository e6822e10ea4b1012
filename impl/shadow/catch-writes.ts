import { levelOf, NO_SHADOW } from './types.js';
import { narrow } from './level-one.js';
import { resyncEverything } from './out-of-sync.js';
import { ENTRIES } from './slots.js';
import type { ShadowState } from './state.js';

/*
 * Log-dirty mode (p2m.md 4.17): no entry permits writes to own RAM at a gfn that is not in the
 * domain's log. A demanded write puts the gfn there first.
 */

/** The log was started or cleaned: tables come back into sync, and every entry loses RW. */
export function catchWrites(state: ShadowState): void {
  resyncEverything(state, 'resyncedByLogDirty');
  for (let page = 0; page < state.pages.pageCount; page += 1) {
    const type = state.pages.typeOf(page);
    if (type === NO_SHADOW || levelOf(type) > 1) continue;
    for (let slot = page * ENTRIES; slot < (page + 1) * ENTRIES; slot += 1) narrow(state, slot);
  }
  state.flushes.flushEveryone();
}
