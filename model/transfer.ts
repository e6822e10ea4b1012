import * as abi from '../abi/grant-table.js';
import { CONTROL, Gfn, Mfn, type DomainId } from '../abi/ids.js';
import type { RefusalId } from '../abi/rules.js';
import type { Status } from '../abi/status.js';
import type { FlushElement, TransferElement, WriteBack } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { findKey, get } from '../values/keyed.js';
import { domainOf, isHeld, isReferencable, ownedPages, pageOf } from './derived.js';
import { theDomain, withDomain, withPage } from './derived.js';
import { entryAt, entryCount, entryPlace, storeAt } from './entries.js';
import { accept, finished, rc, refuse, spoil } from './outcome.js';
import type { Alternative, ElementResult, Result } from './outcome.js';
import { addPage, claimMet, giveUp, withoutEntry } from './pages.js';
import { PageId, type Mapping, type State } from './state.js';

/** What the control domain does with whole frames: it gives them away, and has them written back. */

/**
 * [G20] transfer: a page of the control domain's becomes another domain's (grants.md 7.6).
 *
 * It is taken first, if nobody holds it, and is free where the receiver then cannot have it. The entry
 * says what came of it: committed where it is accepted, completed when all is done, though the page
 * may have found no place. RAM at the gfn is replaced, as by any page put there ([P5]).
 */
export function transferGrant(
  state: State,
  caller: DomainId,
  { gfn, target, ref }: TransferElement,
): ElementResult {
  const page = get(theDomain(state, caller).p2m, gfn)?.page;
  if (page === undefined || pageOf(state, page).use !== 'ram') return no('bad_page', 'G20.1');
  if (!pageOf(state, page).allocated || isHeld(state, page)) return no('bad_page', 'G20.2');

  const refused = (status: Status, rule: RefusalId, left = giveUp(state, page)) =>
    spoil({ status }, rule, left);
  const receiver = domainOf(state, target);
  if (receiver === undefined) return refused('bad_domain', 'G20.3');
  if (receiver.dying) return refused('general_error', 'G20.4');
  // [D6] The control domain may own as much as there is.
  if (target !== CONTROL && ownedPages(state, target) >= receiver.maximumPages)
    return refused('general_error', 'G20.5');

  // [P17] It counts as the receiver's by now, and a claim may be met by it, whatever comes next.
  const given = target === CONTROL ? state : handedOver(state, page, gfn, target);
  const failed = (rule: RefusalId, left: State) => refused('general_error', rule, left);
  if (ref >= entryCount(state.machine, receiver)) return failed('G20.6', giveUp(given, page));
  const entry = entryAt(state, receiver, ref);
  if (entry.flags !== abi.GTF_accept_transfer) return failed('G20.7', giveUp(given, page));
  if (entry.domain !== caller) return failed('G20.8', giveUp(given, page));

  const place = entryPlace(state, receiver, ref);
  const done = abi.GTF_transfer_committed | abi.GTF_transfer_completed;
  const told = storeAt(given, place, 2, entry.flags | done);
  if (target === CONTROL) {
    // [H5] It stays where it is, and the entry learns where that is.
    const size = receiver.grantVersion === 1 ? 4 : 8;
    const named = storeAt(told, { ...place, offset: place.offset + size }, size, gfn);
    return accept({ status: 'okay' }, 'G20', named);
  }
  const { failure, next } = addPage(told, target, Gfn(entry.frame), { page, type: 'ram_rw' });
  if (failure === 'not_permitted') return failed('G20.9', next);
  if (failure === 'out_of_range') return failed('G20.10', next);
  if (failure === 'no_table') return failed('G20.11', next);

  // Nothing below this line can fail.
  return accept({ status: 'okay' }, 'G20', next);
}

const no = (status: Status, rule: RefusalId) => refuse({ status }, rule);

/** [H5] The page has another owner, and is not at its frame's number among the caller's any more. */
function handedOver(state: State, page: PageId, gfn: Gfn, owner: DomainId): State {
  const left = withDomain(state, withoutEntry(theDomain(state, CONTROL), gfn));
  return claimMet(withPage(left, page, { ...pageOf(left, page), owner }), owner);
}

/**
 * [G21] write_back: what processors still have of a page is written to memory (grants.md 7.13). No guest
 * can see whether it was. The page is named by its machine frame; one that nobody has seen may be
 * anybody's or nobody's ([G15]). The call ends with the first element that is refused.
 */
export function writeBack(state: State, { caller, elements }: WriteBack): readonly Alternative[] {
  for (const element of elements) {
    const refused = refusalsOf(state, caller, element);
    if (refused.length > 0) return refused.map((result) => finished(state, result));
  }

  // Nothing below this line can fail.
  return [finished(state, accept(rc(0), 'G21', state))];
}

/** [G21] Why an element is refused, if it is; each reason that there may be. */
function refusalsOf(
  state: State,
  caller: DomainId,
  { deviceAddress, offset, length, flags }: FlushElement,
): readonly Result[] {
  const { GNTTAB_CACHE_CLEAN: CLEAN, GNTTAB_CACHE_INVAL: FORGET } = abi;
  const isInPage = offset < PAGE_BYTES && offset + length <= PAGE_BYTES;
  if (!isInPage || (flags & ~(CLEAN | FORGET)) !== 0) return [refuse(rc('-EINVAL'), 'G21.1')];
  if (length === 0 || flags === 0) return [];

  // An address of the machine has 52 bits.
  const frame = Mfn(Math.floor(deviceAddress / PAGE_BYTES));
  if (frame >= 2 ** 40) return [refuse(rc('-EINVAL'), 'G21.2')];
  const own = get(theDomain(state, CONTROL).p2m, frame)?.page;
  const page = own ?? findKey(state.pages, (each) => each.frame === frame);
  const isNobodys = refuse(rc('-EPERM'), 'G21.3');
  const isAnothers = refuse(rc('-EINVAL'), 'G21.4');
  if (page === undefined) return [isNobodys, isAnothers];
  if (!isReferencable(state, PageId(page))) return [isNobodys];
  const { owner } = pageOf(state, PageId(page));
  const isOfIt = (by: Mapping): boolean => by.page === page && by.granter === owner;
  const { mappings } = theDomain(state, caller);
  if (owner !== caller && findKey(mappings, isOfIt) === undefined) return [isAnothers];
  return flags === FORGET ? [refuse(rc('-EOPNOTSUPP'), 'G21.5')] : [];
}
