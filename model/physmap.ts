import { XENMAPIDX_grant_table_status } from '../abi/grant-table.js';
import { ALL_ONES, CONTROL, Gfn, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId, RuleId } from '../abi/rules.js';
import type { Errno } from '../abi/status.js';
import * as abi from '../abi/step.js';
import { withdrawn } from './believed.js';
import { believedGfn, domainOrSelf, isReferencable, mayManage, ownPageAt } from './derived.js';
import { pageOf, theDomain } from './derived.js';
import { get } from '../values/keyed.js';
import { accept, rc, refuse, spoil, type Result } from './outcome.js';
import { demanded } from './on-demand.js';
import { addPage, emptied } from './pages.js';
import { removeAndGiveUp } from './reservation.js';
import type { Domain, PageId, State } from './state.js';
import { growTable } from './table.js';

/** Which page is at which gfn (p2m.md 2.9). */

/**
 * [P11] add_to_physmap: a page that the domain has already gets a place in its p2m; one that had a
 * place leaves it. What was at the gfn is given up, if it is RAM of the domain's.
 */
export function addToPhysmap(state: State, caller: DomainId, call: abi.AddToPhysmap): Result {
  const { space, index, gfn, size } = call;
  if (space === abi.XENMAPSPACE_gmfn_foreign) return refuse(rc('-ENOSYS'), 'P11.1');

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(rc('-ESRCH'), 'P11.2');
  if (target.id === CONTROL) return refuse(rc('-EACCES'), 'P11.3');
  if (space === abi.XENMAPSPACE_dev_mmio) return refuse(rc('-EACCES'), 'P11.4');
  if (!mayManage(caller, target)) return refuse(rc('-EPERM'), 'P11.5');

  if (gfn === ALL_ONES) return refuse(rc('-EINVAL'), 'P11.6');

  if (space !== abi.XENMAPSPACE_gmfn_range)
    return answered(placed(state, target.id, space, index, gfn), state);
  if (index === ALL_ONES && size > 0) return refuse(rc('-EOVERFLOW'), 'P11.7');
  let next = state;
  for (let i = 0; i < size; i++) {
    const one = placed(next, target.id, abi.XENMAPSPACE_gmfn, index + i, Gfn(gfn + i));
    next = one.next;
    if (one.result !== 0 || theDomain(next, caller).crashed) return answered(one, state);
  }
  return accept(rc(0), 'P11', next);
}

/**
 * [P12] add_to_physmap_batch: the same for a list of pages. Each has a result of its own; only an
 * impossible gfn ends the call, or that the caller is crashed.
 */
export function addToPhysmapBatch(
  state: State,
  caller: DomainId,
  call: abi.AddToPhysmapBatch,
): Result {
  const { space, entries } = call;
  const no = (value: Errno, rule: RefusalId) =>
    refuse<Reply>({ is: 'errors', rc: value, errors: entries.map(() => 'untouched') }, rule);

  if (space === abi.XENMAPSPACE_gmfn_range) return no('-EOPNOTSUPP', 'P12.1');

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return no('-ESRCH', 'P12.2');
  if (target.id === CONTROL) return no('-EACCES', 'P12.3');
  if (space === abi.XENMAPSPACE_dev_mmio) return no('-EACCES', 'P12.4');
  if (!mayManage(caller, target)) return no('-EPERM', 'P12.5');

  const errors: (0 | Errno | 'untouched')[] = entries.map(() => 'untouched');
  let next = state;
  let rule: RuleId | RefusalId = 'P12';
  for (const [i, { index, gfn }] of entries.entries()) {
    if (gfn === ALL_ONES) return spoil({ is: 'errors', rc: '-EINVAL', errors }, 'P12.6', next);
    const one = placed(next, target.id, space, index, gfn);
    next = one.next;
    errors[i] = one.result;
    if (one.result !== 0) rule = one.rule;
    if (theDomain(next, caller).crashed) break;
  }
  return { answer: { is: 'errors', rc: 0, errors }, rule, next };
}

/** What came of placing one page: the result, and what is left. */
interface Placed {
  readonly result: 0 | Errno;
  readonly rule: RuleId | RefusalId;
  readonly next: State;
}

const answered = ({ result, rule, next }: Placed, before: State): Result => {
  return { answer: rc(result), rule, next: next === before ? undefined : next };
};

/** [P11] One page of a space, for a domain that may have it, at a gfn. */
export function placed(state: State, id: DomainId, space: number, index: number, gfn: Gfn): Placed {
  const source = sourceOf(state, theDomain(state, id), space, index);
  if ('rule' in source) return source;
  const { page } = source;
  let { next } = source;
  const no = (result: Errno, rule: RefusalId): Placed => ({ result, rule, next });
  const cannotChange = () => no('-ENOMEM', 'P11.17');

  next = demanded(next, id, gfn, [page]);
  const former = believedGfn(theDomain(next, id), page);
  if (space === abi.XENMAPSPACE_gmfn && former !== index) return no('-EXDEV', 'P11.13');
  const domain = theDomain(next, id);
  const old = get(domain.p2m, gfn);
  if (old !== undefined && pageOf(next, old.page).use !== 'ram') {
    const unhooked = emptied(next, id, gfn);
    next = unhooked.next;
    if (!unhooked.isDone) return cannotChange();
  } else if (old !== undefined && old.page !== page) {
    const removed = removeAndGiveUp(next, domain, gfn);
    next = removed.next;
    if (removed.result === '-ENOMEM') return cannotChange();
    if (removed.result !== 0) return no('-ENXIO', 'P11.14');
  }

  if (former !== gfn) {
    const left = withdrawn(next, id, page);
    next = left.next;
    if (left.failure === 'mistaken') return no('-EILSEQ', 'P11.15');
    if (left.failure === 'no_entry') return cannotChange();
  }
  const added = addPage(next, id, gfn, { page, type: 'ram_rw' });
  next = added.next;
  if (added.failure === 'out_of_range') return no('-ENOENT', 'P11.16');
  if (added.failure === 'no_table') return cannotChange();

  // Nothing below this line can fail.
  return { result: 0, rule: 'P11', next };
}

type Source = { readonly page: PageId; readonly next: State } | Placed;

/** The page that a space and an index name. */
function sourceOf(state: State, domain: Domain, space: number, index: number): Source {
  const no = (result: Errno, rule: RefusalId, next = state): Placed => ({ result, rule, next });
  switch (space) {
    case abi.XENMAPSPACE_shared_info:
      return index === 0 ? { page: domain.sharedInfo, next: state } : no('-EINVAL', 'P11.8');
    case abi.XENMAPSPACE_grant_table: {
      const { page, next } = tableFrame(state, domain, low32(index));
      if (page === undefined) return no('-EINVAL', 'P11.9', next);
      return isReferencable(next, page) ? { page, next } : no('-EBUSY', 'P11.10', next);
    }
    case abi.XENMAPSPACE_gmfn: {
      const next = demanded(state, domain.id, index);
      const page = ownPageAt(next, theDomain(next, domain.id), index);
      return page === undefined ? no('-EINVAL', 'P11.11', next) : { page, next };
    }
    case abi.XENMAPSPACE_gmfn_foreign:
      return no('-EPERM', 'P12.7');
    default:
      return no('-EINVAL', 'P11.12');
  }
}

/**
 * [G13] A frame of the grant table by its index in the physmap; the table grows to have it, if it
 * may. Under version 2 an index with its highest bit set (of 32) is that of a status frame.
 */
export function tableFrame(
  state: State,
  domain: Domain,
  index: number,
): { readonly page: PageId | undefined; readonly next: State } {
  const isStatus = domain.grantVersion === 2 && index >= XENMAPIDX_grant_table_status;
  const row = isStatus ? index - XENMAPIDX_grant_table_status : index;
  const frames = isStatus ? domain.statusFrames : domain.grantFrames;
  if (row < frames.length) return { page: frames[row], next: state };

  const { machine } = state;
  const perStatusFrame = machine.statusesPerFrame / (machine.refsPerFrame / 2);
  const needed = isStatus ? (row + 1) * perStatusFrame : row + 1;
  if (needed > domain.grantFramesMaximum) return { page: undefined, next: state };
  const { isDone, next } = growTable(state, domain, needed);
  if (!isDone) return { page: undefined, next };
  const grown = theDomain(next, domain.id);
  return { page: (isStatus ? grown.statusFrames : grown.grantFrames)[row], next };
}

const low32 = (index: number): number => (index === ALL_ONES ? 0xffff_ffff : index % 2 ** 32);

/** [P13] remove_from_physmap: a gfn becomes empty; its page stays with the domain, without a gfn. */
export function removeFromPhysmap(
  state: State,
  caller: DomainId,
  call: abi.RemoveFromPhysmap,
): Result {
  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(rc('-ESRCH'), 'P13.1');
  if (target.id === CONTROL) return refuse(rc('-EACCES'), 'P13.2');
  if (!mayManage(caller, target)) return refuse(rc('-EPERM'), 'P13.3');
  const { id } = target;
  const there = demanded(state, id, call.gfn);
  if (ownPageAt(there, theDomain(there, id), call.gfn) === undefined)
    return { ...refuse(rc('-ENOENT'), 'P13.4'), next: there === state ? undefined : there };
  const { isDone, next } = emptied(there, id, call.gfn);
  if (!isDone) return spoil(rc('-ENOMEM'), 'P13.5', next);

  // Nothing below this line can fail.
  return accept(rc(0), 'P13', next);
}
