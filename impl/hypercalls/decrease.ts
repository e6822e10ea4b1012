import { Gfn } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Decrease } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { giveUpGaps } from '../kept-pages.js';
import { removeAndFree } from '../physmap.js';
import { rcReply } from '../replies.js';
import { reservationTarget } from './populate.js';

/**
 * XENMEM_decrease_reservation (p2m.md 2.9): gives pages up. Answers how many extents were done; of
 * the extent that failed, the pages before the failing one are gone all the same.
 */
export function decrease(
  host: Host,
  caller: Domain,
  step: Decrease,
  invocation: Invocation,
): Reply {
  let done = invocation.start;
  const target = reservationTarget(host, caller, step);
  if (target === undefined) return rcReply(done);
  for (const first of step.extents.slice(done)) {
    if (done > invocation.start) host.stop('physmap/extent');
    if (invocation.stopsAt(done)) break;
    if (!decreaseExtent(host, target, first, 2 ** step.order)) break;
    done += 1;
  }
  return rcReply(done);
}

function decreaseExtent(host: Host, target: Domain, first: Gfn, count: number): boolean {
  let excused = giveUpGaps(host, target, first, count);
  for (let page = 0; page + excused < count; page += 1) {
    const result = removeAndFree(host, target, Gfn(first + page));
    if (result === '-ENOENT' && excused > 0) excused -= 1;
    else if (result !== 'removed') return false;
  }
  return true;
}
