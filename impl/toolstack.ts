import { CONTROL } from '../abi/ids.js';
import type { DomainId, Gfn } from '../abi/ids.js';
import type { InspectReply, Reply } from '../abi/reply.js';
import type { ByToolstack, InspectGfn, MemoryTypeAt, Toolstack } from '../abi/step.js';
import { createDomain } from './create-domain.js';
import type { Domain } from './domain.js';
import { getOwnFrame } from './granted-frame.js';
import { isTranslated, type Host } from './host.js';
import { isLogged, logDirty } from './log-dirty.js';
import { putPage } from './pages.js';
import { DONE, rcReply } from './replies.js';
import { NOTHING, permitsStore } from './tables/p2m-entry.js';

/** What the control domain does to guests from outside. */
export function toolstack(host: Host, step: Exclude<Toolstack, ByToolstack>): Reply {
  switch (step.op) {
    case 'create':
      return rcReply(createDomain(host, step));
    case 'domain_info':
      return domainInfo(host, step.domain);
    case 'set_memory_limit':
      return setMemoryLimit(host, step.domain, step.pages);
    case 'inspect_gfn':
      return inspectGfn(host, step);
    case 'memory_type':
      return memoryTypeAt(host, step);
    case 'log_dirty':
      return logDirty(host, step);
    case 'pause':
      return pause(host, step.domain);
    case 'unpause':
      return unpause(host, step.domain);
    case 'fail_next':
      host.failing.arm(step.what, step.after);
      return DONE;
  }
}

/** A domain that is dying still answers. */
function domainInfo(host: Host, id: DomainId): Reply {
  const domain = host.domains.byId(id);
  if (domain === undefined) return rcReply('-ESRCH');

  // Nothing below this line can fail.
  return {
    is: 'domain_info',
    dying: domain.isDying,
    shutdown: domain.isCrashed,
    pages: domain.pages,
    maximumPages: domain.maximumPages,
    outstanding: domain.outstanding,
  };
}

/** Limits are numbers of 32 bits. */
const PAGES_MAXIMUM = 0xffff_ffff;

/** The limit holds for pages to come; what the domain has already it keeps. */
function setMemoryLimit(host: Host, id: DomainId, pages: number): Reply {
  const domain = host.domains.byId(id);
  if (domain === undefined) return rcReply('-ESRCH');

  // Nothing below this line can fail.
  if (pages < domain.pages) domain.wasOverLimit = true;
  domain.maximumPages = Math.min(pages, PAGES_MAXIMUM);
  return rcReply(0);
}

/** Pauses nest, up to a limit. */
function pause(host: Host, id: DomainId): Reply {
  const domain = host.domains.byId(id);
  if (id === CONTROL || domain === undefined) return rcReply('-ESRCH');
  if (domain.pauses >= host.machine.pauseLimit) return rcReply('-EOVERFLOW');

  // Nothing below this line can fail.
  domain.pauses += 1;
  return rcReply(0);
}

function unpause(host: Host, id: DomainId): Reply {
  const domain = host.domains.byId(id);
  if (id === CONTROL || domain === undefined) return rcReply('-ESRCH');
  if (domain.pauses === 0) return rcReply('-EINVAL');

  // Nothing below this line can fail.
  domain.pauses -= 1;
  return rcReply(0);
}

/** The memory type of a gfn; frame and first bytes where the page is the domain's own. */
function inspectGfn(host: Host, step: InspectGfn): Reply {
  const domain = host.domains.byId(step.domain);
  if (domain === undefined) return rcReply('-ESRCH');

  // Nothing below this line can fail.
  const mfn = getOwnFrame(host, domain, step.gfn);
  const memoryType = typeAt(host, domain, step.gfn);
  if (mfn === undefined) return { is: 'inspected', memoryType };
  const first = { low: host.ram.load32(mfn, 0), high: host.ram.load32(mfn, 4) };
  putPage(host, mfn);
  return { is: 'inspected', memoryType, frame: mfn, first };
}

/** The same without the page, and without any effect. */
function memoryTypeAt(host: Host, step: MemoryTypeAt): Reply {
  const domain = host.domains.byId(step.domain);
  if (domain === undefined) return rcReply('-ESRCH');
  if (!isTranslated(domain)) return rcReply('-EINVAL');

  // Nothing below this line can fail.
  return { is: 'inspected', memoryType: typeAt(host, domain, step.gfn) };
}

/**
 * What a device model is told of a gfn: one that is populated on demand counts as RAM, and RAM whose next
 * write is to be logged as readonly.
 */
function typeAt(host: Host, domain: Domain, gfn: Gfn): InspectReply['memoryType'] {
  const { p2m, isDying } = domain;
  const found = p2m.lookup(gfn);
  if (found === NOTHING) return !isDying && p2m.isGap(gfn) ? 'ram_rw' : 'mmio_dm';
  const isCaught = host.machine.paging === 'hap' && !isLogged(host, domain, found);
  return permitsStore(found) && !isCaught ? 'ram_rw' : 'ram_ro';
}
