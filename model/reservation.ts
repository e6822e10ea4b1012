import { CONTROL, Gfn, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Errno, Rc } from '../abi/status.js';
import type { Decrease, Exchange, Increase, Populate, Reservation } from '../abi/step.js';
import {
  domainOf,
  domainOrSelf,
  mayManage,
  ownedPages,
  ownPageAt,
  ramPages,
  withDomain,
  withoutEntry,
} from './derived.js';
import { get } from './keyed.js';
import { accept, crash, refuse, spoil, type Outcome } from './outcome.js';
import { addPage, crashDomain, freshPage, giveUp } from './pages.js';
import type { RefusalId } from './rules.js';
import type { Domain, PageId, State } from './state.js';

/**
 * What a domain owns (p2m.md 2.9). These calls never answer an error: they answer the number of
 * extents that were done before the first that could not be.
 */

const rc = (value: Rc): Reply => ({ is: 'rc', rc: value });

/** The largest order of an extent that a caller may ask for. */
const largestOrder = ({ machine }: State, caller: DomainId): number =>
  caller === CONTROL ? machine.controlOrder : machine.guestOrder;

/** The call ends at an extent that cannot be done; those before it stay done. */
const stop = (done: number, rule: RefusalId, before: State, now: State): Outcome<Reply> =>
  now === before ? refuse(rc(done), rule) : spoil(rc(done), rule, now);

/**
 * [P6] populate_physmap: fresh pages at the gfns from each extent on.
 *
 * Where a page cannot be put at its gfn the pages just allocated stay with the domain, without a
 * gfn. A grant mapping in the way is the end of the domain, before any page of its extent is placed.
 */
export function populate(state: State, caller: DomainId, call: Populate): Outcome<Reply> {
  const refused = refusedReservation(state, caller, call, populateRules);
  if (refused !== undefined) return refused;
  const { id } = domainOrSelf(state, caller, call.target) as Domain;

  const size = 2 ** call.order;
  let next = state;
  for (const [done, extent] of call.extents.entries()) {
    const why = cannotAllocate(next, id, size);
    if (why !== undefined) return stop(done, populateRules[why], state, next);
    const allocated = allocate(next, id, size);
    next = allocated.next;

    if (isInTheWay(next, id, extent, size)) {
      next = crashDomain(next, id);
      return id === caller ? crash('P6.7', next) : stop(done, 'P6.8', state, next);
    }
    let failure: 'out_of_range' | 'no_table' | undefined;
    for (const [i, page] of allocated.pages.entries()) {
      const placed = addPage(next, id, Gfn(extent + i), page, 'ram_rw');
      next = placed.next;
      if (placed.failure === 'out_of_range' || placed.failure === 'no_table')
        failure = placed.failure;
    }
    if (failure !== undefined)
      return stop(done, failure === 'no_table' ? 'P6.10' : 'P6.9', state, next);
  }
  return accept(rc(call.extents.length), 'P6', next);
}

const populateRules = {
  order: 'P6.1',
  domain: 'P6.2',
  permission: 'P6.3',
  dying: 'P6.4',
  limit: 'P6.5',
  machine: 'P6.6',
} as const;

/** [P7] increase_reservation: fresh pages that have no gfn, and nothing that could give them one. */
export function increase(state: State, caller: DomainId, call: Increase): Outcome<Reply> {
  const refused = refusedReservation(state, caller, call, increaseRules);
  if (refused !== undefined) return refused;
  const { id } = domainOrSelf(state, caller, call.target) as Domain;

  const size = 2 ** call.order;
  let next = state;
  for (let done = 0; done < call.count; done++) {
    const why = cannotAllocate(next, id, size);
    if (why !== undefined) return stop(done, increaseRules[why], state, next);
    next = allocate(next, id, size).next;
  }
  return accept(rc(call.count), 'P7', next);
}

const increaseRules = {
  order: 'P7.1',
  domain: 'P7.2',
  permission: 'P7.3',
  dying: 'P7.4',
  limit: 'P7.5',
  machine: 'P7.6',
} as const;

/**
 * [P8] decrease_reservation: the pages at the gfns from each extent on leave the p2m and are given
 * up. Pages of an extent that cannot be finished stay gone, though the extent does not count.
 */
export function decrease(state: State, caller: DomainId, call: Decrease): Outcome<Reply> {
  const refused = refusedReservation(state, caller, call, decreaseRules);
  if (refused !== undefined) return refused;
  const { id } = domainOrSelf(state, caller, call.target) as Domain;

  const size = 2 ** call.order;
  let next = state;
  for (const [done, extent] of call.extents.entries())
    for (let i = 0; i < size; i++) {
      const removed = removeAndGiveUp(next, domainOf(next, id) as Domain, extent + i);
      if ('refused' in removed)
        return stop(done, removed.refused === '-ENOENT' ? 'P8.4' : 'P8.5', state, removed.next);
      next = removed.next;
    }
  return accept(rc(call.extents.length), 'P8', next);
}

const decreaseRules = { order: 'P8.1', domain: 'P8.2', permission: 'P8.3' } as const;

/** [P4] The page at a gfn leaves it and is given up, if it is the domain's own. */
export function removeAndGiveUp(
  state: State,
  domain: Domain,
  gfn: number,
): { readonly next: State; readonly refused?: '-ENOENT' | '-ENXIO' } {
  if (get(domain.p2m, gfn) === undefined) return { next: state, refused: '-ENOENT' };
  const page = ownPageAt(state, domain, gfn);
  if (page === undefined) return { next: state, refused: '-ENXIO' };

  // Nothing below this line can fail.
  return { next: giveUp(withDomain(state, withoutEntry(domain, gfn)), page) };
}

/** [P9] exchange: an auto-translated domain's pages cannot be taken from it. */
export function exchange(state: State, caller: DomainId, call: Exchange): Outcome<Reply> {
  const no = (value: Errno, rule: RefusalId) =>
    refuse<Reply>({ is: 'exchanged', rc: value, count: 0 }, rule);

  if (Math.max(call.givenOrder, call.takenOrder) > largestOrder(state, caller))
    return no('-EPERM', 'P9.1');
  if (call.given.length * 2 ** call.givenOrder !== call.taken.length * 2 ** call.takenOrder)
    return no('-EINVAL', 'P9.2');
  const [first] = call.given;
  if (first === undefined) return accept({ is: 'exchanged', rc: 0, count: 0 }, 'P9', state);

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return no('-ESRCH', 'P9.3');
  if (!mayManage(caller, target)) return no('-EPERM', 'P9.4');

  if (get(target.p2m, first) === undefined) return no('-EINVAL', 'P9.5');
  return no('-EOPNOTSUPP', 'P9.6');
}

/** [P10] current_reservation, maximum_reservation, maximum_gpfn: what a domain has and may have. */
export function reservation(state: State, caller: DomainId, call: Reservation): Outcome<Reply> {
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

/** The checks that the three calls begin with. */
function refusedReservation(
  state: State,
  caller: DomainId,
  call: Populate | Increase | Decrease,
  rules: { readonly order: RefusalId; readonly domain: RefusalId; readonly permission: RefusalId },
): Outcome<Reply> | undefined {
  if (call.order > largestOrder(state, caller)) return refuse(rc(0), rules.order);
  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(rc(0), rules.domain);
  if (!mayManage(caller, target)) return refuse(rc(0), rules.permission);
  return undefined;
}

/** Why a domain cannot have so many more pages, if it cannot. */
function cannotAllocate(
  state: State,
  id: DomainId,
  pages: number,
): 'dying' | 'limit' | 'machine' | undefined {
  const domain = domainOf(state, id) as Domain;
  if (domain.dying) return 'dying';
  if (ownedPages(state, id) + pages > domain.maximumPages) return 'limit';
  return ramPages(state) + pages > state.machine.guestFrames ? 'machine' : undefined;
}

function allocate(
  state: State,
  id: DomainId,
  size: number,
): { readonly pages: readonly PageId[]; readonly next: State } {
  const pages: PageId[] = [];
  let next = state;
  for (let i = 0; i < size; i++) {
    const fresh = freshPage(next, id, 'ram');
    pages.push(fresh.page);
    next = fresh.next;
  }
  return { pages, next };
}

/** [P5] Whether some gfn of an extent holds a grant mapping. */
function isInTheWay(state: State, id: DomainId, gfn: number, size: number): boolean {
  const { p2m } = domainOf(state, id) as Domain;
  for (let i = 0; i < size; i++) {
    const entry = get(p2m, gfn + i);
    if (entry !== undefined && entry.type !== 'ram_rw') return true;
  }
  return false;
}
