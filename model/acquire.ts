import * as abi from '../abi/grant-table.js';
import type { DomainId, GrantRef } from '../abi/ids.js';
import type { RefusalId } from '../abi/rules.js';
import type { Status } from '../abi/status.js';
import { PAGE_BYTES } from '../abi/word.js';
import { domainOf, isStillOf, isWritten, ownPageAt, pinsOf, theDomain } from './derived.js';
import { type Claim, type Pins } from './derived.js';
import { entryAt, entryCount, mark, unmark, type GrantEntry } from './entries.js';
import { demanded } from './on-demand.js';
import type { Domain, PageId, State } from './state.js';

/** What grant copy asks for: a grant by a domain, of a ref, to a grantee, for reading or writing. */
export interface Wanted {
  readonly granter: Domain;
  readonly ref: GrantRef;
  readonly grantee: DomainId;
  readonly readonly: boolean;
  /** The page that the copy has already. */
  readonly inUse: readonly PageId[];
  /** Whether this is the grant that another one rests on. */
  readonly isInner: boolean;
}

/** What a grant gives: a page or a part of it. */
type Granted = Pick<Claim, 'page' | 'start' | 'length' | 'isSubPage' | 'via'>;

/** A grant taken into use, `claims` with all it rests on; or why not, with the state left behind. */
export type Acquired =
  { readonly use: Claim; readonly claims: readonly Claim[]; readonly next: State } | Refused;
export interface Refused {
  readonly status: Status;
  readonly rule: RefusalId;
  readonly next: State;
}

/**
 * [G4] A copy takes a grant into use (grants.md 7.7, acquire). `held` are the claims it has already.
 *
 * Unlike a map it takes sub-page grants, and before writing through a grant that is pinned for
 * reading only it looks the frame up again: it must be the one that is pinned.
 */
export function acquire(state: State, held: readonly Claim[], wanted: Wanted): Acquired {
  const { granter, ref, grantee, readonly } = wanted;
  const no = (status: Status, rule: RefusalId): Refused => ({ status, rule, next: state });
  if (ref >= entryCount(state.machine, granter)) return no('bad_gntref', 'G4.1');

  const pins = pinsOf(state, granter.id, ref, held);
  if (pins !== undefined && pins.grantee !== grantee) return no('general_error', 'G4.2');
  if (pins !== undefined && (readonly ? pins.readers : pins.writers) >= state.machine.pinLimit)
    return no('general_error', 'G4.3');

  const entry = entryAt(state, granter, ref);
  const type = entry.flags & abi.GTF_type_mask;
  const isTransitive = granter.grantVersion === 2 && type === abi.GTF_transitive;
  const isCovered = pins !== undefined && (readonly || isWritten(pins));
  if (isCovered && !isTransitive) {
    const isUsable = isStillOf(state, granter.id, pins.page) && !granter.dying;
    return isUsable ? inUse(wanted, pins, state) : no('bad_domain', 'G4.7');
  }

  if (pins === undefined) {
    if (type !== abi.GTF_permit_access && !isTransitive) return no('general_error', 'G4.4');
    if (entry.domain !== grantee) return no('general_error', 'G4.5');
  }
  if (!isCovered && !readonly && (entry.flags & abi.GTF_readonly) !== 0)
    return no('general_error', 'G4.6');
  const marked = isCovered ? state : mark(state, granter, ref, readonly);
  const found = isTransitive
    ? throughAnother(marked, held, wanted, entry, pins)
    : directly(marked, wanted, entry, pins);
  if (!('rule' in found)) return found;
  return { ...found, next: unmark(found.next, granter.id, ref, readonly, held) };
}

/** [G4] The entry names a frame of the granter's, all of it or a part. */
function directly(
  state: State,
  wanted: Wanted,
  entry: GrantEntry,
  pins: Pins | undefined,
): Acquired {
  const { id } = wanted.granter;
  const there = demanded(state, id, entry.frame, wanted.inUse);
  const page = ownPageAt(there, theDomain(there, id), entry.frame);
  if (page === undefined) return { status: 'bad_page', rule: 'G4.8', next: there };

  // The start is kept in 15 bits, but compared in 16; nothing checks that the range is in the page.
  const isSubPage = wanted.granter.grantVersion === 2 && (entry.flags & abi.GTF_sub_page) !== 0;
  const { start, length } = isSubPage
    ? { start: entry.offset, length: entry.length }
    : { start: 0, length: PAGE_BYTES };
  const isStill =
    pins === undefined ||
    (pins.page === page &&
      pins.via === undefined &&
      (!pins.isSubPage || (isSubPage && pins.start === start && pins.length === length)));
  if (!isStill) return { status: 'general_error', rule: 'G4.9', next: there };

  // Nothing below this line can fail.
  const named = { page, start: start & 0x7fff, length, isSubPage, via: undefined };
  return inUse(wanted, pins ?? named, there);
}

/**
 * [G5] A transitive entry of version 2: the grant rests on one that a third domain gave to the
 * granter, which is acquired in the granter's name. Only one step of that kind is taken. Where the
 * entry is pinned as another grant, Xen 4.17.7 tries again without end (measured); here it is refused.
 */
function throughAnother(
  state: State,
  held: readonly Claim[],
  wanted: Wanted,
  { viaDomain, viaRef }: GrantEntry,
  pins: Pins | undefined,
): Acquired {
  const no = (rule: RefusalId, next = state): Refused => ({ status: 'general_error', rule, next });
  const { id: grantee } = wanted.granter;
  if (wanted.isInner) return no('G5.1');
  if (viaDomain === grantee) return no('G5.2');
  const granter = domainOf(state, viaDomain);
  if (granter === undefined) return no('G5.3');

  const inner = { ...wanted, granter, ref: viaRef, grantee, isInner: true };
  const found = acquire(state, held, inner);
  if ('rule' in found) return found;
  const isStill =
    pins === undefined ||
    (pins.isSubPage &&
      pins.page === found.use.page &&
      pins.start === found.use.start &&
      pins.length === found.use.length &&
      pins.via?.granter === viaDomain &&
      pins.via.ref === viaRef);
  if (!isStill) return no('G5.4', release(found.next, found.claims, held));

  // Nothing below this line can fail.
  const via = { granter: viaDomain, ref: viaRef };
  const outer = inUse(wanted, { ...found.use, isSubPage: true, via }, found.next);
  return { ...outer, claims: [outer.use, found.use] };
}

/** [G4] A copy is done with claims; `left` are those it keeps. */
export function release(state: State, claims: readonly Claim[], left: readonly Claim[]): State {
  const [first, ...others] = claims;
  if (first === undefined) return state;
  const { granter, ref, readonly } = first;
  return release(unmark(state, granter, ref, readonly, [...others, ...left]), others, left);
}

function inUse({ granter, ref, grantee, readonly }: Wanted, what: Granted, next: State) {
  const use: Claim = { ...what, granter: granter.id, ref, grantee, readonly };
  return { use, claims: [use], next };
}
