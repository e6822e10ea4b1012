import { XENMAPIDX_grant_table_status } from '../../abi/grant-table.js';
import { CONTROL } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import { RESOURCE_status_frames } from '../../abi/resources.js';
import type { AcquireResource, ClaimPages } from '../../abi/step.js';
import type { Errno } from '../../abi/status.js';
import type { Domain } from '../domain.js';
import { sharedFrame, statusFrame } from '../grant-frames.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { outstandingPages } from '../pages.js';
import { rcReply } from '../replies.js';

/** XENMEM_claim_pages: frames that are free are set aside for a domain, as a number. */
export function claimPages(host: Host, caller: Domain, call: ClaimPages): Reply {
  const { pages, order } = call;
  if (order > 0) return rcReply('-EINVAL');
  const target = host.domains.byId(call.target);
  if (target === undefined) return rcReply('-EINVAL');
  if (caller.id !== CONTROL) return rcReply('-EPERM');
  if (pages > 0) {
    if (target.outstanding > 0) return rcReply('-EINVAL');
    if (pages <= target.pages || pages > target.maximumPages) return rcReply('-EINVAL');
    const left = host.guestShare.freeCount() - outstandingPages(host);
    if (pages - target.pages > left) return rcReply('-ENOMEM');
  }

  // Nothing below this line can fail.
  target.outstanding = pages > 0 ? pages - target.pages : 0;
  return rcReply(0);
}

/**
 * XENMEM_acquire_resource (grants.md 7.14): a table grows to have the frames that are asked for, so many
 * at a time.
 */
export function acquireResource(
  host: Host,
  caller: Domain,
  step: AcquireResource,
  invocation: Invocation,
): Reply {
  const { id, frame, count, isQuery } = step;
  const left = count - invocation.start;
  const refused = (rc: Errno): Reply => ({ is: 'resource', rc, count: left });
  if (caller.id !== CONTROL) return refused('-EACCES');
  const target = host.domains.byId(step.target);
  if (target === undefined) return refused('-ESRCH');
  if (target === caller) return refused('-EPERM');
  if (id > RESOURCE_status_frames || isQuery !== (count === 0)) return refused('-EINVAL');
  const { grants } = target;
  const isStatus = id === RESOURCE_status_frames;
  if (isQuery) {
    const most = grants.maximumFrames;
    return { is: 'resource', rc: 0, count: isStatus ? grants.statusFramesFor(most) : most };
  }
  if (isStatus && grants.version !== 2) return refused('-EINVAL');
  for (let done = invocation.start; done < count;) {
    if (done > invocation.start && invocation.stopsAt(done))
      return { is: 'resource', rc: 0, count: done - invocation.start };
    done = Math.min(done + host.machine.resourceBatch, count);
    const last = frame + done - 1;
    if (last >= XENMAPIDX_grant_table_status) return refused('-EINVAL');
    const mfn = isStatus ? statusFrame(host, target, last) : sharedFrame(host, target, last);
    if (mfn === undefined) return refused('-EINVAL');
  }
  return { is: 'resource', rc: 0, count: left };
}
