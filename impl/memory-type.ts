import { CONTROL, Gfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import { HVMMEM_ioreq_server, HVMMEM_mmio_dm, HVMMEM_ram_ro } from '../abi/step.js';
import type { SetMemoryType } from '../abi/step.js';
import type { Errno } from '../abi/status.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import type { Invocation } from './invocation.js';
import { demand } from './on-demand.js';
import { hide, retype } from './physmap.js';
import { rcReply } from './replies.js';
import { NOTHING, RAM_RO, RAM_RW, isGrant } from './tables/p2m-entry.js';

/**
 * XEN_DMOP_set_mem_type (p2m.md 2.2): a device model makes RAM readonly, writable again, or memory of
 * its own. Gfn by gfn; the first that cannot be changed ends it, and after each so many it may have to stop.
 */
export function setMemoryType(host: Host, step: SetMemoryType, invocation: Invocation): Reply {
  const domain = host.domains.byId(step.domain);
  if (domain === undefined) return rcReply('-ESRCH');
  if (domain.id === CONTROL) return rcReply('-EPERM');
  const refused = refusal(host, domain, step);
  if (refused !== undefined) return rcReply(refused);

  const { start } = invocation;
  for (let page = start; page < step.count; page += 1) {
    if (page > 0) host.stop('memory_type/gfn');
    const isBatch = page > start && (page - start) % host.machine.typeBatch === 0;
    if (isBatch && invocation.stopsAt(page)) return rcReply(page);
    const result = changeOne(host, domain, Gfn(step.gfn + page), step.type);
    if (result !== 0) return rcReply(result);
  }
  return rcReply(0);
}

/** What is asked before any gfn is looked at. */
function refusal(host: Host, domain: Domain, step: SetMemoryType): Errno | undefined {
  const last = step.gfn + step.count - 1;
  if (step.count === 0 || last > domain.p2m.highestGfn()) return '-EINVAL';
  if (step.type === HVMMEM_ioreq_server && host.machine.paging === 'shadow') return '-EOPNOTSUPP';
  // Nobody serves the writes of the last type.
  return step.type > HVMMEM_mmio_dm ? '-EINVAL' : undefined;
}

/** A hole can only be what it is; even that takes the tables of an entry. */
function changeOne(host: Host, domain: Domain, gfn: Gfn, type: number): 0 | Errno {
  demand(host, domain, gfn);
  const found = domain.p2m.lookup(gfn);
  const isHole = found === NOTHING;
  if (isGrant(found) || (isHole && type !== HVMMEM_mmio_dm)) return '-EINVAL';
  if (domain.p2m.isGap(gfn)) return '-EBUSY';
  if (isHole) return domain.p2m.setNothing(gfn) === 'set' ? 0 : '-ENOMEM';
  const isDone =
    type === HVMMEM_mmio_dm
      ? hide(host, domain, gfn)
      : retype(host, domain, gfn, type === HVMMEM_ram_ro ? RAM_RO : RAM_RW);
  return isDone ? 0 : '-ENOMEM';
}
