import type { Reply } from '../../abi/reply.js';
import type { Reservation } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { mayActOn } from '../host.js';
import type { Host } from '../host.js';
import { rcReply } from '../replies.js';

/** XENMEM_current_reservation, maximum_reservation and maximum_gpfn (p2m.md 2.9). */
export function reservation(host: Host, caller: Domain, step: Reservation): Reply {
  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return rcReply('-ESRCH');
  if (!mayActOn(caller, target)) return rcReply('-EPERM');

  // Nothing below this line can fail.
  switch (step.op) {
    case 'current_reservation':
      return rcReply(target.pages);
    case 'maximum_reservation':
      return rcReply(target.maximumPages);
    case 'maximum_gpfn':
      return rcReply(target.p2m.highestGfn());
  }
}
