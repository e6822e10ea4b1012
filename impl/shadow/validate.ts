import type { Mfn } from '../../abi/ids.js';
import { byteAt } from '../tables/column.js';
import { deriveAt, deriveUpper } from './derive.js';
import { setLevelOne } from './level-one.js';
import { findShadow } from './lifecycle.js';
import { NONE } from './shadow-pages.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';
import { setUpper } from './upper.js';

const WIDE_BYTES = 4;
const ENTRY_BYTES = 8;

/**
 * Bytes [from, to) of a table were written: its shadows follow, as every type it is shadowed as,
 * lower levels first, so that no new upper entry meets an old lower one (p2m.md 4.14). The range is
 * rounded to each type's own entries: half an entry of eight bytes is an entry that changed. Nothing
 * is made here; entries that would lead to what is not shadowed are left empty.
 */
export function validate(state: ShadowState, mfn: Mfn, from: number, to: number): void {
  if (state.isOutOfSync(mfn)) return;
  for (let at = 0; at < types.TABLE_TYPES.length; at += 1) {
    const type = byteAt(types.TABLE_TYPES, at);
    const bytes = types.isWide(type) ? WIDE_BYTES : ENTRY_BYTES;
    const end = Math.ceil(to / bytes);
    for (let index = Math.floor(from / bytes); index < end; index += 1) {
      // An upper entry that changed may have held the last of the table's shadows as a lower type.
      if ((state.typesOf(mfn) & types.bitOf(type)) === 0) break;
      validateEntry(state, state.hash.find(type, mfn), type, index);
    }
  }
}

function validateEntry(state: ShadowState, shadow: number, type: number, index: number): void {
  if (types.levelOf(type) > 1) {
    validateUpper(state, shadow, index);
    return;
  }
  const slot = state.slots.slotOf(shadow, index);
  // An empty entry is filled when it is wanted; before, only where that is allowed.
  if (!state.slots.isPresent(slot) && !state.host.options.prefetch) return;
  const derived = deriveAt(state, shadow, index, true);
  setLevelOne(state, slot, derived.low, derived.high, derived.isGrant);
}

function validateUpper(state: ShadowState, shadow: number, index: number): void {
  const derived = deriveUpper(state, shadow, index);
  setUpper(state, shadow, index, existingChild(state, shadow, index), derived);
}

/** The shadow that a derived entry is to lead to: the present one if it is right, or found. */
export function existingChild(state: ShadowState, shadow: number, index: number): number {
  const { derived, slots, pages } = state;
  if (derived.childType === types.NO_SHADOW) return NONE;
  const slot = slots.slotOf(shadow, index);
  if (slots.isPresent(slot)) {
    const child = state.childAt(slot);
    const isRight =
      pages.typeOf(child) === derived.childType && pages.keyOf(child) === derived.childKey;
    if (isRight) return child;
  }
  return findShadow(state, derived.childType, derived.childKey);
}
