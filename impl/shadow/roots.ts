import { Gfn, Mfn } from '../../abi/ids.js';
import { CR4_PSE } from '../../abi/control.js';
import { assert } from '../assert.js';
import * as guest from '../hardware/page-entry.js';
import { CONTROL_SMAP, CONTROL_SMEP } from '../hardware/rights.js';
import { wordAt } from '../tables/column.js';
import { mfnOf } from '../tables/p2m-entry.js';
import { hasNoExecute, modeOf, rightsControls } from '../vcpu.js';
import type { Vcpu } from '../vcpu.js';
import { isInP2m, isOwnTable } from './derive.js';
import * as entry from './entry.js';
import { findShadow, letGo, makeShadow } from './lifecycle.js';
import { NONE } from './shadow-pages.js';
import { ROOTS } from './state.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';

/*
 * What a vcpu's processor starts from (p2m.md 4.3, 4.15, S13, S24). Hardware walks three levels for
 * guests without long mode: the four entries of its top level are registers, which lead to the four
 * pages of one 2-level root, or to up to four level 2 shadows in PAE mode. In long mode it walks
 * four levels.
 */

const NO_KEY = -1;

/** What the root of a vcpu is a shadow of. */
export function rootTypeOf(vcpu: Vcpu): number {
  switch (modeOf(vcpu)) {
    case guest.UNPAGED:
      return types.IDENTITY;
    case guest.TWO_LEVEL:
      return (vcpu.cr4 & CR4_PSE) === 0 ? types.L2_32_SMALL : types.L2_32;
    case guest.PAE:
      return types.L2_PAE;
    case guest.FOUR_LEVEL:
      return types.L4_64;
  }
}

/** The root slot that a linear address goes through: one of four in PAE mode. */
export function rootSlotFor(vcpu: Vcpu, low: number): number {
  return modeOf(vcpu) === guest.PAE ? low >>> 30 : 0;
}

/** Lets all roots of a vcpu go. The processor is not told. */
export function dropRoots(state: ShadowState, vcpu: Vcpu): void {
  for (let slot = 0; slot < ROOTS; slot += 1) {
    const root = state.rootOf(vcpu, slot);
    state.roots[vcpu.id * ROOTS + slot] = NONE;
    if (root !== NONE) letGo(state, root);
  }
}

/** A level 2 table of PAE mode leaves the p2m: the slots that its shadow is in are empty. */
export function dropRootsOf(state: ShadowState, shadow: number): void {
  for (const vcpu of state.vcpus) {
    for (let slot = 0; slot < ROOTS; slot += 1) {
      if (state.rootOf(vcpu, slot) !== shadow) continue;
      state.roots[vcpu.id * ROOTS + slot] = NONE;
      setPdpte(vcpu, slot, 0, 0);
      letGo(state, shadow);
    }
  }
}

/**
 * The root for an address; in PAE mode it is made where the slot is empty and what the PDPTE names
 * can be read by now. `NONE`: the guest has none. There is room for one page.
 */
export function rootFor(state: ShadowState, vcpu: Vcpu, low: number): number {
  const slot = rootSlotFor(vcpu, low);
  const root = state.rootOf(vcpu, slot);
  if (root !== NONE || modeOf(vcpu) !== guest.PAE) return root;
  const key = rootKeyOf(state, vcpu, slot);
  if (key === NO_KEY) return NONE;
  const made = findOrMake(state, types.L2_PAE, key);
  hold(state, vcpu, slot, made);
  const mfn = state.pool.frameOf(made);
  setPdpte(vcpu, slot, entry.pdpteLow(mfn), entry.pdpteHigh(mfn));
  return made;
}

/** The roots that the registers name are the last to go for want of room, where there are any. */
export function touchRoots(state: ShadowState, vcpu: Vcpu): void {
  const type = rootTypeOf(vcpu);
  for (let slot = 0; slot < ROOTS; slot += 1) {
    const key = rootKeyOf(state, vcpu, slot);
    const root = key === NO_KEY ? NONE : findShadow(state, type, key);
    if (root !== NONE && state.pages.isPinned(root)) state.pages.pin(root);
  }
}

/** Finds or makes the roots that the registers name. There is room for four pages. */
export function takeRoots(state: ShadowState, vcpu: Vcpu): void {
  const type = rootTypeOf(vcpu);
  for (let slot = 0; slot < ROOTS; slot += 1) {
    const key = rootKeyOf(state, vcpu, slot);
    if (key !== NO_KEY) hold(state, vcpu, slot, findOrMake(state, type, key));
  }
}

/** Tells the processor where to start, and how to judge. */
export function program(state: ShadowState, vcpu: Vcpu): void {
  const { cpu } = vcpu;
  const type = rootTypeOf(vcpu);
  const root = state.rootOf(vcpu, 0);
  cpu.isNested = false;
  cpu.superpages = false;
  cpu.mode = type === types.L4_64 ? guest.FOUR_LEVEL : guest.PAE;
  cpu.rootFrame = type === types.L4_64 ? state.pool.frameOf(root) : 0;
  for (let slot = 0; slot < ROOTS; slot += 1) {
    const page = pageOfSlot(state, vcpu, type, slot);
    if (page === NONE) {
      setPdpte(vcpu, slot, 0, 0);
      continue;
    }
    const mfn = state.pool.frameOf(page);
    setPdpte(vcpu, slot, entry.pdpteLow(mfn), entry.pdpteHigh(mfn));
  }
  programRights(vcpu);
}

/**
 * The rights that hold at once. Writes are always judged as by CR0.WP = 1: a table is caught
 * whoever writes it, and what only WP = 0 permits is done for the guest. SMEP and SMAP speak of
 * pages of users, of which there are none without paging.
 */
export function programRights(vcpu: Vcpu): void {
  const { cpu } = vcpu;
  const controls = modeOf(vcpu) === guest.UNPAGED ? 0 : rightsControls(vcpu);
  cpu.writeProtect = true;
  cpu.smep = (controls & CONTROL_SMEP) !== 0;
  cpu.smap = (controls & CONTROL_SMAP) !== 0;
  cpu.noExecute = hasNoExecute(vcpu);
  cpu.keys = false;
}

function pageOfSlot(state: ShadowState, vcpu: Vcpu, type: number, slot: number): number {
  if (type === types.L4_64) return NONE;
  if (type === types.L2_PAE) return state.rootOf(vcpu, slot);
  return state.pages.pageOf(state.rootOf(vcpu, 0), slot);
}

/**
 * The key of the root that a slot is to hold: in PAE mode the level 2 table that a loaded PDPTE
 * names, if that is the domain's own RAM. `NO_KEY`: the slot is to be empty.
 */
function rootKeyOf(state: ShadowState, vcpu: Vcpu, slot: number): number {
  const type = rootTypeOf(vcpu);
  if (type !== types.L2_PAE && slot > 0) return NO_KEY;
  if (type === types.IDENTITY) return 0;
  if (type !== types.L2_PAE) {
    assert(vcpu.heldRoot !== undefined, 'a paged vcpu holds its root');
    return vcpu.heldRoot;
  }
  const low = wordAt(vcpu.pdptes, slot * 2);
  const high = wordAt(vcpu.pdptes, slot * 2 + 1);
  if (!guest.isPresent(low)) return NO_KEY;
  const found = state.domain.p2m.lookup(Gfn(guest.frameOf(low, high)));
  return isOwnTable(state, found) ? mfnOf(found) : NO_KEY;
}

function findOrMake(state: ShadowState, type: number, key: number): number {
  const found = findShadow(state, type, key);
  return found === NONE ? makeShadow(state, type, key) : found;
}

function hold(state: ShadowState, vcpu: Vcpu, slot: number, root: number): void {
  const { pages } = state;
  pages.hold(root);
  state.roots[vcpu.id * ROOTS + slot] = root;
  const type = pages.typeOf(root);
  // A pin outlives the vcpu's use of the root, so it must not keep a page that has left the p2m.
  if (!types.isOfTable(type) || isInP2m(state, Mfn(pages.keyOf(root)))) pages.pin(root);
}

function setPdpte(vcpu: Vcpu, slot: number, low: number, high: number): void {
  vcpu.cpu.pdptes[slot * 2] = low;
  vcpu.cpu.pdptes[slot * 2 + 1] = high;
}
