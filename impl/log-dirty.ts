import { CONTROL, INVALID_GFN } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { LogDirty } from '../abi/step.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { rcReply } from './replies.js';
import { DirtyLog } from './tables/dirty-log.js';
import { isRam, mfnOf } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

/**
 * The toolstack asks which gfns of a domain were written (p2m.md 4.17). What the hypervisor writes it
 * notes itself; what a processor writes is caught by the paging, once for each gfn. What another
 * domain writes through a mapping is noted when the mapping ends.
 */
export function logDirty(host: Host, { domain: id, action }: LogDirty): Reply {
  const domain = id === CONTROL ? undefined : host.domains.byId(id);
  if (domain === undefined || domain.isDying) return rcReply('-ESRCH');
  const log = domain.dirtyLog;
  if ((log === undefined) !== (action === 'enable')) return rcReply('-EINVAL');

  // Nothing below this line can fail.
  if (log === undefined) {
    domain.dirtyLog = new DirtyLog();
    domain.paging.catchWrites();
    return rcReply(0);
  }
  if (action === 'disable') {
    domain.dirtyLog = undefined;
    domain.paging.letWrites();
    return rcReply(0);
  }
  const gfns = log.gfns();
  if (action === 'clean') {
    log.clean();
    domain.paging.catchWrites();
  }
  return { is: 'dirty', gfns };
}

/** A page was written, or may have been: its owner's log says so, if there is one. */
export function noteWritten(host: Host, owner: Domain, mfn: Mfn): void {
  if (owner.dirtyLog === undefined) return;
  const gfn = host.frames.gfnOf(mfn);
  if (gfn !== INVALID_GFN) owner.dirtyLog.note(gfn);
}

/** The log, if there is one, lets processors of the domain write to what its p2m has at a gfn. */
export function isLogged(host: Host, domain: Domain, found: Leaf): boolean {
  if (domain.dirtyLog === undefined || !isRam(found)) return true;
  return domain.dirtyLog.has(host.frames.gfnOf(mfnOf(found)));
}
