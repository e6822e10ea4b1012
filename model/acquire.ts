import {
  GTF_permit_access,
  GTF_readonly,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
} from '../abi/grant-table.js';
import type { DomainId, GrantRef } from '../abi/ids.js';
import type { Status } from '../abi/status.js';
import { PAGE_BYTES } from '../abi/word.js';
import { domainOf, ownPageAt, pageOf, pinsOf, type Claim, type Pins } from './derived.js';
import { entryAt, entryCount, mark, unmark, type GrantEntry } from './entries.js';
import type { RefusalId } from './rules.js';
import type { Domain, PageId, State } from './state.js';

/** What grant copy asks for: a grant by a domain, of a ref, to a grantee, for reading or writing. */
export interface Wanted {
  readonly granter: Domain;
  readonly ref: GrantRef;
  readonly grantee: DomainId;
  readonly readonly: boolean;
  /** Whether this is the grant that another one rests on. */
  readonly isInner: boolean;
}

/** A grant in use by a copy, or why not; `next` carries the entry's bits either way. */
export type Acquired =
  | { readonly use: Claim; readonly claims: readonly Claim[]; readonly next: State }
  | { readonly status: Status; readonly rule: RefusalId; readonly next: State };

/**
 * [G4] A copy takes a grant into use (grants.md 7.7, acquire). `held` are the claims it has already.
 *
 * Unlike a map it takes sub-page grants, and before writing through a grant that is pinned for
 * reading only it looks the frame up again: it must be the one that is pinned.
 */
export function acquire(state: State, held: readonly Claim[], wanted: Wanted): Acquired {
  const { granter, ref, grantee, readonly } = wanted;
  if (ref >= entryCount(state.machine, granter)) return fail('bad_gntref', 'G4.1', state);

  const pins = pinsOf(state, granter.id, ref, held);
  if (pins !== undefined && pins.grantee !== grantee) return fail('general_error', 'G4.2', state);
  if (pins !== undefined && (readonly ? pins.readers : pins.writers) >= state.machine.pinLimit)
    return fail('general_error', 'G4.3', state);

  const entry = entryAt(state, granter, ref);
  const type = entry.flags & GTF_type_mask;
  const isTransitive = granter.grantVersion === 2 && type === GTF_transitive;
  const isCovered = pins !== undefined && (readonly || pins.writers > 0);
  if (isCovered && !isTransitive) return reuse(state, wanted, pins);

  if (pins === undefined) {
    if (type !== GTF_permit_access && !isTransitive) return fail('general_error', 'G4.4', state);
    if (entry.domain !== grantee) return fail('general_error', 'G4.5', state);
  }
  if (!isCovered && !readonly && (entry.flags & GTF_readonly) !== 0)
    return fail('general_error', 'G4.6', state);
  const marked = isCovered ? state : mark(state, granter, ref, readonly);

  return isTransitive
    ? throughAnother(marked, held, wanted, entry, pins)
    : directly(marked, held, wanted, entry, pins);
}

/** [G4] The grant is in use already, in the way that is wanted: its entry is not looked at. */
function reuse(state: State, wanted: Wanted, pins: Pins): Acquired {
  const isAnothers = pageOf(state, pins.page).owner !== wanted.granter.id;
  if (isAnothers || wanted.granter.dying) return fail('bad_domain', 'G4.7', state);

  // Nothing below this line can fail.
  return acquired(claimOf(wanted, pins), state);
}

/** [G4] The entry names a frame of the granter's, all of it or a part. */
function directly(
  state: State,
  held: readonly Claim[],
  wanted: Wanted,
  entry: GrantEntry,
  pins: Pins | undefined,
): Acquired {
  const page = ownPageAt(state, wanted.granter, entry.frame);
  if (page === undefined) return undo(state, held, wanted, 'bad_page', 'G4.8');

  const isSubPage = wanted.granter.grantVersion === 2 && (entry.flags & GTF_sub_page) !== 0;
  const bytes = isSubPage ? grantedBytes(entry) : wholePage;
  const isOther = pins !== undefined && !isStill(pins, page, isSubPage, bytes);
  if (isOther) return undo(state, held, wanted, 'general_error', 'G4.9');

  // Nothing below this line can fail.
  const use = pins ?? { page, ...bytes, isSubPage, via: undefined };
  return acquired(claimOf(wanted, use), state);
}

/**
 * [G5] A transitive entry of version 2: the grant rests on one that a third domain gave to the
 * granter, which is acquired in the granter's name. Only one step of that kind is taken.
 */
function throughAnother(
  state: State,
  held: readonly Claim[],
  wanted: Wanted,
  { viaDomain, viaRef }: GrantEntry,
  pins: Pins | undefined,
): Acquired {
  const { granter, readonly } = wanted;
  if (wanted.isInner) return undo(state, held, wanted, 'general_error', 'G5.1');
  if (viaDomain === granter.id) return undo(state, held, wanted, 'general_error', 'G5.2');
  const third = domainOf(state, viaDomain);
  if (third === undefined) return undo(state, held, wanted, 'general_error', 'G5.3');

  const grantee = granter.id;
  const inner = { granter: third, ref: viaRef, grantee, readonly, isInner: true };
  const found = acquire(state, held, inner);
  if ('rule' in found) return undo(found.next, held, wanted, found.status, found.rule);

  const via = { granter: viaDomain, ref: viaRef };
  if (pins !== undefined && !isSameUse(pins, found.use, via)) {
    const released = release(found.next, found.claims, held);
    return undo(released, held, wanted, 'general_error', 'G5.4');
  }

  // Nothing below this line can fail.
  const use = { ...claimOf(wanted, found.use), isSubPage: true, via };
  return { use, claims: [use, found.use], next: found.next };
}

/** [G4] A copy is done with claims; `left` are those it keeps. */
export function release(state: State, claims: readonly Claim[], left: readonly Claim[]): State {
  let next = state;
  let remaining = [...claims, ...left];
  for (const claim of claims) {
    remaining = remaining.filter((other) => other !== claim);
    next = unmark(next, claim.granter, claim.ref, claim.readonly, remaining);
  }
  return next;
}

const acquired = (use: Claim, next: State): Acquired => ({ use, claims: [use], next });
const fail = (status: Status, rule: RefusalId, next: State): Acquired => ({ status, rule, next });

/** The entry was marked as in use, and then something was wrong: the marks are taken back. */
const undo = (
  state: State,
  held: readonly Claim[],
  { granter, ref, readonly }: Wanted,
  status: Status,
  rule: RefusalId,
): Acquired => fail(status, rule, unmark(state, granter.id, ref, readonly, held));

interface Bytes {
  readonly start: number;
  readonly length: number;
}
interface Use extends Bytes {
  readonly page: PageId;
  readonly isSubPage: boolean;
  readonly via: Claim['via'];
}

const wholePage: Bytes = { start: 0, length: PAGE_BYTES };

/** The start is kept in 15 bits; nothing checks that the range lies within the page. */
const grantedBytes = ({ offset, length }: GrantEntry): Bytes => ({ start: offset & 0x7fff, length });

const claimOf = (
  { granter, ref, grantee, readonly }: Wanted,
  { page, start, length, isSubPage, via }: Use,
): Claim => ({ granter: granter.id, ref, grantee, readonly, page, start, length, isSubPage, via });

const isSameRange = (a: Bytes, b: Bytes): boolean => a.start === b.start && a.length === b.length;

/** Whether an entry says what it said when it was pinned. */
const isStill = (pins: Pins, page: PageId, isSubPage: boolean, bytes: Bytes): boolean =>
  pins.page === page &&
  pins.via === undefined &&
  (!pins.isSubPage || (isSubPage && isSameRange(pins, bytes)));

const isSameUse = (pins: Pins, inner: Claim, via: NonNullable<Claim['via']>): boolean =>
  pins.isSubPage &&
  pins.page === inner.page &&
  isSameRange(pins, inner) &&
  pins.via?.granter === via.granter &&
  pins.via.ref === via.ref;
