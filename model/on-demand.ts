import { Gfn, type DomainId } from '../abi/ids.js';
import { isSameContent, zeros } from '../values/content.js';
import { count, drop, entries, get, has, put } from '../values/keyed.js';
import { isGrant, isHeld, pageOf, the, theDomain, withContent, withDomain } from './derived.js';
import { changing, crashDomain, giveUp, withoutEntry } from './pages.js';
import type { Domain, PageId, State } from './state.js';

/** Gfns whose pages come when they are first asked for (p2m.md 2.7), and the pages kept for them. */

/** The gfns of a domain that have no page yet, and stay without one from when it is dying on. */
export const isWithout = ({ tornDown, onDemand }: Domain, gfn: number): boolean =>
  !tornDown && has(onDemand, gfn);

/** Those that get a page when they are asked for. */
export const isOnDemand = (domain: Domain, gfn: number): boolean =>
  !domain.dying && isWithout(domain, gfn);

/** [P15] Those that it counts; it is wrong by those that a page was believed to be at ([P11]). */
export const gapsOf = ({ onDemand, miscounted }: Domain): number =>
  count(onDemand, () => true) + miscounted;

/**
 * [P15] A gfn that is populated on demand gets the page that was kept longest, whoever asks: the guest
 * by an access or a walk, somebody who takes a grant of it into use, a call that looks at it. Where
 * no page is kept, and none is found that can be taken back, the domain is crashed. `inUse` are pages
 * that the call itself has in hand.
 */
export function demanded(
  state: State,
  id: DomainId,
  gfn: number,
  inUse: readonly PageId[] = [],
): State {
  if (!isOnDemand(theDomain(state, id), gfn)) return state;
  const supplied = replenished(state, id, inUse);
  const [page, ...kept] = theDomain(supplied, id).kept;
  if (page === undefined) return crashDomain(supplied, id);
  const { isDone, next } = changing(supplied, id, gfn);
  const domain = theDomain(next, id);
  if (!isDone) return withDomain(next, { ...domain, kept: [...kept, page] });

  // Nothing below this line can fail.
  return withDomain(next, {
    ...domain,
    p2m: put(domain.p2m, gfn, { type: 'ram_rw', page }),
    onDemand: drop(domain.onDemand, gfn),
    kept,
    demands: [...domain.demands.slice(1), Gfn(gfn)],
    highestDemand: Gfn(Math.max(domain.highestDemand, gfn)),
  });
}

/** [P15] What is asked for is there afterwards, or the domain is crashed by it. */
export const allDemanded = (state: State, id: DomainId, gfns: readonly number[]): State =>
  gfns.reduce((now, gfn) => (theDomain(now, id).crashed ? now : demanded(now, id, gfn)), state);

/**
 * [P15] Pages are taken back where fewer are kept than there are gfns without one. The oldest demand
 * that is remembered is forgotten, and its page taken back if it can be; the same with the next as long
 * as none is kept. If that is of no avail, the gfns below the highest demand are gone through.
 */
function replenished(state: State, id: DomainId, inUse: readonly PageId[]): State {
  let next = state;
  const isEmpty = (): boolean => theDomain(next, id).kept.length === 0;
  const { kept, demands } = theDomain(state, id);
  if (gapsOf(theDomain(state, id)) > kept.length) {
    const left = [...demands];
    for (const [i, gfn] of demands.entries()) {
      left[i] = undefined;
      if (gfn !== undefined) next = takenBack(next, id, gfn, inUse);
      if (!isEmpty()) break;
    }
    next = withDomain(next, { ...theDomain(next, id), demands: left });
  }
  return isEmpty() ? swept(next, id, inUse) : next;
}

/**
 * [P15] A search for pages to take back. Where it began, and whether it was cut short, is known only from
 * what it took: of all that it may come to one is chosen, with each place where the next one may begin.
 */
function swept(state: State, id: DomainId, inUse: readonly PageId[]): State {
  const ways = theDomain(state, id).sweptTo.flatMap((to) =>
    [false, true].map((isHurried) => searched(state, id, inUse, to, isHurried)),
  );
  const isSame = (one: State, other: State): boolean =>
    one.failing.entry === other.failing.entry &&
    String(theDomain(one, id).kept) === String(theDomain(other, id).kept);
  const different = ways.filter((way, i) => ways.findIndex((each) => isSame(each, way)) === i);
  const chosen = the(different[Math.min(state.search, different.length - 1)]);
  const all = ways.filter((way) => isSame(way, chosen));
  const sweptTo = [...new Set(all.flatMap((way) => theDomain(way, id).sweptTo))];
  return withDomain(chosen, { ...theDomain(chosen, id), sweptTo });
}

/**
 * [P15] The RAM of a stretch of gfns, downwards from where the last one ended, or from the highest demand;
 * a number of gfns is looked at together. Where nothing is found the search goes on below the stretch,
 * unless the hypervisor has something else to do, which the spec cannot know.
 */
function searched(
  state: State,
  id: DomainId,
  inUse: readonly PageId[],
  sweptTo: Gfn,
  isHurried: boolean,
): State {
  const { p2m, highestDemand } = theDomain(state, id);
  const start = sweptTo === 0 ? highestDemand : sweptTo;
  const limit = start - state.machine.sweepLength;
  const ram = entries(p2m).filter(([gfn, entry]) => gfn > 0 && gfn <= start && !isGrant(entry));
  let next = state;
  const isOver = (): boolean => isHurried || theDomain(next, id).kept.length > 0;
  let together: readonly number[] = [];
  const look = (): void => {
    for (const gfn of together) next = takenBack(next, id, gfn, inUse);
    together = [];
  };
  let end = 0;
  for (const [gfn] of ram.toReversed()) {
    if (gfn < limit - 1 && isOver()) break;
    together = [...together, gfn];
    if (together.length === state.machine.sweepStride) look();
    if (gfn >= limit || !isOver()) continue;
    end = gfn;
    break;
  }
  if (end === 0 && isOver()) end = limit - 1;
  look();
  return withDomain(next, { ...theDomain(next, id), sweptTo: [Gfn(Math.max(0, end - 1))] });
}

/** [P15] A page of zeros that nobody holds leaves its gfn, which is populated on demand again. */
function takenBack(state: State, id: DomainId, gfn: number, inUse: readonly PageId[]): State {
  const domain = theDomain(state, id);
  const entry = get(domain.p2m, gfn);
  if (entry === undefined || !isOrdinary(state, domain, gfn)) return state;
  if (isHeld(state, entry.page) || inUse.includes(entry.page)) return state;
  if (!isSameContent(pageOf(state, entry.page).content, zeros)) return state;
  const { isDone, next } = changing(state, id, gfn);
  if (!isDone) return next;

  // Nothing below this line can fail.
  const now = theDomain(next, id);
  const onDemand = put(now.onDemand, gfn, true);
  return withDomain(next, { ...withoutEntry(now, gfn), onDemand, kept: [...now.kept, entry.page] });
}

/** RAM of the domain's at a gfn: no grant mapping, and no page of the hypervisor's. */
const isOrdinary = (state: State, { p2m }: Domain, gfn: number): boolean => {
  const entry = get(p2m, gfn);
  return entry !== undefined && !isGrant(entry) && pageOf(state, entry.page).use === 'ram';
};

/** What came of giving gfns back: how many were dealt with here, and what is left. */
export interface Handled {
  readonly count: number;
  readonly next: State;
}

/**
 * [P8] [P15] What a domain gives up of gfns that are populated on demand costs nothing; and while fewer
 * pages are kept than there are such gfns, RAM that it gives up is kept instead, whoever holds it,
 * and is zero from then on. Nothing is kept that there is no gfn for.
 */
export function handled(state: State, id: DomainId, first: number, size: number): Handled {
  const domain = theDomain(state, id);
  if (domain.dying || gapsOf(domain) === 0) return { count: 0, next: state };
  const gfns = Array.from({ length: size }, (_, i) => first + i);
  let gaps = gfns.filter((gfn) => isOnDemand(domain, gfn)).length;
  let isWanting = gapsOf(domain) > domain.kept.length;
  if (gaps === 0 && !isWanting) return { count: 0, next: state };

  let [done, next] = [0, state];
  for (const gfn of gfns) {
    const now = theDomain(next, id);
    const isGap = isOnDemand(now, gfn);
    if (gaps === 0 && !isWanting) break;
    if (!isGap && !(isWanting && isOrdinary(next, now, gfn))) continue;
    const tried = changing(next, id, gfn);
    next = tried.next;
    // Of several it cannot be told which are changed.
    if (!tried.isDone) return { count: done, next: size > 1 ? crashDomain(next, id) : next };
    next = isGap ? withoutGap(next, id, gfn) : keeping(next, id, gfn);
    if (isGap) gaps--;
    else isWanting = gapsOf(theDomain(next, id)) > theDomain(next, id).kept.length;
    done++;
  }
  return { count: done, next: withKept(next, id, gapsOf(theDomain(next, id))) };
}

function withoutGap(state: State, id: DomainId, gfn: number): State {
  const domain = theDomain(state, id);
  return withDomain(state, { ...domain, onDemand: drop(domain.onDemand, gfn) });
}

function keeping(state: State, id: DomainId, gfn: number): State {
  const domain = theDomain(state, id);
  const page = get(domain.p2m, gfn)?.page;
  if (page === undefined) return state;
  const kept: readonly PageId[] = [...domain.kept, page];
  return withContent(withDomain(state, { ...withoutEntry(domain, gfn), kept }), page, zeros);
}

/** [P4] No more pages are kept than so many: the oldest are given up. */
export function withKept(state: State, id: DomainId, most: number): State {
  const domain = theDomain(state, id);
  const surplus = domain.kept.slice(0, Math.max(0, domain.kept.length - most));
  const kept = domain.kept.slice(surplus.length);
  let next = surplus.length === 0 ? state : withDomain(state, { ...domain, kept });
  for (const page of surplus) next = giveUp(next, page);
  return next;
}
