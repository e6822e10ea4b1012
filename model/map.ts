import * as abi from '../abi/grant-table.js';
import { CONTROL, Gfn, type DomainId, type Handle, type VcpuId } from '../abi/ids.js';
import type { RefusalId } from '../abi/rules.js';
import type { Status } from '../abi/status.js';
import type { MapElement, MapGrant, UnmapElement } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Refused } from './acquire.js';
import { installed } from './control-grants.js';
import { domainOf, isStillOf, isWritten, ownPageAt, pinsOf, spareHandles, the } from './derived.js';
import { theDomain, withDomain, type Pins } from './derived.js';
import { ended } from './ended.js';
import { entryAt, entryCount, mark, unmark } from './entries.js';
import { drop, get, put } from '../values/keyed.js';
import { accept, crash, refuse, spoil, type ElementResult } from './outcome.js';
import { demanded } from './on-demand.js';
import { addPage, emptied, isGrantMapping } from './pages.js';
import type { Domain, Mapping, PageId, State } from './state.js';

/**
 * [G1] map_grant_ref: a domain maps a page that another granted to it (grants.md 7.1).
 *
 * Afterwards the gfn of `address` holds the granted page as a grant mapping, readonly or not, and
 * `handle` names the mapping. While a grant is in use its entry is not looked at again, but for the
 * readonly bit at its first use for writing: what was granted first is what is mapped.
 */
export function mapGrant(
  before: State,
  { caller, vcpu }: MapGrant,
  element: MapElement,
  handle: Handle,
): ElementResult {
  const { granter: granterId, ref, address, flags } = element;
  if ((flags & (abi.GNTMAP_device_map | abi.GNTMAP_host_map)) === 0)
    return no('bad_gntref', 'G1.1');
  const isGuest = caller !== CONTROL;
  if (isGuest && (flags & notForHvm) !== 0) return no('general_error', 'G1.2');

  const granter = domainOf(before, granterId);
  if (granter === undefined) return no('bad_domain', 'G1.3');

  const state = keepingOne(before, caller, vcpu);
  if (spareHandles(state, theDomain(state, caller), vcpu) < 2)
    return spoil({ status: 'no_space' }, 'G1.4', state);

  const good = given(state, caller, granter, element);
  if ('rule' in good) return spoil({ status: good.status }, good.rule, good.next);
  const { page, next: there } = good;
  const readonly = (flags & abi.GNTMAP_readonly) !== 0;
  const mapping = { granter: granterId, ref, page, readonly };
  const unmarked = (left: State): State => unmark(left, granterId, ref, readonly);
  const fail = (status: Status, rule: RefusalId, left: State) =>
    spoil({ status }, rule, unmarked(left));

  if (!isGuest) {
    if (!isStillOf(there, granterId, page)) return fail('general_error', 'G16.1', there);
    const done = installed(there, element, handle, mapping);
    if (done === undefined) return fail('general_error', 'G16.2', there);
    return accept({ status: 'okay' }, 'G16', done);
  }

  if ((flags & ~abi.GNTMAP_readonly) !== abi.GNTMAP_host_map)
    return fail('general_error', 'G1.13', there);
  const gfn = Gfn(Math.floor(address / PAGE_BYTES));
  const type = readonly ? 'grant_map_ro' : 'grant_map_rw';
  const { failure, next } = addPage(there, caller, gfn, { page, type });
  if (failure === 'not_permitted') return crash('G1.14', unmarked(next));
  if (failure === 'out_of_range') return fail('general_error', 'G1.15', next);
  if (failure === 'no_table') return fail('general_error', 'G1.16', next);

  // Nothing below this line can fail.
  const mapper = theDomain(next, caller);
  const mappings = put(mapper.mappings, handle, { ...mapping, ...hostOnly });
  return accept({ status: 'okay' }, 'G1', withDomain(next, { ...mapper, mappings }));
}

/** [G1] The grant is good for what is asked, is marked, and gives a page; or why it is not. */
function given(
  state: State,
  caller: DomainId,
  granter: Domain,
  { ref, flags }: MapElement,
): { readonly page: PageId; readonly next: State } | Refused {
  const refused = (status: Status, rule: RefusalId, next = state) => ({ status, rule, next });
  if (ref >= entryCount(state.machine, granter)) return refused('bad_gntref', 'G1.5');

  const readonly = (flags & abi.GNTMAP_readonly) !== 0;
  const pins = pinsOf(state, granter.id, ref);
  if (pins !== undefined && pins.grantee !== caller) return refused('general_error', 'G1.6');
  if (pins !== undefined && pinsFor(pins, readonly, flags) >= state.machine.pinLimit)
    return refused('general_error', 'G1.7');

  const entry = entryAt(state, granter, ref);
  if (pins === undefined) {
    if ((entry.flags & abi.GTF_type_mask) !== abi.GTF_permit_access)
      return refused('general_error', 'G1.8');
    if ((entry.flags & abi.GTF_sub_page) !== 0) return refused('general_error', 'G1.9');
    if (entry.domain !== caller) return refused('general_error', 'G1.10');
  }
  const isCovered = pins !== undefined && (readonly || isWritten(pins));
  if (!isCovered && !readonly && (entry.flags & abi.GTF_readonly) !== 0)
    return refused('general_error', 'G1.11');
  const marked = isCovered ? state : mark(state, granter, ref, readonly);

  const there = pins === undefined ? demanded(marked, granter.id, entry.frame) : marked;
  const named = ownPageAt(there, theDomain(there, granter.id), entry.frame);
  const page = pins === undefined ? named : pins.page;
  if (page === undefined)
    return refused('bad_page', 'G1.12', unmark(there, granter.id, ref, readonly));

  // Nothing below this line can fail.
  return { page, next: there };
}

/** [G15] A vcpu that wants a handle keeps one back from the first time on, if there is one. */
function keepingOne(state: State, caller: DomainId, id: VcpuId): State {
  const domain = theDomain(state, caller);
  const vcpu = the(domain.vcpus[id]);
  if (vcpu.keepsHandle || spareHandles(state, domain, id) === 0) return state;
  const vcpus = domain.vcpus.with(id, { ...vcpu, keepsHandle: true });
  return withDomain(state, { ...domain, vcpus });
}

/** The mappings of a grant that count with one that is asked for: each kind has its limit. */
function pinsFor(pins: Pins, readonly: boolean, flags: number): number {
  const host = (flags & abi.GNTMAP_host_map) !== 0;
  const device = (flags & abi.GNTMAP_device_map) !== 0;
  return Math.max(
    host ? (readonly ? pins.readers : pins.writers) : 0,
    device ? (readonly ? pins.deviceReaders : pins.deviceWriters) : 0,
  );
}

const hostOnly = { host: true, device: false, byEntry: false };

const no = (status: Status, rule: RefusalId) => refuse({ status }, rule);

const notForHvm = abi.GNTMAP_device_map | abi.GNTMAP_application_map | abi.GNTMAP_contains_pte;

/**
 * [G2] unmap_grant_ref: a mapping ends (grants.md 7.2).
 *
 * The gfn of `address` must hold a grant mapping of the handle's frame; which handle put it there,
 * and whether it is readonly, does not matter. Afterwards the gfn is empty and the handle names
 * nothing. Address 0 says that there is no host mapping to undo: the mapping stays.
 */
export function unmapGrant(state: State, caller: DomainId, element: UnmapElement): ElementResult {
  const { outcome, mapping } = unhooked(state, caller, element);
  if (mapping === undefined) return outcome;
  return { ...outcome, next: ended(outcome.next ?? state, mapping) };
}

/** [G2] The first half of it: the gfn is empty and the handle is gone; the mapping it was has to end. */
export function unhooked(
  state: State,
  caller: DomainId,
  { handle, address }: UnmapElement,
): { readonly outcome: ElementResult; readonly mapping: Mapping | undefined } {
  const stay = (outcome: ElementResult) => ({ outcome, mapping: undefined });
  const mapper = theDomain(state, caller);
  const mapping = get(mapper.mappings, handle);
  if (mapping === undefined) return stay(no('bad_handle', 'G2.1'));
  if (address === 0) return stay(accept({ status: 'okay' }, 'G2', state));

  const gfn = Math.floor(address / PAGE_BYTES);
  if (!isGrantMapping(mapper, gfn)) return stay(no('general_error', 'G2.2'));
  if (get(mapper.p2m, gfn)?.page !== mapping.page) return stay(no('general_error', 'G2.3'));
  const { isDone, next } = emptied(state, caller, gfn);
  if (!isDone) return stay(spoil({ status: 'general_error' }, 'G2.4', next));

  // Nothing below this line can fail.
  const mappings = drop(mapper.mappings, handle);
  const unmapped = withDomain(next, { ...theDomain(next, caller), mappings });
  return { outcome: accept({ status: 'okay' }, 'G2', unmapped), mapping };
}
