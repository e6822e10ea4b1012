import { INVALID_GFN } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { removePage } from './physmap.js';
import { NOTHING, isRam, mfnOf } from './tables/p2m-entry.js';

/**
 * A frame leaves the gfn that its M2P names (p2m.md 2.5, `p2m_remove_entry`). `-EILSEQ`: there is RAM of
 * another frame there, or nothing. A grant mapping or a gap goes in its place, and the gap stays in the
 * count. `-ENOMEM`: what is there cannot go.
 */
export function withdraw(host: Host, domain: Domain, mfn: Mfn): 0 | '-EILSEQ' | '-ENOMEM' {
  const gfn = host.frames.gfnOf(mfn);
  if (gfn === INVALID_GFN) return 0;
  if (domain.p2m.isGap(gfn)) {
    if (domain.p2m.clear(gfn) !== 'cleared') return '-ENOMEM';
    host.frames.setGfn(mfn, INVALID_GFN);
    domain.demands.miscounted += 1;
    return 0;
  }
  const found = domain.p2m.lookup(gfn);
  if (found === NOTHING || (isRam(found) && mfnOf(found) !== mfn)) return '-EILSEQ';
  return removePage(host, domain, gfn) ? 0 : '-ENOMEM';
}
