import type { DomainId } from '../abi/ids.js';
import { drop, get } from '../values/keyed.js';
import { believedGfn, isGrant, theDomain, withDomain } from './derived.js';
import { isWithout } from './on-demand.js';
import { emptied } from './pages.js';
import type { PageId, State } from './state.js';

/** What came of taking a page from its gfn; `next` is what is left either way. */
export interface Withdrawal {
  readonly failure: 'mistaken' | 'no_entry' | undefined;
  readonly next: State;
}

/**
 * [P11] [G8] A page leaves the gfn at which it is believed to be. That it is not there is noticed where
 * the gfn has nothing, or RAM: a grant mapping is taken instead of it, and the mapping has no gfn any
 * more; so is a gfn that is populated on demand, and that goes on being counted (p2m.md 2.5).
 */
export function withdrawn(state: State, id: DomainId, page: PageId): Withdrawal {
  const domain = theDomain(state, id);
  const gfn = believedGfn(domain, page);
  if (gfn === undefined) return { failure: undefined, next: state };
  const found = get(domain.p2m, gfn);
  const isGap = isWithout(domain, gfn);
  const isMistaken = found === undefined ? !isGap : !isGrant(found) && found.page !== page;
  if (isMistaken) return { failure: 'mistaken', next: state };
  const { isDone, next } = emptied(state, id, gfn);
  if (!isDone) return { failure: 'no_entry', next };
  if (!isGap) return { failure: undefined, next };

  // Nothing below this line can fail.
  const now = theDomain(next, id);
  const believedGfns = drop(now.believedGfns, page);
  const onDemand = drop(now.onDemand, gfn);
  const miscounted = now.miscounted + 1;
  const left = { ...now, believedGfns, onDemand, miscounted };
  return { failure: undefined, next: withDomain(next, left) };
}
