import { Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import { putPage } from '../pages.js';
import { clearLevelOne } from './level-one.js';
import { resync } from './out-of-sync.js';
import { NONE } from './shadow-pages.js';
import { ENTRIES, NO_SLOT } from './slots.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';
import { removeWriteAccess } from './write-access.js';

/*
 * How shadows come and go (p2m.md 4.6, 4.9). A shadow is held by the upper entries that lead to it,
 * by its pin and by root slots; with the last hold it goes at once.
 */

/** The shadow of a key as a type, or `NONE`. */
export function findShadow(state: ShadowState, type: number, key: number): number {
  if (!types.isSplinter(type)) return state.hash.find(type, key);
  if (!state.host.options.splinterCache) return NONE;
  const found = state.hash.find(type, key);
  if (found !== NONE) state.host.counters.splintersShared += 1;
  return found;
}

/** A new empty shadow, not held yet. A guest's table is caught when written from now on. */
export function makeShadow(state: ShadowState, type: number, key: number): number {
  if (types.isOfTable(type)) promote(state, Mfn(key), type);
  const shadow = state.pages.make(type, key);
  if (isFound(state, type)) state.hash.insert(shadow);
  if (types.isSplinter(type)) state.splinters += 1;
  state.host.counters.shadowsMade += 1;
  return shadow;
}

/** One hold less. */
export function letGo(state: ShadowState, shadow: number): void {
  if (state.pages.letGo(shadow) === 0) destroy(state, shadow);
}

/** Ends the pin of a shadow, which may be its last hold. */
export function unpin(state: ShadowState, shadow: number): void {
  state.pages.unpin(shadow);
  letGo(state, shadow);
}

/** Empties an upper entry, the first of a pair, which leads to something. */
export function clearUpper(state: ShadowState, slot: number): void {
  const child = state.childAt(slot);
  writeEmpty(state, slot);
  letGo(state, child);
}

/** Empties every entry of an upper shadow. */
export function unhook(state: ShadowState, shadow: number): void {
  const { pages, slots } = state;
  for (let part = 0; part < types.pagesOf(pages.typeOf(shadow)); part += 1) {
    let slot = slots.nextPresent(pages.pageOf(shadow, part) * ENTRIES);
    // Of a pair, the first goes with the second.
    for (; slot !== NO_SLOT; slot = slots.presentAfter(slot)) clearUpper(state, slot);
  }
}

/** Pieces without a cache are found by nobody but the entry that leads to them. */
function isFound(state: ShadowState, type: number): boolean {
  return !types.isSplinter(type) || state.host.options.splinterCache;
}

/**
 * The frame is a page table from now on. No entry lets anyone write it uncaught, and none ever will
 * while it is one, but for this domain's own where it goes out of sync; it is held.
 */
function promote(state: ShadowState, mfn: Mfn, type: number): void {
  const { frames } = state.host;
  assert(frames.ownerOf(mfn) === state.domain.id, 'a table belongs to its domain');
  resync(state, mfn, 'resyncedByPromotion');
  const isHeld = frames.reference(mfn);
  assert(isHeld, 'a table that is shadowed can be held');
  const wasTable = state.isTable(mfn);
  frames.setShadows(mfn, frames.shadowsOf(mfn) | types.bitOf(type));
  removeWriteAccess(state, mfn);
  if (wasTable) return;
  for (const other of state.host.domains.guests()) {
    if (other !== state.domain) other.paging.catchForeignWrites(mfn);
  }
}

/** The frame is no longer shadowed as this type. The last one that is goes back into its guest's hands. */
function demote(state: ShadowState, mfn: Mfn, type: number): void {
  if (state.isOutOfSync(mfn)) {
    state.outOfSync.remove(state.outOfSync.placeOf(mfn));
    state.setOutOfSync(mfn, false);
  }
  const { frames } = state.host;
  frames.setShadows(mfn, frames.shadowsOf(mfn) & ~types.bitOf(type));
}

function destroy(state: ShadowState, shadow: number): void {
  const { pages } = state;
  const type = pages.typeOf(shadow);
  const key = pages.keyOf(shadow);
  if (isFound(state, type)) state.hash.remove(shadow);
  if (types.isOfTable(type)) demote(state, Mfn(key), type);
  if (types.levelOf(type) === 1) emptyLevelOne(state, shadow, type);
  else unhook(state, shadow);
  if (types.isSplinter(type)) {
    state.splinters -= 1;
    state.flushes.splintered();
  }
  pages.free(shadow);
  if (types.isOfTable(type)) putPage(state.host, Mfn(key));
}

function emptyLevelOne(state: ShadowState, shadow: number, type: number): void {
  const { pages, slots } = state;
  for (let part = 0; part < types.pagesOf(type); part += 1) {
    let slot = slots.nextPresent(pages.pageOf(shadow, part) * ENTRIES);
    for (; slot !== NO_SLOT; slot = slots.presentAfter(slot)) clearLevelOne(state, slot);
  }
}

function writeEmpty(state: ShadowState, slot: number): void {
  const isPair = types.isPaired(state.pages.typeOf(state.slots.shadowOf(slot)));
  state.slots.write(slot, 0, 0);
  if (isPair) state.slots.write(slot + 1, 0, 0);
}
