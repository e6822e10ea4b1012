import { DomainId, Gfn } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import { structures } from '../../abi/layouts.js';
import type { Machine } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import { unstopped } from '../invocation.js';
import { decrease } from './decrease.js';
import type { InMemory } from './in-memory-call.js';
import { increase, populate } from './populate.js';

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
  const bits = args.number(at.flags) & abi.XENMEMF_address_bits;
  if (bits > 0 && bits <= abi.ADDRESS_BITS_OF_A_PAGE) return ended(start);

  const list = args.address(at.extents);
  const asked = {
    caller: domain.id,
    vcpu: step.vcpu,
    target: DomainId(args.number(at.domain)),
    order: args.number(at.order),
  };
  const together = layout === 'native' ? 1 : togetherOn(host.machine);
  const gfns: Gfn[] = [];
  for (let done = start; done < count; done += 1) {
    const from = (done - start) % together;
    if (done > start) host.stop('physmap/extent');
    if (call.invocation.stopsAt(done - start)) return ended(done);
    if (operation === abi.XENMEM_increase_reservation) {
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
    if (gfn === undefined) return ended(done);
    const extents = [gfn];
    const reply =
      operation === abi.XENMEM_populate_physmap
        ? populate(host, domain, { op: 'populate_physmap', ...asked, extents }, unstopped)
        : decrease(host, domain, { op: 'decrease_reservation', ...asked, extents }, unstopped);
    if (isRefused(reply)) return ended(done);
  }
  return ended(count);
}

function isRefused(reply: Reply): boolean {
  return reply.is !== 'rc' || reply.rc === 0;
}

function ended(done: number): Reply {
  return { is: 'hypercall', rc: done, outcome: { is: 'rc', rc: done } };
}
