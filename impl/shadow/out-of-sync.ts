import { Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import { PAGE_WORDS } from '../hardware/ram.js';
import type { Vcpu } from '../vcpu.js';
import { deriveLevelOne, guestHigh, guestLow } from './derive.js';
import { narrow, setLevelOne } from './level-one.js';
import { NO_PLACE } from './out-of-sync-table.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';
import { removeWriteAccess } from './write-access.js';

/*
 * Level 1 tables that their guest is writing are let go out of sync (p2m.md 4.11): their shadow may
 * be older than they are, as a TLB may, until the guest flushes. Nothing but level 1 goes out of
 * sync, and no upper entry is installed above one that is: new upper entries never meet old lower.
 */

/** Why a page was made to agree again. Each is a counter. */
export type Trigger =
  | 'resyncedByLoad'
  | 'resyncedByModeChange'
  | 'resyncedForRoom'
  | 'resyncedByPromotion'
  | 'resyncedByInstall'
  | 'resyncedByUpperInstall'
  | 'resyncedByLogDirty';

/** The types that may go out of sync. */
const LEVEL_ONE = types.bitOf(types.L1_32) | types.bitOf(types.L1_PAE) | types.bitOf(types.L1_64);

/** The one type that a page out of sync is shadowed as. */
export function soleType(bits: number): number {
  return 31 - Math.clz32(bits);
}

/** The page can be written uncaught: it is shadowed as one thing only, a level 1 table. */
export function canGoOutOfSync(state: ShadowState, mfn: Mfn): boolean {
  if (!state.host.options.outOfSync || !state.isTable(mfn)) return false;
  const bits = state.typesOf(mfn);
  return bits === types.bitOf(soleType(bits)) && (bits & LEVEL_ONE) !== 0;
}

/** The page is written uncaught from now on; a place of the vcpu is made free for it. */
export function goOutOfSync(state: ShadowState, vcpu: Vcpu, mfn: Mfn): void {
  if (state.isOutOfSync(mfn)) return;
  const { outOfSync } = state;
  const home = outOfSync.homeOf(vcpu.id, mfn);
  if (outOfSync.isTaken(home)) makeRoom(state, vcpu, home);
  outOfSync.put(home, mfn);
  takeSnapshot(state, home);
  state.setOutOfSync(mfn, true);
  state.host.counters.oosEntered += 1;
}

/** A page at its own home moves on to its alternate; any other goes back into sync. */
function makeRoom(state: ShadowState, vcpu: Vcpu, home: number): void {
  const { outOfSync } = state;
  const occupant = outOfSync.frameAt(home);
  if (outOfSync.homeOf(vcpu.id, occupant) !== home) {
    resync(state, occupant, 'resyncedForRoom');
    return;
  }
  const alternate = outOfSync.alternateOf(vcpu.id, occupant);
  if (outOfSync.isTaken(alternate)) {
    resync(state, outOfSync.frameAt(alternate), 'resyncedForRoom');
  }
  outOfSync.move(home, alternate);
}

/** A slot is about to let the page be written; of three the oldest is taken back. */
export function noteWriter(state: ShadowState, mfn: Mfn, slot: number): void {
  const place = state.outOfSync.placeOf(mfn);
  assert(place !== NO_PLACE, 'a page out of sync has its place');
  const displaced = state.outOfSync.addWriter(place, slot);
  if (displaced === NO_PLACE || !state.slots.leadsTo(displaced, mfn)) return;
  // Processors may go on writing through what they remember: resync flushes them.
  narrow(state, displaced);
  state.host.counters.fixupsEvicted += 1;
}

/** The page agrees with its shadow again, is caught when written, and nobody remembers otherwise. */
export function resync(state: ShadowState, mfn: Mfn, trigger: Trigger): void {
  if (!state.isOutOfSync(mfn)) return;
  const place = state.outOfSync.placeOf(mfn);
  assert(place !== NO_PLACE, 'a page out of sync has its place');
  removeWriteAccess(state, mfn);
  update(state, place);
  state.setOutOfSync(mfn, false);
  state.outOfSync.remove(place);
  state.host.counters[trigger] += 1;
}

export function resyncEverything(state: ShadowState, trigger: Trigger): void {
  if (state.outOfSync.used() === 0) return;
  for (let place = 0; place < state.outOfSync.placeCount; place += 1) {
    if (state.outOfSync.isTaken(place)) resync(state, state.outOfSync.frameAt(place), trigger);
  }
}

/**
 * A vcpu flushes: its own pages go back into sync; the shadows of others' pages, which it may reach
 * as well, are brought up to date and the pages stay out of sync.
 */
export function resyncForLoad(state: ShadowState, vcpu: Vcpu, trigger: Trigger): void {
  const { outOfSync } = state;
  if (outOfSync.used() === 0) return;
  for (let place = 0; place < outOfSync.placeCount; place += 1) {
    if (!outOfSync.isTaken(place)) continue;
    if (outOfSync.vcpuOf(place) === vcpu.id) resync(state, outOfSync.frameAt(place), trigger);
    else update(state, place);
  }
}

/** Present entries whose guest entry has changed since the snapshot are derived afresh. */
function update(state: ShadowState, place: number): void {
  const mfn = state.outOfSync.frameAt(place);
  const type = soleType(state.typesOf(mfn));
  const shadow = state.hash.find(type, mfn);
  for (let index = 0; index < types.entriesOf(type); index += 1) {
    const slot = state.slots.slotOf(shadow, index);
    if (!state.slots.isPresent(slot)) continue;
    const low = guestLow(state, shadow, index);
    const high = guestHigh(state, shadow, index);
    if (isInSnapshot(state, place, type, index, low, high)) continue;
    const derived = deriveLevelOne(state, type, low, high, true);
    setLevelOne(state, slot, derived.low, derived.high, derived.isGrant);
  }
  takeSnapshot(state, place);
}

/** One entry of a page out of sync was derived: the snapshot says from what. */
export function noteDerived(state: ShadowState, shadow: number, index: number): void {
  const type = state.pages.typeOf(shadow);
  if (!types.isOfTable(type) || state.outOfSync.used() === 0) return;
  const mfn = Mfn(state.pages.keyOf(shadow));
  if (!state.isOutOfSync(mfn)) return;
  const place = state.outOfSync.placeOf(mfn);
  const low = guestLow(state, shadow, index);
  if (types.isWide(type)) {
    state.outOfSync.setWord(place, index, low);
    return;
  }
  state.outOfSync.setWord(place, index * 2, low);
  state.outOfSync.setWord(place, index * 2 + 1, guestHigh(state, shadow, index));
}

function isInSnapshot(
  state: ShadowState,
  place: number,
  type: number,
  index: number,
  low: number,
  high: number,
): boolean {
  const { outOfSync } = state;
  if (types.isWide(type)) return outOfSync.wordOf(place, index) === low;
  return (
    outOfSync.wordOf(place, index * 2) === low && outOfSync.wordOf(place, index * 2 + 1) === high
  );
}

function takeSnapshot(state: ShadowState, place: number): void {
  const mfn = state.outOfSync.frameAt(place);
  for (let index = 0; index < PAGE_WORDS; index += 1) {
    state.outOfSync.setWord(place, index, state.host.ram.tableWord(mfn, index));
  }
}
