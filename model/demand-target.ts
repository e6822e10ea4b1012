import { CONTROL, type DomainId, type Gfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId } from '../abi/rules.js';
import type { Errno } from '../abi/status.js';
import type { PodTarget } from '../abi/step.js';
import { get, put } from '../values/keyed.js';
import { domainOf, ownedPages, theDomain, withDomain } from './derived.js';
import { gapsOf, withKept } from './on-demand.js';
import { accept, crash, refuse, spoil, type Result } from './outcome.js';
import { crashDomain, freshPage, changing } from './pages.js';
import { shortage } from './shortage.js';
import type { State } from './state.js';

/** How the control domain has gfns populated on demand (p2m.md 2.7). */

/**
 * [P16] pod_target: what a domain has, and how many pages it should have. Those that it lacks are kept
 * for its gfns without a page, as long as there are such gfns; what it has already it keeps. A domain
 * without such gfns, or with as many pages, is let be. `most` pages are done at a time ([B2]).
 */
export function podTarget(state: State, call: PodTarget, most = Infinity): Result {
  const { domain: id, target } = call;
  const no = (rc: Errno): Reply => ({ is: 'pod', rc, pages: 0, kept: 0, gfns: 0 });
  const domain = domainOf(state, id);
  if (domain === undefined) return refuse(no('-ESRCH'), 'P16.1');
  if (id === CONTROL) return refuse(no('-EINVAL'), 'P16.2');
  if (target !== undefined && target > domain.maximumPages) return refuse(no('-EINVAL'), 'P16.3');

  const missing = missingPages(state, call);
  let next = withKept(state, id, domain.kept.length + Math.max(missing, -most));
  for (let done = 0; done < Math.min(missing, most); done++) {
    const { why, left } = shortage(next, id, 1);
    if (why !== undefined) return spoil(no('-ENOMEM'), 'P16.4', left);
    const fresh = freshPage(left, id, 'ram');
    const now = theDomain(fresh.next, id);
    next = withDomain(fresh.next, { ...now, kept: [...now.kept, fresh.page] });
  }
  const { kept } = theDomain(next, id);
  const pages = ownedPages(next, id);
  const gfns = gapsOf(domain);
  return accept({ is: 'pod', rc: 0, pages, kept: kept.length, gfns }, 'P16', next);
}

/** [P16] How many pages more are to be kept than there are; below zero, how many less. */
export function missingPages(state: State, { domain: id, target }: PodTarget): number {
  const domain = id === CONTROL ? undefined : domainOf(state, id);
  if (domain === undefined) return 0;
  const { dying, kept } = domain;
  const gaps = gapsOf(domain);
  const has = ownedPages(state, id);
  const populated = has - kept.length;
  const isIdle = target === undefined || dying || target < has;
  if (isIdle || (populated > 0 && gaps === 0)) return 0;
  const wanted = target - populated;
  return (populated > 0 ? Math.min(wanted, gaps) : wanted) - kept.length;
}

/** [P15] The domain that asked for a page is crashed: none is left. */
export const outOfPages = (next: State): Result => crash('P15.1', next);

/** Why gfns cannot be left to be populated on demand, if they cannot; and what is left. */
export interface Marked {
  readonly rule: RefusalId | undefined;
  readonly next: State;
}

/**
 * [P6] [P15] Gfns in a row are left to be populated on demand: from now on they count, and have no page.
 * That is done piece by piece, and not in a piece where something is already. Gfns before the first
 * that could not be left stay so; where there is no table for one of several, the domain is crashed.
 */
export function marked(state: State, id: DomainId, gfns: readonly Gfn[]): Marked {
  const { p2m } = theDomain(state, id);
  const occupied = gfns.findIndex((gfn) => get(p2m, gfn) !== undefined);
  const free = occupied < 0 ? gfns : gfns.slice(0, pieceOf(gfns, occupied));
  let next = state;
  for (const gfn of free) {
    if (gfn >= state.machine.gfnLimit) return { rule: 'P6.13', next };
    const tried = changing(next, id, gfn);
    next = tried.next;
    if (!tried.isDone)
      return { rule: 'P6.14', next: gfns.length > 1 ? crashDomain(next, id) : next };
    next = withGap(next, id, gfn);
  }
  return { rule: occupied < 0 ? undefined : 'P6.12', next };
}

/** Where the piece begins that a gfn is in: pieces are as large as their place and the rest allow. */
function pieceOf(gfns: readonly Gfn[], index: number): number {
  let [start, end] = [0, 0];
  while (end <= index) {
    start = end;
    const gfn = gfns[start] ?? 0;
    let size = 1;
    while (gfn % (2 * size) === 0 && (gfns.length - start) % (2 * size) === 0) size *= 2;
    end = start + size;
  }
  return start;
}

function withGap(state: State, id: DomainId, gfn: Gfn): State {
  const domain = theDomain(state, id);
  const maximumGfn = gfn > domain.maximumGfn ? gfn : domain.maximumGfn;
  return withDomain(state, { ...domain, maximumGfn, onDemand: put(domain.onDemand, gfn, true) });
}
