import { PTE_A, PTE_D, PTE_RW } from '../../abi/control.js';
import { Gfn, INVALID_GFN, Mfn } from '../../abi/ids.js';
import * as guest from '../hardware/page-entry.js';
import { isLogged } from '../log-dirty.js';
import { NOTHING, isGrant, isRam, mfnOf, permitsStore } from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';
import type { Derived } from './derived.js';
import * as entry from './entry.js';
import type { ShadowState } from './state.js';
import * as types from './types.js';

/*
 * From an entry of the guest and the p2m to an entry of a shadow (p2m.md 4.10). What comes out
 * depends besides on which frames are page tables, and on the log of writes, which both withhold RW;
 * not on a vcpu, not on what the shadow holds. NX is taken over as it is: a
 * vcpu whose NXE is clear finds it reserved in the shadow as it would in the guest's entry.
 */

/** Pages under one entry of the map that unpaged vcpus run on. */
const PAGES_OF_IDENTITY = 1024;

/** The two words of a guest's entry; `high` of four-byte entries is 0. */
export function guestLow(state: ShadowState, shadow: number, index: number): number {
  const mfn = Mfn(state.pages.keyOf(shadow));
  const isWide = types.isWide(state.pages.typeOf(shadow));
  return state.host.ram.tableWord(mfn, isWide ? index : index * 2);
}
export function guestHigh(state: ShadowState, shadow: number, index: number): number {
  if (types.isWide(state.pages.typeOf(shadow))) return 0;
  return state.host.ram.tableWord(Mfn(state.pages.keyOf(shadow)), index * 2 + 1);
}

/**
 * An entry of level 1 from a guest's entry. `isCaught`: writes to page tables are kept out, as they
 * always are but for a demanded write to a table that is out of sync.
 */
export function deriveLevelOne(
  state: ShadowState,
  type: number,
  low: number,
  high: number,
  isCaught: boolean,
): Derived {
  const { derived } = state;
  derived.clear();
  const mode = types.guestModeOf(type);
  if (!guest.isPresent(low) || (low & PTE_A) === 0) return derived;
  const { cpuFeatures } = state.host;
  if (guest.hasReservedBits(mode, 1, low, high, true, true, cpuFeatures)) return derived;
  const found = state.domain.p2m.lookup(Gfn(guest.frameOf(low, high)));
  const rights = (low & PTE_D) === 0 ? low & ~PTE_RW : low;
  derivePage(state, found, rights, high, isCaught);
  return derived;
}

/** An entry of a piece of a superpage: all rights are in the entry above. */
export function derivePiece(
  state: ShadowState,
  firstGfn: number,
  index: number,
  isCaught: boolean,
): Derived {
  state.derived.clear();
  const found = state.domain.p2m.lookup(Gfn(firstGfn + index));
  derivePage(state, found, entry.FULL_RIGHTS, 0, isCaught);
  return state.derived;
}

/** The entry of level 1 that stands at an index of a shadow, from what memory says now. */
export function deriveAt(
  state: ShadowState,
  shadow: number,
  index: number,
  isCaught: boolean,
): Derived {
  const type = state.pages.typeOf(shadow);
  if (types.isSplinter(type)) {
    return derivePiece(state, state.pages.keyOf(shadow), index, isCaught);
  }
  const low = guestLow(state, shadow, index);
  return deriveLevelOne(state, type, low, guestHigh(state, shadow, index), isCaught);
}

/** What an entry of an upper level leads to, and with which rights. */
export function deriveUpper(state: ShadowState, shadow: number, index: number): Derived {
  const { derived } = state;
  derived.clear();
  const type = state.pages.typeOf(shadow);
  if (type === types.IDENTITY) {
    derived.childType = types.FL1_32;
    derived.childKey = index * PAGES_OF_IDENTITY;
    derived.rights = entry.FULL_RIGHTS;
    return derived;
  }
  const low = guestLow(state, shadow, index);
  const high = guestHigh(state, shadow, index);
  if (!guest.isPresent(low) || (low & PTE_A) === 0) return derived;
  const mode = types.guestModeOf(type);
  const level = types.levelOf(type);
  const isLeaf = guest.isLeaf(mode, level, low, types.honoursSuperpages(type));
  const { cpuFeatures } = state.host;
  if (guest.hasReservedBits(mode, level, low, high, isLeaf, true, cpuFeatures)) return derived;

  derived.noExecute = high;
  if (isLeaf) {
    derived.rights = (low & PTE_D) === 0 ? low & ~PTE_RW : low;
    derived.childType = types.splinterType(type);
    derived.childKey = guest.leafFrame(mode, level, low, high, 0);
    return derived;
  }
  const table = state.domain.p2m.lookup(Gfn(guest.frameOf(low, high)));
  if (!isOwnTable(state, table)) return derived;
  derived.rights = low;
  derived.childType = types.childType(type);
  derived.childKey = mfnOf(table);
  return derived;
}

/** A page that the domain's walks may read as a table: its own RAM, which can be held. */
export function isOwnTable(state: ShadowState, found: Leaf): boolean {
  const { frames } = state.host;
  if (!isRam(found) || frames.ownerOf(mfnOf(found)) !== state.domain.id) return false;
  return frames.referencesOf(mfnOf(found)) > 0;
}

/** The frame is at a gfn of the domain's p2m as RAM, so that its guest's tables can name it. */
export function isInP2m(state: ShadowState, mfn: Mfn): boolean {
  const gfn = state.host.frames.gfnOf(mfn);
  if (gfn === INVALID_GFN) return false;
  const found = state.domain.p2m.lookup(gfn);
  return isRam(found) && mfnOf(found) === mfn;
}

/**
 * The owner check: what is not the domain's own must come by a grant mapping, which the p2m's type
 * says. Everything else is refused (p2m.md 4.8).
 */
function derivePage(
  state: ShadowState,
  found: Leaf,
  rights: number,
  noExecute: number,
  isCaught: boolean,
): void {
  const { derived } = state;
  if (found === NOTHING) return;
  const mfn = mfnOf(found);
  const isOwn = state.host.frames.ownerOf(mfn) === state.domain.id;
  if (!isOwn && !isGrant(found)) return;
  const isLet = permitsStore(found) && isLogged(state.host, state.domain, found);
  const isForeignTable = !isOwn && state.host.frames.shadowsOf(mfn) !== 0;
  const isKept = isLet && !isForeignTable && !(isCaught && state.isTable(mfn));
  derived.isGrant = isGrant(found);
  derived.low = entry.lowWord(mfn, isKept ? rights : rights & ~PTE_RW);
  derived.high = entry.highWord(mfn, noExecute);
}
