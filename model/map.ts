import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GTF_permit_access,
  GTF_readonly,
  GTF_sub_page,
  GTF_type_mask,
} from '../abi/grant-table.js';
import { Gfn, type DomainId, type Handle } from '../abi/ids.js';
import type { ElementReply } from '../abi/reply.js';
import type { MapElement, UnmapElement } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { domainOf, ownPageAt, pinsOf, withDomain, withoutEntry } from './derived.js';
import { entryAt, entryCount, mark, unmark } from './entries.js';
import { drop, get, put } from './keyed.js';
import { accept, crash, refuse, spoil, type Outcome } from './outcome.js';
import { addPage, freeUnheld, vanishIfUnheld } from './pages.js';
import type { Domain, Mapping, State } from './state.js';

/** Why the grant's page could not be put at the gfn, for [G1]. */
const placementRefusals = { out_of_range: 'G1.15', no_table: 'G1.16' } as const;

/**
 * [G1] map_grant_ref: a domain maps a page that another granted to it (grants.md 7.1).
 *
 * Afterwards the gfn of `address` holds the granted page as a grant mapping, readonly or not, and
 * `handle` names the mapping. While a grant is in use its entry is not looked at again, but for the
 * readonly bit at its first use for writing: what was granted first is what is mapped.
 */
export function mapGrant(
  state: State,
  caller: DomainId,
  element: MapElement,
  handle: Handle | undefined,
): Outcome<ElementReply> {
  const { flags, ref } = element;
  if ((flags & (GNTMAP_device_map | GNTMAP_host_map)) === 0) return refuse(bad_gntref, 'G1.1');
  if ((flags & refusedToHvm) !== 0) return refuse(general_error, 'G1.2');

  const granter = domainOf(state, element.granter);
  if (granter === undefined) return refuse(bad_domain, 'G1.3');

  if (handle === undefined) return refuse(no_space, 'G1.4');

  if (ref >= entryCount(state.machine, granter)) return refuse(bad_gntref, 'G1.5');

  const readonly = (flags & GNTMAP_readonly) !== 0;
  const pins = pinsOf(state, granter.id, ref, []);
  if (pins !== undefined && pins.grantee !== caller) return refuse(general_error, 'G1.6');
  if (pins !== undefined && (readonly ? pins.readers : pins.writers) >= state.machine.pinLimit)
    return refuse(general_error, 'G1.7');

  const entry = entryAt(state, granter, ref);
  if (pins === undefined) {
    if ((entry.flags & GTF_type_mask) !== GTF_permit_access) return refuse(general_error, 'G1.8');
    if ((entry.flags & GTF_sub_page) !== 0) return refuse(general_error, 'G1.9');
    if (entry.domain !== caller) return refuse(general_error, 'G1.10');
  }
  const isCovered = pins !== undefined && (readonly || pins.writers > 0);
  if (!isCovered && !readonly && (entry.flags & GTF_readonly) !== 0)
    return refuse(general_error, 'G1.11');
  const marked = isCovered ? state : mark(state, granter, ref, readonly);
  const undone = (left: State): State => unmark(left, granter.id, ref, readonly, []);

  const page = pins === undefined ? ownPageAt(state, granter, entry.frame) : pins.page;
  if (page === undefined) return spoil(bad_page, 'G1.12', undone(marked));

  if ((flags & ~GNTMAP_readonly) !== GNTMAP_host_map)
    return spoil(general_error, 'G1.13', undone(marked));
  const gfn = Gfn(Math.floor(element.address / PAGE_BYTES));
  const type = readonly ? 'grant_map_ro' : 'grant_map_rw';
  const { failure, next } = addPage(marked, caller, gfn, page, type);
  if (failure === 'not_permitted') return crash('G1.14', undone(next));
  if (failure !== undefined) return spoil(general_error, placementRefusals[failure], undone(next));

  // Nothing below this line can fail.
  const mapper = get(next.domains, caller) as Domain;
  const mappings = put(mapper.mappings, handle, { granter: granter.id, ref, page, readonly });
  return accept(okay, 'G1', withDomain(next, { ...mapper, mappings }));
}

/**
 * [G2] unmap_grant_ref: a mapping ends (grants.md 7.2).
 *
 * The gfn of `address` must hold a grant mapping of the handle's frame; which handle put it there,
 * and whether it is readonly, does not matter. Afterwards the gfn is empty and the handle names
 * nothing. Address 0 says that there is no host mapping to undo: the mapping stays.
 */
export function unmapGrant(
  state: State,
  caller: DomainId,
  { handle, address }: UnmapElement,
): Outcome<ElementReply> {
  const mapper = get(state.domains, caller) as Domain;
  const mapping = get(mapper.mappings, handle);
  if (mapping === undefined) return refuse(bad_handle, 'G2.1');
  if (address === 0) return accept(okay, 'G2', state);

  const gfn = Math.floor(address / PAGE_BYTES);
  const entry = get(mapper.p2m, gfn);
  if (entry === undefined || entry.type === 'ram_rw') return refuse(general_error, 'G2.2');
  if (entry.page !== mapping.page) return refuse(general_error, 'G2.3');

  // Nothing below this line can fail.
  const mappings = drop(mapper.mappings, handle);
  const unmapped = withDomain(state, { ...withoutEntry(mapper, gfn), mappings });
  return accept(okay, 'G2', ended(unmapped, mapping));
}

/** [G12] What follows when a mapping is no more: the grant's bits, its page, its granter's life. */
export function ended(state: State, { granter, ref, readonly, page }: Mapping): State {
  const unmarked = unmark(state, granter, ref, readonly, []);
  return vanishIfUnheld(freeUnheld(unmarked, page), granter);
}

const refusedToHvm = GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte;
const okay: ElementReply = { status: 'okay' };
const general_error: ElementReply = { status: 'general_error' };
const bad_domain: ElementReply = { status: 'bad_domain' };
const bad_gntref: ElementReply = { status: 'bad_gntref' };
const bad_handle: ElementReply = { status: 'bad_handle' };
const bad_page: ElementReply = { status: 'bad_page' };
const no_space: ElementReply = { status: 'no_space' };
