import { PFEC_U, PFEC_W } from '../../abi/control.js';
import { setAccessedAndDirty, walkGuest } from '../guest-walk.js';
import { RIGHT_RW } from '../hardware/rights.js';
import type { Resolution } from '../paging.js';
import { NOTHING, isRam, mfnOf, permitsStore } from '../tables/p2m-entry.js';
import type { Vcpu } from '../vcpu.js';
import { makeRoomFor } from './evict.js';
import { PAGES_FOR_CHAIN, fill } from './fill.js';
import { canGoOutOfSync } from './out-of-sync.js';
import type { ShadowState } from './state.js';

/**
 * The processor could not translate an access through the shadows (p2m.md 4.12). The guest's tables
 * decide whether that is the guest's fault; the walk is fresh, so no fault is a stale one. What a
 * shadow can permit is filled in; the rest is the hypervisor's to do.
 */
export function resolveFault(
  state: ShadowState,
  vcpu: Vcpu,
  high: number,
  low: number,
  access: number,
): Resolution {
  const { host, domain, walk } = state;
  if (!walkGuest(host, domain, vcpu, high, low, access, walk)) {
    vcpu.faultCode = walk.code;
    return 'fault';
  }
  const isWrite = (access & PFEC_W) !== 0;
  if (!canBeShadowed(state, isWrite, access)) return 'walk';

  // Nothing below this line refuses the access.
  if (isWrite && isRam(domain.p2m.lookup(walk.gfn))) domain.dirtyLog?.note(walk.gfn);
  makeRoomFor(state, vcpu, PAGES_FOR_CHAIN);
  setAccessedAndDirty(host, walk, access);
  return fill(state, vcpu, high, low, isWrite) ? 'retry' : 'walk';
}

/** The access that was walked for can be made through shadow entries. */
function canBeShadowed(state: ShadowState, isWrite: boolean, access: number): boolean {
  const { domain, walk } = state;
  const found = domain.p2m.lookup(walk.gfn);
  if (found === NOTHING) return false;
  if (!isWrite) return true;
  if (!permitsStore(found)) return false;
  // CR0.WP = 0: no entry can say so, for the tables themselves would be open to writes.
  if ((walk.rights & RIGHT_RW) === 0) return false;
  const mfn = mfnOf(found);
  const { counters, frames } = state.host;
  if (frames.shadowsOf(mfn) === 0 || canGoOutOfSync(state, mfn)) return true;
  // A page table, perhaps another domain's: its shadows are to follow what is written.
  counters.emulatedTableWrites += 1;
  if ((access & PFEC_U) !== 0) counters.userTableWrites += 1;
  return false;
}
