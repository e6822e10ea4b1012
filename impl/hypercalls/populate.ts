import { CONTROL } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Increase, Populate } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { mayActOn } from '../host.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { assignPages } from '../pages.js';
import { markGaps } from '../kept-pages.js';
import { addPages } from '../physmap.js';
import { rcReply } from '../replies.js';
import { RAM_RW } from '../tables/p2m-entry.js';

/**
 * XENMEM_populate_physmap (p2m.md 2.9): new pages at the gfns named. Answers how many extents were
 * done; it never says why it stopped. Pages of an extent that could not be mapped stay owned.
 */
export function populate(
  host: Host,
  caller: Domain,
  step: Populate,
  invocation: Invocation,
): Reply {
  let done = invocation.start;
  const target = reservationTarget(host, caller, step);
  if (target === undefined) return rcReply(done);
  for (const first of step.extents.slice(done)) {
    if (done > invocation.start) host.stop('physmap/extent');
    if (invocation.stopsAt(done)) break;
    if (step.onDemand === true) {
      if (target === caller || markGaps(host, target, first, 2 ** step.order) !== 'marked') break;
      done += 1;
      continue;
    }
    const pages = assignPages(host, target, 2 ** step.order);
    if (pages === undefined) break;
    if (addPages(host, target, first, pages, RAM_RW) !== 'added') break;
    done += 1;
  }
  return rcReply(done);
}

/**
 * XENMEM_increase_reservation: new pages that get no gfn. Nothing brings them to one.
 */
export function increase(
  host: Host,
  caller: Domain,
  step: Increase,
  invocation: Invocation,
): Reply {
  let done = invocation.start;
  const target = reservationTarget(host, caller, step);
  if (target === undefined) return rcReply(done);
  while (done < step.count) {
    if (done > invocation.start) host.stop('physmap/extent');
    if (invocation.stopsAt(done)) break;
    if (assignPages(host, target, 2 ** step.order) === undefined) break;
    done += 1;
  }
  return rcReply(done);
}

/**
 * Whose reservation a call may change; undefined stands for every refusal, none of which does more:
 * unknown domain, no permission, an extent that is too big. The control domain may own no more.
 */
export function reservationTarget(
  host: Host,
  caller: Domain,
  step: Pick<Populate, 'target' | 'order'>,
): Domain | undefined {
  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return undefined;
  if (!mayActOn(caller, target)) return undefined;
  const largest = caller.id === CONTROL ? host.machine.controlOrder : host.machine.guestOrder;
  if (step.order > largest) return undefined;
  return target;
}
