import { XENMAPIDX_grant_table_status } from '../abi/grant-table.js';
import { CONTROL, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Reservation } from '../abi/step.js';
import type { Errno } from '../abi/status.js';
import { RESOURCE_status_frames, type AcquireResource, type ClaimPages } from '../abi/resources.js';
import { type ResourceCall } from '../abi/resources.js';
import {
  claimedPages,
  domainOf,
  freeFrames,
  ownedPages,
  theDomain,
  withDomain,
} from './derived.js';
import { statusFramesFor } from './entries.js';
import { accept, rc, refuse, spoil, type Result } from './outcome.js';
import { tableFrame } from './physmap.js';
import { reservation } from './reservation.js';
import type { State } from './state.js';

/** What the control domain provides for others (p2m.md 2.9, grants.md 7.14). */

/**
 * [P17] claim_pages: of the pages that the machine has left so many are for one domain that it comes to
 * have as many as are claimed. What it gives back meanwhile is claimed again. A claim ends when it is met,
 * when it is given up, or when the domain begins to die.
 */
function claimPages(state: State, caller: DomainId, call: ClaimPages): Result {
  if (call.order !== 0) return refuse(rc('-EINVAL'), 'P17.6');

  const target = domainOf(state, call.target);
  if (target === undefined) return refuse(rc('-EINVAL'), 'P17.1');
  if (caller !== CONTROL) return refuse(rc('-EPERM'), 'P17.2');
  if (call.pages === 0)
    return accept(rc(0), 'P17', withDomain(state, { ...target, claim: undefined }));

  if (target.claim !== undefined) return refuse(rc('-EINVAL'), 'P17.3');
  const has = ownedPages(state, target.id);
  if (call.pages <= has || call.pages > target.maximumPages) return refuse(rc('-EINVAL'), 'P17.4');
  if (call.pages - has > freeFrames(state) - claimedPages(state))
    return refuse(rc('-ENOMEM'), 'P17.5');

  // Nothing below this line can fail.
  return accept(rc(0), 'P17', withDomain(state, { ...target, claim: call.pages }));
}

/**
 * [P18] acquire_resource: the frames of a domain's grant table, or those of its status, in a row; the
 * table grows to have them, some at a time. Which machine frames they are is not looked at, and nobody holds them.
 */
function acquireResource(state: State, caller: DomainId, call: AcquireResource): Result {
  const { id, frame, count } = call;
  const answer = (result: 0 | Errno, so = count): Reply => {
    return { is: 'resource', rc: result, count: so };
  };
  if (caller !== CONTROL) return refuse(answer('-EACCES'), 'P18.1');
  const target = domainOf(state, call.target);
  if (target === undefined) return refuse(answer('-ESRCH'), 'P18.2');
  if (target.id === CONTROL) return refuse(answer('-EPERM'), 'P18.3');
  if (id > RESOURCE_status_frames) return refuse(answer('-EINVAL'), 'P18.4');
  const isStatus = id === RESOURCE_status_frames;
  if (call.isQuery !== (count === 0)) return refuse(answer('-EINVAL'), 'P18.5');
  const most = target.grantFramesMaximum;
  if (call.isQuery) {
    const so = isStatus ? statusFramesFor(state.machine, most) : most;
    return accept(answer(0, so), 'P18', state);
  }
  if (isStatus && target.grantVersion === 1) return refuse(answer('-EINVAL'), 'P18.6');
  let next = state;
  for (let done = 0; done < count; done += state.machine.resourceBatch) {
    const last = frame + Math.min(done + state.machine.resourceBatch, count) - 1;
    const index = isStatus ? XENMAPIDX_grant_table_status + last : last;
    const isNumber = last < XENMAPIDX_grant_table_status;
    const grown = isNumber ? tableFrame(next, theDomain(next, target.id), index) : undefined;
    next = grown?.next ?? next;
    if (grown?.page === undefined) return spoil(answer('-EINVAL'), 'P18.7', next);
  }
  return accept(answer(0), 'P18', next);
}

/** What the control domain provides, and what it or a guest asks about a reservation. */
export function resource(state: State, call: ResourceCall | Reservation): Result {
  if (call.op === 'claim_pages') return claimPages(state, call.caller, call);
  if (call.op === 'acquire_resource') return acquireResource(state, call.caller, call);
  return reservation(state, call.caller, call);
}
