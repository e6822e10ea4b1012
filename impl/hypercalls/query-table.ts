import type { Reply } from '../../abi/reply.js';
import type { Status } from '../../abi/status.js';
import type { GetVersion, QuerySize } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { mayActOn } from '../host.js';
import type { Host } from '../host.js';
import { rcReply } from '../replies.js';

/** GNTTABOP_query_size (grants.md 7.8): how many frames the table has and may have. */
export function querySize(host: Host, caller: Domain, step: QuerySize): Reply {
  if (step.count !== 1) return rcReply('-EINVAL');

  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return noSize('bad_domain');
  if (!mayActOn(caller, target)) return noSize('permission_denied');

  // Nothing below this line can fail.
  const { frames, maximumFrames } = target.grants;
  return { is: 'size', status: 'okay', frames: frames.length, maximum: maximumFrames };
}

/** GNTTABOP_get_version (grants.md 7.11): its refusals are values of the call, not statuses. */
export function getVersion(host: Host, caller: Domain, step: GetVersion): Reply {
  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return { is: 'version', rc: '-ESRCH', version: 0 };
  if (!mayActOn(caller, target)) return { is: 'version', rc: '-EPERM', version: 0 };

  // Nothing below this line can fail.
  return { is: 'version', rc: 0, version: target.grants.version };
}

function noSize(status: Status): Reply {
  return { is: 'size', status, frames: 0, maximum: 0 };
}
