import { CONTROL, INVALID_GFN, type DomainId, type Gfn } from '../abi/ids.js';
import type { RefusalId } from '../abi/rules.js';
import type { Errno } from '../abi/status.js';
import type { Decrease, Exchange, Increase, Populate, Reservation } from '../abi/step.js';
import { domainOrSelf, mayManage, ownedPages, ownPageAt } from './derived.js';
import { marked } from './demand-target.js';
import { demanded, handled } from './on-demand.js';
import { shortage } from './shortage.js';
import { pageOf, the, theDomain, withDomain } from './derived.js';
import { get, put } from '../values/keyed.js';
import { accept, crash, rc, refuse, spoil, type Result } from './outcome.js';
import { crashDomain, emptied, freshPage, giveUp, isGrantMapping } from './pages.js';
import { addPages, gfnAfter } from './superpages.js';
import type { Domain, State } from './state.js';

/**
 * What a domain owns (p2m.md 2.9). These calls never answer an error: they answer the number of
 * extents that were done before the first that could not be.
 */

/** The largest order of an extent that a caller may ask for. */
const largestOrder = ({ machine }: State, caller: DomainId): number =>
  caller === CONTROL ? machine.controlOrder : machine.guestOrder;

/** The call ends at an extent that cannot be done; those before it stay done. */
const stop = (done: number, rule: RefusalId, before: State, now: State): Result =>
  now === before ? refuse(rc(done), rule) : spoil(rc(done), rule, now);

/**
 * [P6] populate_physmap: fresh pages at the gfns from each extent on.
 *
 * Where a page cannot be put at its gfn the pages just allocated stay with the domain, without a
 * gfn. A grant mapping in the way is the end of the domain, before any page of its extent is placed.
 * The control domain may leave gfns to be populated on demand instead ([P15]).
 */
export function populate(state: State, caller: DomainId, call: Populate): Result {
  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(rc(0), 'P6.2');
  if (!mayManage(caller, target)) return refuse(rc(0), 'P6.3');
  if (call.order > largestOrder(state, caller)) return refuse(rc(0), 'P6.1');

  const { id } = target;
  const size = 2 ** call.order;
  let next = state;
  for (const [done, extent] of call.extents.entries()) {
    if (call.onDemand === true) {
      if (id === caller) return refuse(rc(0), 'P6.11');
      const gfns = Array.from({ length: size }, (_, i) => gfnAfter(extent, i));
      const left = marked(next, id, gfns);
      next = left.next;
      if (left.rule !== undefined) return stop(done, left.rule, state, next);
      continue;
    }
    const { why, left } = shortage(next, id, size);
    next = left;
    if (why === 'dying') return stop(done, 'P6.4', state, next);
    if (why === 'limit') return stop(done, 'P6.5', state, next);
    if (why === 'machine') return stop(done, 'P6.6', state, next);

    const gfns = Array.from({ length: size }, (_, i) => gfnAfter(extent, i));
    const pages = gfns.map(() => {
      const fresh = freshPage(next, id, 'ram');
      next = fresh.next;
      return fresh.page;
    });
    const inTheWay = gfns.findIndex((gfn) => isGrantMapping(theDomain(next, id), gfn));
    if (inTheWay >= 0) {
      next = crashDomain(withoutBelief(next, id, gfns.slice(0, inTheWay)), id);
      return id === caller ? crash('P6.7', next) : spoil(rc(done), 'P6.8', next);
    }
    const { failures, next: placed } = addPages(next, id, extent, pages);
    next = placed;
    if (failures.includes('out_of_range')) return spoil(rc(done), 'P6.9', next);
    if (failures.includes('no_table')) return spoil(rc(done), 'P6.10', next);
  }
  return accept(rc(call.extents.length), 'P6', next);
}

/** [P6] Where RAM is that would be replaced is forgotten before anything is. */
function withoutBelief(state: State, id: DomainId, gfns: readonly Gfn[]): State {
  const domain = theDomain(state, id);
  let { believedGfns } = domain;
  for (const gfn of gfns) {
    const page = get(domain.p2m, gfn)?.page;
    const isOfDomain = page !== undefined && pageOf(state, page).use === 'ram';
    if (isOfDomain) believedGfns = put(believedGfns, page, INVALID_GFN);
  }
  return withDomain(state, { ...domain, believedGfns });
}

/** [P7] increase_reservation: fresh pages that have no gfn, and nothing that could give them one. */
export function increase(state: State, caller: DomainId, call: Increase): Result {
  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(rc(0), 'P7.2');
  if (!mayManage(caller, target)) return refuse(rc(0), 'P7.3');
  if (call.order > largestOrder(state, caller)) return refuse(rc(0), 'P7.1');

  const size = 2 ** call.order;
  let next = state;
  for (let done = 0; done < call.count; done++) {
    const { why, left } = shortage(next, target.id, size);
    next = left;
    if (why === 'dying') return stop(done, 'P7.4', state, next);
    if (why === 'limit') return stop(done, 'P7.5', state, next);
    if (why === 'machine') return stop(done, 'P7.6', state, next);
    for (let i = 0; i < size; i++) next = freshPage(next, target.id, 'ram').next;
  }
  return accept(rc(call.count), 'P7', next);
}

/**
 * [P8] decrease_reservation: the pages at the gfns from each extent on leave the p2m and are given
 * up. Pages of an extent that cannot be finished stay gone, though the extent does not count.
 */
export function decrease(state: State, caller: DomainId, call: Decrease): Result {
  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(rc(0), 'P8.2');
  if (!mayManage(caller, target)) return refuse(rc(0), 'P8.3');
  if (call.order > largestOrder(state, caller)) return refuse(rc(0), 'P8.1');

  let next = state;
  for (const [done, extent] of call.extents.entries()) {
    const size = 2 ** call.order;
    const dealt = handled(next, target.id, extent, size);
    next = dealt.next;
    let excused = dealt.count;
    for (let i = 0; i + excused < size; i++) {
      const removed = removeAndGiveUp(next, theDomain(next, target.id), extent + i);
      next = removed.next;
      if (removed.result === '-ENOENT' && excused-- > 0) continue;
      if (removed.result === '-ENOENT') return stop(done, 'P8.4', state, next);
      if (removed.result === '-ENXIO') return stop(done, 'P8.5', state, next);
      if (removed.result === '-ENOMEM') return stop(done, 'P8.6', state, next);
    }
  }
  return accept(rc(call.extents.length), 'P8', next);
}

/** What came of the removal of a page: 0, or why not; and what is left. */
interface Removed {
  readonly result: 0 | '-ENOENT' | '-ENXIO' | '-ENOMEM';
  readonly next: State;
}

/** [P4] The page at a gfn leaves it and is given up, if it is the domain's own. */
export function removeAndGiveUp(state: State, domain: Domain, gfn: number): Removed {
  if (get(domain.p2m, gfn) === undefined) return { result: '-ENOENT', next: state };
  const page = ownPageAt(state, domain, gfn);
  if (page === undefined) return { result: '-ENXIO', next: state };
  // [H5] What is at a machine frame stays there for as long as it is a page.
  if (domain.id === CONTROL) return { result: 0, next: giveUp(state, page) };
  const { isDone, next } = emptied(state, domain.id, gfn);
  if (!isDone) return { result: '-ENOMEM', next };

  // Nothing below this line can fail.
  return { result: 0, next: giveUp(next, page) };
}

/** What an exchange is about: so many extents of an order each, out of and into a domain. */
export type Exchanged = Pick<Exchange, 'target' | 'givenOrder' | 'takenOrder'> & {
  readonly given: number;
  readonly taken: number;
};

/** [P9] exchange: an auto-translated domain's pages cannot be taken from it. */
export function exchange(state: State, caller: DomainId, call: Exchange): Result {
  const { given, taken, ...others } = call;
  const asked = { ...others, given: given.length, taken: taken.length };
  const [first] = given;
  return (
    exchangeOfOrders(state, caller, asked) ??
    exchangeOfPages(state, caller, asked) ??
    (first === undefined ? noExchange(0, 'P9') : exchangeOf(state, caller, call.target, first))
  );
}

/** An exchange that does nothing; so many of its extents were done before. */
export const noExchange = (value: 0 | Errno, rule: RefusalId | 'P9', count = 0): Result => {
  return { answer: { is: 'exchanged', rc: value, count }, rule, next: undefined };
};

/** [P9] Orders are looked at first... */
export function exchangeOfOrders(
  state: State,
  caller: DomainId,
  { givenOrder, takenOrder }: Pick<Exchanged, 'givenOrder' | 'takenOrder'>,
): Result | undefined {
  const isTooLarge = Math.max(givenOrder, takenOrder) > largestOrder(state, caller);
  return isTooLarge ? noExchange('-EPERM', 'P9.1') : undefined;
}

/** [P9] ...then what all of it comes to; undefined where there is a page to look at. */
export function exchangeOfPages(
  state: State,
  caller: DomainId,
  { target: id, given, givenOrder, taken, takenOrder }: Exchanged,
  done = 0,
): Result | undefined {
  if (given * 2 ** givenOrder !== taken * 2 ** takenOrder) return noExchange('-EINVAL', 'P9.2');
  if (given === done) return noExchange(0, 'P9');

  const target = domainOrSelf(state, caller, id);
  if (target === undefined) return noExchange('-ESRCH', 'P9.3');
  return mayManage(caller, target) ? undefined : noExchange('-EPERM', 'P9.4');
}

/** [P9] The first page is looked at, and cannot be taken. */
export function exchangeOf(state: State, caller: DomainId, target: DomainId, first: Gfn): Result {
  const { id } = the(domainOrSelf(state, caller, target));
  const next = demanded(state, id, first);
  const isThere = get(theDomain(next, id).p2m, first) !== undefined;
  const answer = isThere ? noExchange('-EOPNOTSUPP', 'P9.6') : noExchange('-EINVAL', 'P9.5');
  return next === state ? answer : { ...answer, next };
}

/** [P10] current_reservation, maximum_reservation, maximum_gpfn: what a domain has and may have. */
export function reservation(state: State, caller: DomainId, call: Reservation): Result {
  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(rc('-ESRCH'), 'P10.1');
  if (!mayManage(caller, target)) return refuse(rc('-EPERM'), 'P10.2');

  // Nothing below this line can fail.
  switch (call.op) {
    case 'current_reservation':
      return accept(rc(ownedPages(state, target.id)), 'P10', state);
    case 'maximum_reservation':
      return accept(rc(target.maximumPages), 'P10', state);
    case 'maximum_gpfn':
      return accept(rc(target.maximumGfn), 'P10', state);
  }
}
