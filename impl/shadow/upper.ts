import { Mfn } from '../../abi/ids.js';
import type { Derived } from './derived.js';
import * as entry from './entry.js';
import { clearUpper, letGo } from './lifecycle.js';
import { resync, resyncEverything } from './out-of-sync.js';
import { NONE } from './shadow-pages.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';

/**
 * Makes an upper entry lead to a child with the rights that were derived, or to nothing (`NONE`).
 * The only writer of present upper entries. The child is held before the old one is let go. What is
 * below a new entry agrees with the guest's tables when the entry appears: never does a new upper
 * entry meet an old lower one (p2m.md 5.2, S18).
 */
export function setUpper(
  state: ShadowState,
  shadow: number,
  index: number,
  child: number,
  derived: Derived,
): void {
  const { slots, pages } = state;
  const slot = slots.slotOf(shadow, index);
  const wasPresent = slots.isPresent(slot);
  if (child === NONE) {
    if (wasPresent) clearUpper(state, slot);
    return;
  }
  const { rights, noExecute } = derived;
  const mfn = state.pool.frameOf(child);
  const low = entry.lowWord(mfn, rights);
  const high = entry.highWord(mfn, noExecute);
  if (slots.lowOf(slot) === low && slots.highOf(slot) === high) return;

  // From here on `derived` may be refilled.
  pages.hold(child);
  const old = wasPresent ? state.childAt(slot) : NONE;
  agreeBelow(state, child);
  slots.write(slot, low, high);
  if (types.isPaired(pages.typeOf(shadow))) {
    const second = state.pool.frameOf(pages.pageOf(child, 1));
    slots.write(slot + 1, entry.lowWord(second, rights), entry.highWord(second, noExecute));
  }
  if (old !== NONE) letGo(state, old);
}

/** Level 1 tables that can be reached through a child go back into sync. */
function agreeBelow(state: ShadowState, child: number): void {
  if (state.outOfSync.used() === 0) return;
  const type = state.pages.typeOf(child);
  if (types.levelOf(type) > 1) resyncEverything(state, 'resyncedByUpperInstall');
  else if (types.isOfTable(type)) {
    resync(state, Mfn(state.pages.keyOf(child)), 'resyncedByInstall');
  }
}
