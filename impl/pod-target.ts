import { CONTROL } from '../abi/ids.js';
import type { Errno } from '../abi/status.js';
import type { Reply } from '../abi/reply.js';
import type { PodTarget } from '../abi/step.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import type { Invocation } from './invocation.js';
import { keepAsMany } from './kept-pages.js';

/**
 * XENMEM_set_pod_target and XENMEM_get_pod_target (p2m.md 2.7): how many pages a domain is to have, those
 * counted that are kept for its gfns without a page.
 */
export function podTarget(
  host: Host,
  { domain: id, target }: PodTarget,
  invocation: Invocation,
): Reply {
  const domain = host.domains.byId(id);
  if (domain === undefined) return refused('-ESRCH');
  if (id === CONTROL) return refused('-EINVAL');
  if (target !== undefined && target > domain.maximumPages) return refused('-EINVAL');
  const wanted = target === undefined ? undefined : wantedFor(domain, target);
  if (wanted !== undefined && !keepAsMany(host, domain, wanted, invocation))
    return refused('-ENOMEM');

  // Nothing below this line can fail.
  const { gaps, kept } = domain.demands;
  return { is: 'pod', rc: 0, pages: domain.pages, kept: kept.length, gfns: gaps };
}

function refused(rc: Errno): Reply {
  return { is: 'pod', rc, pages: 0, kept: 0, gfns: 0 };
}

/** How many frames are to be kept for a target; undefined where nothing is to be done. */
function wantedFor(domain: Domain, target: number): number | undefined {
  const { gaps, kept } = domain.demands;
  const populated = domain.pages - kept.length;
  if (populated > 0 && gaps === 0) return undefined;
  // What a domain has beyond its target its balloon driver gives back.
  if (domain.isDying || target < domain.pages) return undefined;
  return populated > 0 ? Math.min(target - populated, gaps) : target - populated;
}
