import { CONTROL } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import { GRANT_MAP_RW, NOTHING, mfnOf, typeOf } from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';
import type { WindowEntry } from '../tables/window-table.js';

/*
 * Which entries carry a type reference, said a second time: the code that takes and drops the
 * references goes by its own predicates, and an audit that asked those could not contradict them.
 */

/** A writable grant mapping does where the page is the mapper's own, or the control domain's. */
export function isTypedEntry(host: Host, mapper: Domain, found: Leaf): boolean {
  if (found === NOTHING || typeOf(found) !== GRANT_MAP_RW) return false;
  return [mapper.id, CONTROL].includes(host.frames.ownerOf(mfnOf(found)));
}

/** A writable entry of a shadow does where the page is the guest's own. */
export const isTypedShadow = (host: Host, guest: Domain, mfn: Mfn): boolean =>
  host.frames.ownerOf(mfn) === guest.id;

/** A window does where it is writable and its page has no p2m: where it is the control domain's. */
export function isTypedWindow(host: Host, window: WindowEntry): boolean {
  if (window.isReadonly) return false;
  return host.frames.ownerOf(window.mfn) === CONTROL;
}
