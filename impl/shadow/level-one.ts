import type { Mfn } from '../../abi/ids.js';
import { putPage } from '../pages.js';
import * as entry from './entry.js';
import type { ShadowState } from './state.js';

/*
 * The only writers of level 1 entries, and so the only holders of guests' pages (p2m.md 4.7, 4.8).
 * Each present entry holds a reference on its frame, against the real owner; a writable one of the
 * domain's own frame holds a writable type too. A foreign frame has an owner whose memory is not its
 * mapper's to type: there is no type reference for it, on taking or on dropping.
 */

/**
 * Puts an entry into a slot: what the new one holds is taken before it is visible, what the old one
 * held is dropped after it is gone. False: the frame was refused, and the slot is empty.
 */
export function setLevelOne(
  state: ShadowState,
  slot: number,
  low: number,
  high: number,
  isGrant: boolean,
): boolean {
  const { slots } = state;
  const oldLow = slots.lowOf(slot);
  const oldHigh = slots.highOf(slot);
  if (oldLow === low && oldHigh === high) return true;
  const isWanted = entry.isPresent(low);
  const isTaken = isWanted && takeFrame(state, entry.frameOf(low, high), isGrant, low);
  if (isTaken) slots.write(slot, low, high);
  else slots.write(slot, 0, 0);
  if (entry.isPresent(oldLow)) dropFrame(state, entry.frameOf(oldLow, oldHigh), oldLow);
  return isTaken || !isWanted;
}

export function clearLevelOne(state: ShadowState, slot: number): void {
  setLevelOne(state, slot, 0, 0, false);
}

/** The slot permits writes no more; it keeps its reference. */
export function narrow(state: ShadowState, slot: number): void {
  const { slots, host } = state;
  const low = slots.lowOf(slot);
  if (!entry.isPresent(low) || !entry.isWritable(low)) return;
  const mfn = slots.frameAt(slot);
  slots.write(slot, entry.readOnly(low), slots.highOf(slot));
  state.flushes.taken(mfn);
  if (holdsType(state, mfn, low)) host.frames.dereferenceWritable(mfn);
}

/** An entry of these rights carries a writable type of its frame. */
function holdsType(state: ShadowState, mfn: Mfn, low: number): boolean {
  return entry.isWritable(low) && state.host.frames.ownerOf(mfn) === state.domain.id;
}

function takeFrame(state: ShadowState, mfn: Mfn, isGrant: boolean, low: number): boolean {
  const { frames } = state.host;
  if (frames.ownerOf(mfn) !== state.domain.id && !isGrant) return false;
  if (!frames.reference(mfn)) return false;
  if (!holdsType(state, mfn, low)) return true;
  if (frames.referenceWritable(mfn)) return true;
  putPage(state.host, mfn);
  return false;
}

function dropFrame(state: ShadowState, mfn: Mfn, low: number): void {
  state.flushes.taken(mfn);
  if (holdsType(state, mfn, low)) state.host.frames.dereferenceWritable(mfn);
  putPage(state.host, mfn);
}
