import type { Mfn } from '../../abi/ids.js';
import { narrow } from './level-one.js';
import type { ShadowState } from './state.js';
import { signedAt } from '../tables/column.js';

/**
 * No entry of this domain permits writes to the frame any more, and no processor remembers one that
 * did (p2m.md 4.9, 5.3). The type count says whether there is any to be found.
 */
export function removeWriteAccess(state: ShadowState, mfn: Mfn): void {
  if (state.host.frames.typeReferencesOf(mfn) > 0) narrowAll(state, mfn);
  else state.flushes.flushHoldersOf(mfn);
}

/** The same, also of a frame whose types are not this domain's to count. */
export function narrowAll(state: ShadowState, mfn: Mfn): void {
  const count = state.slots.collect(mfn);
  for (let at = 0; at < count; at += 1) narrow(state, signedAt(state.slots.found, at));
  state.flushes.flushHoldersOf(mfn);
}
