import type { Mfn } from '../abi/ids.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';

/*
 * What a handle of the control domain maps may be freed under it: the entry that held the frame can be
 * overwritten. It is not to name a frame that is somebody else's by then.
 */

/**
 * A frame is free: handles that still name it name no frame any more. Who granted it need not be who
 * had it last.
 */
export function forgetFrame(host: Host, mfn: Mfn): void {
  host.control().maptrack.forEachLive((_, granter, ref) => {
    const { active } = host.granter(granter).grants;
    if (active.mfnOf(ref) === mfn) active.forget(ref);
  });
}

/** A domain is gone: handles that still name it are free. */
export function forgetGranter(host: Host, owner: Domain): void {
  const { maptrack } = host.control();
  maptrack.forEachLive((handle, granter) => {
    if (granter !== owner.id) return;
    maptrack.retire(handle);
    maptrack.giveBack(handle);
  });
}
