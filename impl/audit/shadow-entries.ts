import { Mfn } from '../../abi/ids.js';
import { RIGHT_RW } from '../hardware/rights.js';
import { isGrant, mfnOf } from '../tables/p2m-entry.js';
import { deriveAt, deriveLevelOne, deriveUpper } from '../shadow/derive.js';
import type { Derived } from '../shadow/derived.js';
import * as entry from '../shadow/entry.js';
import { ENTRIES, NO_SLOT } from '../shadow/slots.js';
import type { ShadowState } from '../shadow/state.js';
import * as types from '../shadow/types.js';
import type { Findings } from './findings.js';

/**
 * Every present entry against a fresh derivation from the guest's entry and the p2m, of a table out
 * of sync from its snapshot (S6, S7, S8, S12, S16, S20); write protection and log (S9, S10); owners
 * (S19).
 */
export function auditShadowEntries(state: ShadowState, findings: Findings): void {
  const granted = framesGranted(state);
  for (let page = 0; page < state.pages.pageCount; page += 1) {
    const type = state.pages.typeOf(page);
    if (type === types.NO_SHADOW) continue;
    let slot = state.slots.nextPresent(page * ENTRIES);
    for (; slot !== NO_SLOT; slot = state.slots.presentAfter(slot)) {
      if (types.levelOf(type) > 1) auditUpper(state, slot, findings);
      else auditLevelOne(state, slot, granted, findings);
    }
  }
  auditTlbs(state, findings);
}

function auditLevelOne(
  state: ShadowState,
  slot: number,
  granted: ReadonlySet<number>,
  findings: Findings,
): void {
  const { slots, host } = state;
  const [low, high] = [slots.lowOf(slot), slots.highOf(slot)];
  const mfn = slots.frameAt(slot);
  const check = (isTrue: boolean, id: string, what: string): void => {
    findings.check(isTrue, id, 'shadow.entry', () => `${place(state, slot)} ${what}`);
  };
  check(entry.isWellFormed(low, high), 'S6', 'has bits that no entry has');
  const isOwn = host.frames.ownerOf(mfn) === state.domain.id;
  const isFree = host.frames.isFree(mfn) || host.frames.referencesOf(mfn) === 0;
  check(!isFree, 'S19', 'maps a free frame or one of the pool');
  check(isOwn || granted.has(mfn), 'S19', "maps another domain's frame without a grant");
  if (entry.isWritable(low) && state.isTable(mfn)) {
    check(state.isOutOfSync(mfn), 'S9', 'permits writes to a table in sync');
  }
  const shadow = slots.shadowOf(slot);
  const isOld = isOutOfSync(state, shadow);
  const derived = isOld
    ? deriveOld(state, slot)
    : deriveAt(state, shadow, indexOf(state, slot), false);
  const isPiece = types.isSplinter(state.pages.typeOf(shadow));
  const id = isOld ? 'S16' : isPiece ? 'S20' : 'S7';
  check(entry.isPresent(derived.low), id, 'stands for nothing that the guest has');
  if (!entry.isPresent(derived.low)) return;
  check(entry.frameOf(derived.low, derived.high) === mfn, id, 'maps another frame than the guest');
  const isSame = entry.readOnly(derived.low) === entry.readOnly(low) && derived.high === high;
  check(isSame, isOld ? 'S16' : 'S6', "has other rights than the guest's entry");
  const isLet = derived.isGrant || !entry.isWritable(low) || isInLog(state, mfn);
  const isMore = entry.isWritable(low) && !entry.isWritable(derived.low);
  check(!isMore || !isLet, isOld ? 'S16' : 'S6', 'permits writes that guest or p2m do not');
  check(isLet, 'S10', 'permits writes that the log does not have');
}

/** S8, S12: what an upper entry leads to, and both of a pair. */
function auditUpper(state: ShadowState, slot: number, findings: Findings): void {
  const { slots, pages, pool } = state;
  const shadow = slots.shadowOf(slot);
  const check = (isTrue: boolean, id: string, what: string): void => {
    findings.check(isTrue, id, 'shadow.upper', () => `${place(state, slot)} ${what}`);
  };
  const [low, high] = [slots.lowOf(slot), slots.highOf(slot)];
  check(entry.isWellFormed(low, high), 'S8', 'has bits that no entry has');
  const mfn = slots.frameAt(slot);
  check(pool.owns(mfn), 'S8', 'leads out of the pool');
  if (!pool.owns(mfn)) return;
  const child = pages.headOf(pool.pageOf(mfn));
  const isPaired = types.isPaired(pages.typeOf(shadow));
  const part = isPaired && slot % 2 === 1 ? 1 : 0;
  check(pages.partOf(pool.pageOf(mfn)) === part, 'S12', 'leads to the wrong page of its child');
  if (isPaired) {
    const other = slot % 2 === 1 ? slot - 1 : slot + 1;
    const isPair = slots.isPresent(other) && state.childAt(other) === child;
    check(isPair, 'S12', 'is without the other of its pair');
  }
  const derived = deriveUpper(state, shadow, indexOf(state, slot));
  const isChild =
    pages.typeOf(child) === derived.childType && pages.keyOf(child) === derived.childKey;
  check(isChild, 'S8', 'leads to another child than the guest has');
  check(hasRights(low, high, mfn, derived), 'S8', "has other rights than the guest's entry");
}

/** The rights derived; D may be set since in the guest's entry of a superpage. */
function hasRights(low: number, high: number, mfn: Mfn, derived: Derived): boolean {
  const wanted = entry.lowWord(mfn, derived.rights);
  if (high !== entry.highWord(mfn, derived.noExecute)) return false;
  return low === wanted || low === entry.readOnly(wanted);
}

/** What the snapshot of a table out of sync makes of an entry. */
function deriveOld(state: ShadowState, slot: number): Derived {
  const shadow = state.slots.shadowOf(slot);
  const type = state.pages.typeOf(shadow);
  const outOfSyncPlace = state.outOfSync.placeOf(Mfn(state.pages.keyOf(shadow)));
  const index = indexOf(state, slot);
  if (outOfSyncPlace < 0) return deriveAt(state, shadow, index, false);
  const at = types.isWide(type) ? index : index * 2;
  const low = state.outOfSync.wordOf(outOfSyncPlace, at);
  const high = types.isWide(type) ? 0 : state.outOfSync.wordOf(outOfSyncPlace, at + 1);
  return deriveLevelOne(state, type, low, high, false);
}

/** S9, T5: no processor remembers that it may write a table in sync. */
function auditTlbs(state: ShadowState, findings: Findings): void {
  for (const { id, cpu } of state.vcpus) {
    cpu.tlb.forEach((_high, low, frame, rights) => {
      if ((rights & RIGHT_RW) === 0) return;
      const mfn = Mfn(frame);
      const isCaught = state.isTable(mfn) && !state.isOutOfSync(mfn);
      findings.check(!isCaught, 'S9', 'vcpu.tlb', () => {
        return `vcpu ${id} may write table ${frame} in sync at ${low.toString(16)}`;
      });
    });
  }
}

/** The domain's log, if it has one, names the frame's gfn. */
function isInLog(state: ShadowState, mfn: Mfn): boolean {
  const { dirtyLog } = state.domain;
  return dirtyLog === undefined || dirtyLog.has(state.host.frames.gfnOf(mfn));
}

function framesGranted(state: ShadowState): ReadonlySet<number> {
  const granted = new Set<number>();
  state.domain.p2m.forEach((_gfn, found) => {
    if (isGrant(found)) granted.add(mfnOf(found));
  });
  return granted;
}

function isOutOfSync(state: ShadowState, shadow: number): boolean {
  if (!types.isOfTable(state.pages.typeOf(shadow))) return false;
  return state.isOutOfSync(Mfn(state.pages.keyOf(shadow)));
}

function indexOf(state: ShadowState, slot: number): number {
  return state.slots.guestIndexOf(slot);
}

function place(state: ShadowState, slot: number): string {
  const shadow = state.slots.shadowOf(slot);
  const { pages } = state;
  return `entry ${indexOf(state, slot)} of the shadow of type ${pages.typeOf(shadow)}, key ${pages.keyOf(shadow)},`;
}
