import type { Mfn } from '../../abi/ids.js';
import { byteAt, signedAt } from '../tables/column.js';
import { clearLevelOne } from './level-one.js';
import { clearUpper, unpin } from './lifecycle.js';
import { dropRootsOf } from './roots.js';
import { NONE } from './shadow-pages.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';

/** No entry of this domain leads to the frame any more. Answers how many did. */
export function dropMappings(state: ShadowState, mfn: Mfn): number {
  const count = state.slots.collect(mfn);
  for (let at = 0; at < count; at += 1) clearLevelOne(state, signedAt(state.slots.found, at));
  return count;
}

/**
 * The shadows of a table go, as whatever it is shadowed, top down: every entry that leads to one is
 * emptied. One stays: that of the root that a vcpu holds, for the vcpu goes on walking it even where
 * the page has left the p2m.
 */
export function unshadow(state: ShadowState, mfn: Mfn): void {
  for (let at = types.TABLE_TYPES.length - 1; at >= 0; at -= 1) {
    const type = byteAt(types.TABLE_TYPES, at);
    if ((state.typesOf(mfn) & types.bitOf(type)) === 0) continue;
    const shadow = state.hash.find(type, mfn);
    if (type === types.L2_PAE) dropRootsOf(state, shadow);
    dropParents(state, shadow);
    if (isAlive(state, type, mfn, shadow) && state.pages.isPinned(shadow)) unpin(state, shadow);
  }
}

/** The entries that lead to a shadow; of a pair, the first leads to its first page. */
function dropParents(state: ShadowState, shadow: number): void {
  const { slots } = state;
  const mfn = state.pool.frameOf(shadow);
  const count = slots.collect(mfn);
  for (let at = 0; at < count; at += 1) {
    const slot = signedAt(slots.found, at);
    // One that went may have taken others of these with it.
    if (slots.leadsTo(slot, mfn)) clearUpper(state, slot);
  }
}

function isAlive(state: ShadowState, type: number, mfn: Mfn, shadow: number): boolean {
  return shadow !== NONE && state.hash.find(type, mfn) === shadow;
}
