import * as abi from '../abi/grant-table.js';
import { CONTROL, Gfn, Mfn, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId } from '../abi/rules.js';
import type { Status } from '../abi/status.js';
import type { CacheFlush, FlushElement, TransferElement } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { findKey, get } from '../values/keyed.js';
import { domainOf, isHeld, isReferencable, outstanding, ownedPages, pageOf } from './derived.js';
import { theDomain, withDomain, withPage } from './derived.js';
import { entryAt, entryCount, entryPlace, storeAt } from './entries.js';
import { accept, rc, refuse, settled, spoil, type Alternative } from './outcome.js';
import type { ElementResult } from './outcome.js';
import { addPage, giveUp, withoutEntry } from './pages.js';
import { PageId, type Domain, type State } from './state.js';

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

  const freed = giveUp(state, page);
  const lost = (status: Status, rule: RefusalId) => spoil({ status }, rule, freed);
  const receiver = domainOf(state, target);
  if (receiver === undefined) return lost('bad_domain', 'G20.3');
  if (receiver.dying) return lost('general_error', 'G20.4');
  if (isFull(freed, receiver)) return lost('general_error', 'G20.5');

  const unaccepted = (rule: RefusalId) =>
    spoil({ status: 'general_error' } as const, rule, withoutLastClaim(freed, receiver));
  if (ref >= entryCount(state.machine, receiver)) return unaccepted('G20.6');
  const entry = entryAt(state, receiver, ref);
  if (entry.flags !== abi.GTF_accept_transfer) return unaccepted('G20.7');
  if (entry.domain !== caller) return unaccepted('G20.8');

  const place = entryPlace(state, receiver, ref);
  const told = storeAt(state, place, 2, entry.flags | DONE);
  if (target === CONTROL) {
    // [H5] It stays where it is, and the entry learns where that is.
    const offset = place.offset + (receiver.grantVersion === 1 ? 4 : 8);
    const size = receiver.grantVersion === 1 ? 4 : 8;
    return accept({ status: 'okay' }, 'G20', storeAt(told, { ...place, offset }, size, gfn));
  }

  const given = handedOver(told, page, gfn, target);
  const { failure, next } = addPage(given, target, Gfn(entry.frame), { page, type: 'ram_rw' });
  if (failure === 'not_permitted') return spoil({ status: 'general_error' }, 'G20.9', next);
  if (failure === 'out_of_range') return spoil({ status: 'general_error' }, 'G20.10', next);
  if (failure === 'no_table') return spoil({ status: 'general_error' }, 'G20.11', next);

  // Nothing below this line can fail.
  return accept({ status: 'okay' }, 'G20', next);
}

const DONE = abi.GTF_transfer_committed | abi.GTF_transfer_completed;

const no = (status: Status, rule: RefusalId) => refuse({ status }, rule);

/** [D6] The control domain may own as much as there is. */
const isFull = (state: State, { id, maximumPages }: Domain): boolean =>
  id !== CONTROL && ownedPages(state, id) >= maximumPages;

/** [H5] The page has another owner, and is not at its frame's number among the caller's any more. */
function handedOver(state: State, page: PageId, gfn: Gfn, owner: DomainId): State {
  const left = withDomain(state, withoutEntry(theDomain(state, CONTROL), gfn));
  return claimMet(withPage(left, page, { ...pageOf(left, page), owner }), owner);
}

/** [P17] A claim is met. */
function claimMet(state: State, id: DomainId): State {
  const domain = theDomain(state, id);
  const isMet = domain.claim !== undefined && outstanding(state, domain) <= 0;
  return isMet ? withDomain(state, { ...domain, claim: undefined }) : state;
}

/** [P17] The page counted as the receiver's for a moment: a claim of one page more was met by it. */
function withoutLastClaim(state: State, { id }: Domain): State {
  const domain = domainOf(state, id);
  if (domain?.claim === undefined || outstanding(state, domain) > 1) return state;
  return withDomain(state, { ...domain, claim: undefined });
}

/**
 * [G21] cache_flush: what processors still have of a page is written back (grants.md 7.13). No guest
 * can see whether it was. The page is named by its machine frame; one that nobody has seen may be
 * anybody's or nobody's ([G15]). The call ends with the first element that is refused.
 */
export function cacheFlush(state: State, { caller, elements }: CacheFlush): readonly Alternative[] {
  const done = (reply: Reply, rule: RefusalId | 'G21') => settled(reply, state, [rule]);
  for (const element of elements) {
    const [refusal, ...others] = refusalsOf(state, caller, element);
    if (refusal === undefined) continue;
    return [refusal, ...others].map((id) => done(rc(answers[id]), id));
  }

  // Nothing below this line can fail.
  return [done(rc(0), 'G21')];
}

const answers = {
  'G21.1': '-EINVAL',
  'G21.2': '-EINVAL',
  'G21.3': '-EPERM',
  'G21.4': '-EINVAL',
  'G21.5': '-EOPNOTSUPP',
} as const;

/** [G21] Why an element is refused, if it is; each reason that there may be. */
function refusalsOf(
  state: State,
  caller: DomainId,
  { deviceAddress, offset, length, flags }: FlushElement,
): readonly (keyof typeof answers)[] {
  const { GNTTAB_CACHE_CLEAN: CLEAN, GNTTAB_CACHE_INVAL: INVAL } = abi;
  const isInPage = offset < PAGE_BYTES && offset + length <= PAGE_BYTES;
  if (!isInPage || (flags & ~(CLEAN | INVAL)) !== 0) return ['G21.1'];
  if (length === 0 || flags === 0) return [];

  const frame = Mfn(Math.floor(deviceAddress / PAGE_BYTES));
  if (frame >= FRAMES_MAXIMUM) return ['G21.2'];
  const page = pageAt(state, frame);
  if (page === undefined) return ['G21.4', 'G21.3'];
  if (!isReferencable(state, page)) return ['G21.3'];
  const { owner } = pageOf(state, page);
  if (owner !== caller && !isMappedBy(state, caller, owner, page)) return ['G21.4'];
  return flags === INVAL ? ['G21.5'] : [];
}

/** An address of the machine has 52 bits. */
const FRAMES_MAXIMUM = 2 ** 40;

/** [H5] The page that is known to be a frame. */
function pageAt(state: State, frame: Mfn): PageId | undefined {
  const own = get(theDomain(state, CONTROL).p2m, frame)?.page;
  const seen = own ?? findKey(state.pages, (page) => page.frame === frame);
  return seen === undefined ? undefined : PageId(seen);
}

const isMappedBy = (state: State, caller: DomainId, granter: DomainId, page: PageId): boolean =>
  findKey(
    theDomain(state, caller).mappings,
    (mapping) => mapping.page === page && mapping.granter === granter,
  ) !== undefined;
