import type { DomainId } from '../abi/ids.js';
import { claimedPages, freeFrames, outstanding, ownedPages, theDomain } from './derived.js';
import { attempt } from './failing.js';
import type { State } from './state.js';

/** Why a domain cannot have so many more pages, if it cannot, and what is left of the asking. */
interface Shortage {
  readonly why: 'dying' | 'limit' | 'machine' | undefined;
  readonly left: State;
}

export function shortage(state: State, id: DomainId, pages: number): Shortage {
  const { dying, maximumPages } = theDomain(state, id);
  if (dying) return { why: 'dying', left: state };
  if (ownedPages(state, id) + pages > maximumPages) return { why: 'limit', left: state };
  const { isDone, next: left } = attempt(state, 'page');
  const free = freeFrames(state);
  // [P17] What is claimed is for those alone for whom so much is claimed.
  const isOpen =
    claimedPages(state) + pages <= free || outstanding(state, theDomain(state, id)) >= pages;
  const isThere = isDone && pages <= free && isOpen;
  return { why: isThere ? undefined : 'machine', left };
}
