import { assert } from '../assert.js';
import { unhook, unpin } from './lifecycle.js';
import { NONE } from './shadow-pages.js';
import { ROOTS } from './state.js';
import type { ShadowState } from './state.js';

/**
 * Makes room for so many pages (p2m.md 4.4): pins end, of the root that was not loaded for longest
 * first; where that is not enough, what the vcpus' own roots lead to goes. It may take any shadow
 * but the roots in use, so it comes before any is looked up.
 */
export function makeRoomFor(state: ShadowState, pageCount: number): void {
  const { pool, pages, host } = state;
  while (pool.freeCount() < pageCount) {
    const oldest = pages.oldestPinned();
    if (oldest === NONE) break;
    unpin(state, oldest);
    host.counters.poolUnpinned += 1;
  }
  if (pool.freeCount() >= pageCount) return;
  for (const vcpu of state.vcpus) {
    for (let slot = 0; slot < ROOTS; slot += 1) {
      const root = state.rootOf(vcpu, slot);
      if (root === NONE || pool.freeCount() >= pageCount) continue;
      unhook(state, root);
      host.counters.poolUnhooked += 1;
    }
  }
  state.flushes.flushEveryone();
  assert(pool.freeCount() >= pageCount, 'a pool is large enough for one access');
}
