import { assert } from '../assert.js';
import { unhook, unpin } from './lifecycle.js';
import { NONE } from './shadow-pages.js';
import { ROOTS } from './state.js';
import type { ShadowState } from './state.js';
import type { Vcpu } from '../vcpu.js';

/**
 * Makes room for so many pages, for a vcpu (p2m.md 4.4): pins end, of the root that was not loaded
 * for longest first; where that is not enough, what the vcpus' roots lead to goes, the others' before
 * its own: both pages of one access have to fit at once. It may take any shadow but the roots in
 * use, so it comes before any is looked up.
 */
export function makeRoomFor(state: ShadowState, vcpu: Vcpu, pageCount: number): void {
  const { pool, pages, host, vcpus } = state;
  while (pool.freeCount() < pageCount) {
    const oldest = pages.oldestPinned();
    if (oldest === NONE) break;
    unpin(state, oldest);
    host.counters.poolUnpinned += 1;
  }
  if (pool.freeCount() >= pageCount) return;
  for (let distance = 1; distance <= vcpus.length; distance += 1) {
    const other = vcpus[(vcpu.id + distance) % vcpus.length];
    if (other !== undefined) unhookRoots(state, other, pageCount);
  }
  state.flushes.flushEveryone();
  assert(pool.freeCount() >= pageCount, 'a pool is large enough for one access');
}

function unhookRoots(state: ShadowState, vcpu: Vcpu, pageCount: number): void {
  for (let slot = 0; slot < ROOTS; slot += 1) {
    const root = state.rootOf(vcpu, slot);
    if (root === NONE || state.pool.freeCount() >= pageCount) continue;
    unhook(state, root);
    state.host.counters.poolUnhooked += 1;
  }
}
