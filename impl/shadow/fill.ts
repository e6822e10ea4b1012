import { PTE_A, PTE_D, PTE_P, PTE_RW } from '../../abi/control.js';
import * as guest from '../hardware/page-entry.js';
import type { Vcpu } from '../vcpu.js';
import { deriveAt, deriveUpper, guestLow } from './derive.js';
import * as entry from './entry.js';
import { setLevelOne } from './level-one.js';
import { makeShadow } from './lifecycle.js';
import { canGoOutOfSync, goOutOfSync, noteDerived, noteWriter } from './out-of-sync.js';
import { rootFor } from './roots.js';
import { NONE } from './shadow-pages.js';
import { ENTRIES } from './slots.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';
import { setUpper } from './upper.js';
import { existingChild } from './validate.js';

/** Pages that one chain can need besides its root: level 3, 2 and 1 of long mode, or a PAE root. */
export const PAGES_FOR_CHAIN = 3;
/** Entries that are filled beside the one that is asked for. */
const PREFETCHED = 31;

/**
 * Builds the entries that an address goes through, from the root down (p2m.md 4.13). The guest's
 * tables permit the access and have A and D for it; there is room for the chain. `isWrite`: a
 * demanded write, which may let a table go out of sync. False: the chain ends before the page.
 */
export function fill(
  state: ShadowState,
  vcpu: Vcpu,
  high: number,
  low: number,
  isWrite: boolean,
): boolean {
  let shadow = rootFor(state, vcpu, low);
  if (shadow === NONE) return false;
  for (;;) {
    const type = state.pages.typeOf(shadow);
    const index = indexIn(type, high, low);
    if (types.levelOf(type) === 1) return fillLevelOne(state, vcpu, shadow, index, isWrite);
    shadow = fillUpper(state, shadow, index);
    if (shadow === NONE) return false;
  }
}

/** Which of the guest's entries in a table of this type an address goes through. */
export function indexIn(type: number, high: number, low: number): number {
  const bytes = types.isWide(type) ? 4 : 8;
  const level = types.levelOf(type);
  return guest.entryOffset(types.guestModeOf(type), level, high, low) / bytes;
}

function fillUpper(state: ShadowState, shadow: number, index: number): number {
  const derived = deriveUpper(state, shadow, index);
  if (derived.childType === types.NO_SHADOW) {
    setUpper(state, shadow, index, NONE, derived);
    return NONE;
  }
  const { childType, childKey, rights, noExecute } = derived;
  let child = existingChild(state, shadow, index);
  if (child === NONE) {
    child = makeShadow(state, childType, childKey);
    // What was derived is derived away where a table had to be brought back into sync.
    derived.rights = rights;
    derived.noExecute = noExecute;
  }
  setUpper(state, shadow, index, child, derived);
  return child;
}

function fillLevelOne(
  state: ShadowState,
  vcpu: Vcpu,
  shadow: number,
  index: number,
  isWrite: boolean,
): boolean {
  const { counters } = state.host;
  const slot = state.slots.slotOf(shadow, index);
  let derived = deriveAt(state, shadow, index, false);
  if (!entry.isPresent(derived.low)) {
    setLevelOne(state, slot, 0, 0, false);
    return false;
  }
  const mfn = entry.frameOf(derived.low, derived.high);
  const isTableWrite = state.isTable(mfn) && entry.isWritable(derived.low);
  if (isTableWrite && isWrite && canGoOutOfSync(state, mfn)) {
    goOutOfSync(state, vcpu, mfn);
    noteWriter(state, mfn, slot);
    derived = deriveAt(state, shadow, index, false);
  } else if (isTableWrite) {
    derived = deriveAt(state, shadow, index, true);
  }
  if (derived.isGrant && types.isSplinter(state.pages.typeOf(shadow))) {
    counters.splinteredOverGrant += 1;
  }
  counters.fills += 1;
  const isSet = setLevelOne(state, slot, derived.low, derived.high, derived.isGrant);
  noteDerived(state, shadow, index);
  if (state.host.options.prefetch) prefetch(state, shadow, index);
  return isSet;
}

/** Fills the entries that follow in the page, up to the first that is there or may not be. */
function prefetch(state: ShadowState, shadow: number, index: number): void {
  const type = state.pages.typeOf(shadow);
  if (!types.isOfTable(type)) return;
  const end = Math.min(index + PREFETCHED, index - (index % ENTRIES) + ENTRIES - 1);
  for (let next = index + 1; next <= end; next += 1) {
    const slot = state.slots.slotOf(shadow, next);
    if (state.slots.isPresent(slot)) return;
    if (!isWorthwhile(guestLow(state, shadow, next))) return;
    const derived = deriveAt(state, shadow, next, true);
    if (!entry.isPresent(derived.low)) return;
    if (!setLevelOne(state, slot, derived.low, derived.high, derived.isGrant)) return;
    noteDerived(state, shadow, next);
    state.host.counters.prefetched += 1;
  }
}

/** It was used before: A, and D where it can be written. */
function isWorthwhile(low: number): boolean {
  const used = PTE_P | PTE_A;
  if ((low & used) !== used) return false;
  return (low & PTE_RW) === 0 || (low & PTE_D) !== 0;
}
