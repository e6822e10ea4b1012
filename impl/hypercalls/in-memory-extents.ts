import { DomainId, Gfn } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import { structures } from '../../abi/layouts.js';
import type { Machine } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import { unstopped } from '../invocation.js';
import { decrease } from './decrease.js';
import type { InMemory } from './in-memory-call.js';
import { increase, populate, reservationTarget } from './populate.js';

/* What a domain owns, with the reservation and its list of gfns in guest memory (p2m.md 2.9). */

/** Gfns of a 32-bit guest that are translated together. */
function togetherOn({ compatAreaBytes }: Machine): number {
  return Math.floor((compatAreaBytes - structures.native.reservation.bytes) / 8);
}

/** Whatever stops it, the call answers how many extents are done, those before `start` too. */
export function extentsInMemory(call: InMemory, operation: number, start: number): Reply {
  const { args, base, step } = call;
  const { host, domain, layout } = args;
  const { reservation: at, frame } = structures[layout];
  if (!args.read(base, 0, at.bytes)) return ended(start);
  const count = args.number(at.count);
  if (count > abi.EXTENTS_MAXIMUM || start >= count) return ended(start);
  const flags = args.number(at.flags);
  const list = args.address(at.extents);
  const asked = {
    caller: domain.id,
    vcpu: step.vcpu,
    target: DomainId(args.number(at.domain)),
    order: args.number(at.order),
    onDemand: (flags & abi.XENMEMF_populate_on_demand) !== 0,
  };
  const isAllowed = isPossible(flags) && reservationTarget(host, domain, asked) !== undefined;
  // Of a 32-bit guest the list is translated before anything is asked.
  if (!isAllowed && layout === 'native') return ended(start);
  const hasMemory = bitsOf(flags) === 0 || bitsOf(flags) > abi.ADDRESS_BITS_WITHOUT_MEMORY;
  const together = layout === 'native' ? 1 : togetherOn(host.machine);
  const gfns: Gfn[] = [];
  for (let done = start; done < count; done += 1) {
    const from = (done - start) % together;
    if (done > start) host.stop('physmap/extent');
    if (call.invocation.stopsAt(done - start)) return ended(done);
    if (operation === abi.XENMEM_increase_reservation) {
      if (!isAllowed || !hasMemory) return ended(done);
      const reply = increase(
        host,
        domain,
        { op: 'increase_reservation', ...asked, count: 1 },
        unstopped,
      );
      if (isRefused(reply)) return ended(done);
      continue;
    }
    if (from === 0) {
      gfns.length = 0;
      for (let row = done; row < Math.min(count, done + together); row += 1) {
        if (!args.read(list, row * frame.bytes, frame.bytes)) break;
        gfns.push(Gfn(args.number(frame.number)));
      }
    }
    const gfn = gfns[from];
    if (gfn === undefined || !isAllowed) return ended(done);
    const isFresh = operation === abi.XENMEM_populate_physmap && !asked.onDemand;
    if (isFresh && !hasMemory) return ended(done);
    const extents = [gfn];
    const reply =
      operation === abi.XENMEM_populate_physmap
        ? populate(host, domain, { op: 'populate_physmap', ...asked, extents }, unstopped)
        : decrease(host, domain, { op: 'decrease_reservation', ...asked, extents }, unstopped);
    if (isRefused(reply)) return ended(done);
  }
  return ended(count);
}

const bitsOf = (flags: number): number => flags & abi.XENMEMF_address_bits;

/** What memory it is to be: any with page frames, and of no particular node. */
function isPossible(flags: number): boolean {
  if (bitsOf(flags) > 0 && bitsOf(flags) <= abi.ADDRESS_BITS_OF_A_PAGE) return false;
  if ((flags & abi.XENMEMF_vnode) !== 0 || (flags & abi.XENMEMF_node) === 0) return true;
  return (flags & abi.XENMEMF_exact_node_request) === 0;
}

function isRefused(reply: Reply): boolean {
  return reply.is !== 'rc' || reply.rc === 0;
}

function ended(done: number): Reply {
  return { is: 'hypercall', rc: done, outcome: { is: 'rc', rc: done } };
}
