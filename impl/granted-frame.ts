import { Mfn } from '../abi/ids.js';
import type { Gfn } from '../abi/ids.js';
import type { Domain } from './domain.js';
import { isTranslated } from './host.js';
import type { Host } from './host.js';
import { demand } from './on-demand.js';
import { getPage } from './pages.js';
import { NOTHING, mfnOf } from './tables/p2m-entry.js';

/**
 * The frame at a gfn, with a reference, if it is a page of the domain itself: RAM, one of Xen's
 * pages shared with it, or a grant mapping of its own page (grants.md 4.4). Anything else is none.
 */
export function getOwnFrame(host: Host, domain: Domain, gfn: Gfn): Mfn | undefined {
  if (!isTranslated(domain)) return getControlFrame(host, domain, gfn);
  demand(host, domain, gfn);
  const found = domain.p2m.lookup(gfn);
  if (found === NOTHING) return undefined;
  const mfn = mfnOf(found);
  if (!getPage(host, mfn, domain)) return undefined;
  return mfn;
}

/** The gfns of the control domain are machine frames. */
function getControlFrame(host: Host, control: Domain, gfn: Gfn): Mfn | undefined {
  if (gfn >= host.ram.frameCount) return undefined;
  const mfn = Mfn(gfn);
  return getPage(host, mfn, control) ? mfn : undefined;
}
