import type { Gfn, Mfn } from '../../abi/ids.js';
import { Mfn as toMfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import type { Paging, Resolution } from '../paging.js';
import { NOTHING, isGrant, isRam, mfnOf } from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';
import type { Vcpu } from '../vcpu.js';
import { catchWrites } from './catch-writes.js';
import { dropMappings, unshadow } from './drop.js';
import { makeRoomFor } from './evict.js';
import { resolveFault } from './fault.js';
import { PAGES_FOR_CHAIN, indexIn } from './fill.js';
import * as entry from './entry.js';
import { clearLevelOne } from './level-one.js';
import { unpin } from './lifecycle.js';
import { resyncForLoad } from './out-of-sync.js';
import {
  dropRoots,
  program,
  programRights,
  rootSlotFor,
  rootTypeOf,
  takeRoots,
  touchRoots,
} from './roots.js';
import { NONE } from './shadow-pages.js';
import { ENTRIES, NO_SLOT } from './slots.js';
import { ROOTS, ShadowState } from './state.js';
import * as types from './types.js';
import { validate } from './validate.js';
import { narrowAll } from './write-access.js';

/** Pages that hardware's roots of one vcpu can take. */
const PAGES_FOR_ROOTS = 4;

/**
 * Shadow paging: the processors walk tables of the hypervisor's, which it keeps in agreement with
 * the guest's tables and the p2m (p2m.md 4).
 */
export class ShadowPaging implements Paging {
  /** For the audit. */
  readonly state: ShadowState;

  /** The domain has its p2m and its vcpus. */
  constructor(host: Host, domain: Domain) {
    const { shadowFrames, vcpus } = host.machine;
    const needed = vcpus * PAGES_FOR_ROOTS + 2 * PAGES_FOR_CHAIN;
    assert(shadowFrames >= needed, 'a pool holds all roots and both pages of an access');
    this.state = new ShadowState(host, domain, domain.vcpus);
    for (const vcpu of domain.vcpus) this.load(vcpu);
  }

  load(vcpu: Vcpu): void {
    const { state } = this;
    const isOtherMode = this.#rootType(vcpu) !== rootTypeOf(vcpu);
    resyncForLoad(state, vcpu, isOtherMode ? 'resyncedByModeChange' : 'resyncedByLoad');
    dropRoots(state, vcpu);
    touchRoots(state, vcpu);
    makeRoomFor(state, vcpu, PAGES_FOR_ROOTS);
    takeRoots(state, vcpu);
    program(state, vcpu);
    state.flushes.flush(vcpu);
  }

  rightsChanged(vcpu: Vcpu): void {
    programRights(vcpu);
  }

  /** Pieces of a superpage are one page to the guest: all of them go. */
  invalidatePage(vcpu: Vcpu, high: number, low: number): void {
    const { state } = this;
    this.#dropOutOfSyncEntry(vcpu, high, low);
    if (state.splinters > 0) state.flushes.splintered();
    if (state.flushes.mayHoldPieces(vcpu)) state.flushes.flush(vcpu);
    else vcpu.cpu.invalidatePage(high, low);
  }

  resolve(vcpu: Vcpu, high: number, low: number, access: number): Resolution {
    return resolveFault(this.state, vcpu, high, low, access);
  }

  /**
   * Per frame, not per gfn: whatever leads to the frame goes, and the table that it may have been is
   * none any more. Entries never say that a gfn is empty, so nothing goes where nothing was.
   */
  entryChanges(_gfn: Gfn, old: Leaf): void {
    const { state } = this;
    if (old === NOTHING || state.isClosed) return;
    const { counters } = state.host;
    const mfn = mfnOf(old);
    if (isRam(old) && state.isTable(mfn)) {
      unshadow(state, mfn);
      counters.tablesLeftP2m += 1;
    }
    const dropped = dropMappings(state, mfn);
    if (isGrant(old)) counters.shadowDroppedByGrantUnmap += dropped;
    else counters.shadowDroppedByP2mChange += dropped;
  }

  entryChanged(_gfn: Gfn, old: Leaf): void {
    if (old === NOTHING || this.state.isClosed) return;
    this.state.flushes.flushHoldersOf(mfnOf(old));
  }

  frameWritten(mfn: Mfn, from: number, to: number): void {
    const { state } = this;
    if (!state.isTable(mfn)) return;
    const { counters } = state.host;
    counters.tableWrites += 1;
    if (state.domain.dirtyLog !== undefined) counters.logDirtyOnTable += 1;
    validate(state, mfn, from, to);
  }

  catchForeignWrites(mfn: Mfn): void {
    narrowAll(this.state, mfn);
  }

  catchWrites(): void {
    catchWrites(this.state);
  }

  letWrites(): void {
    // Entries get RW back as it is asked for.
  }

  release(): void {
    const { state } = this;
    for (const vcpu of state.vcpus) dropRoots(state, vcpu);
    for (let at = state.pages.oldestPinned(); at !== NONE; at = state.pages.oldestPinned()) {
      unpin(state, at);
    }
    for (const vcpu of state.vcpus) {
      vcpu.cpu.rootFrame = 0;
      vcpu.cpu.pdptes.fill(0);
      // Three levels of which the first is empty: nothing can be translated.
      vcpu.cpu.mode = 3;
    }
    state.flushes.flushEveryone();
    assert(state.hash.size() === 0, 'no shadow is left without roots');
    state.isClosed = true;
    state.pool.close();
  }

  forEachReference(visit: (mfn: Mfn, isWritable: boolean) => void): void {
    const { state } = this;
    for (let page = 0; page < state.pages.pageCount; page += 1) {
      const type = state.pages.typeOf(page);
      if (types.isOfTable(type) && state.pages.isShadow(page)) {
        visit(toMfn(state.pages.keyOf(page)), false);
      }
      if (type === types.NO_SHADOW || types.levelOf(type) > 1) continue;
      const { slots } = state;
      let slot = slots.nextPresent(page * ENTRIES);
      for (; slot !== NO_SLOT; slot = slots.presentAfter(slot)) {
        const mfn = slots.frameAt(slot);
        visit(mfn, entry.isWritable(slots.lowOf(slot)));
      }
    }
  }

  forEachFrame(visit: (mfn: Mfn) => void): void {
    if (this.state.isClosed) return;
    const { pool } = this.state;
    for (let page = 0; page < pool.pageCount; page += 1) visit(pool.frameOf(page));
  }

  #rootType(vcpu: Vcpu): number {
    for (let slot = 0; slot < ROOTS; slot += 1) {
      const root = this.state.rootOf(vcpu, slot);
      if (root !== NONE) return this.state.pages.typeOf(root);
    }
    return types.NO_SHADOW;
  }

  /** The entry of an address under a table that is out of sync may be old: it goes. */
  #dropOutOfSyncEntry(vcpu: Vcpu, high: number, low: number): void {
    const { state } = this;
    if (state.outOfSync.used() === 0) return;
    let shadow = state.rootOf(vcpu, rootSlotFor(vcpu, low));
    while (shadow !== NONE) {
      const type = state.pages.typeOf(shadow);
      const slot = state.slots.slotOf(shadow, indexIn(type, high, low));
      if (!state.slots.isPresent(slot)) return;
      if (types.levelOf(type) > 1) {
        shadow = state.childAt(slot);
        continue;
      }
      if (!types.isOfTable(type)) return;
      if (!state.isOutOfSync(toMfn(state.pages.keyOf(shadow)))) return;
      clearLevelOne(state, slot);
      state.host.counters.oosEntriesInvalidated += 1;
      return;
    }
  }
}
