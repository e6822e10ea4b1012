import {
  GTF_permit_access,
  GTF_reading,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
  V1_ENTRY_BYTES,
  V2_ENTRY_BYTES,
  STATUS_BYTES,
  type GrantVersion,
} from '../abi/grant-table.js';
import { GrantRef, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Errno } from '../abi/status.js';
import type { SetVersion } from '../abi/step.js';
import { halfAt, storeWord, withHalf, zeros, type Content } from './content.js';
import { gfnOf, isHeld, isPinnedFrom, pageOf, withDomain, withoutEntry, withPage } from './derived.js';
import { entryAt, type GrantEntry } from './entries.js';
import { drop, get } from './keyed.js';
import { accept, crash, refuse, type Outcome } from './outcome.js';
import { crashDomain } from './pages.js';
import type { RefusalId } from './rules.js';
import type { Domain, PageId, State } from './state.js';
import { growTable } from './table.js';

/**
 * [G8] set_version: the layout of the caller's own table changes (grants.md 7.9).
 *
 * The reserved refs keep what they say as far as the other version can say it, also while they are
 * in use; every other entry is empty afterwards. Version 2 has status frames, version 1 has none: a
 * status frame that somebody still holds when it should go costs the domain its life.
 */
export function setVersion(state: State, caller: DomainId, call: SetVersion): Outcome<Reply> {
  const { machine } = state;
  const domain = get(state.domains, caller) as Domain;
  const no = (rc: Errno, rule: RefusalId) =>
    refuse<Reply>({ is: 'version', rc, version: domain.grantVersion }, rule);

  const version = asVersion(call.version);
  if (version === undefined) return no('-EINVAL', 'G8.1');
  if (version > domain.grantVersionMaximum) return no('-ENOSYS', 'G8.2');
  if (version === domain.grantVersion) return done(state, version);

  if (isPinnedFrom(state, caller, machine.reservedRefs)) return no('-EBUSY', 'G8.3');

  const reserved = Array.from({ length: machine.reservedRefs }, (_, ref) => ({
    entry: entryAt(state, domain, GrantRef(ref)),
    status: statusOf(state, domain, ref),
  }));
  if (version === 1)
    for (const { entry } of reserved) {
      const type = entry.flags & GTF_type_mask;
      if (type === GTF_permit_access && entry.frame >= 2 ** 32) return no('-ERANGE', 'G8.4');
      if (type === GTF_transitive) return no('-ERANGE', 'G8.5');
    }

  const given = version === 1 ? withoutStatusFrames(state, domain) : { isHeld: false, next: state };
  if (given.isHeld) return crash('G8.6', given.next);

  // Nothing below this line can fail.
  const emptied = { ...(get(given.next.domains, caller) as Domain), grantVersion: version };
  let next = withDomain(given.next, emptied);
  for (const page of emptied.grantFrames) next = rewrite(next, page, zeros);
  next = growTable(next, emptied, emptied.grantFrames.length);
  const changed = get(next.domains, caller) as Domain;
  for (const [ref, { entry, status }] of reserved.entries())
    next =
      version === 2
        ? asVersion2(next, changed, ref, entry)
        : asVersion1(next, changed, ref, entry, status);
  return done(next, version);
}

const asVersion = (version: number): GrantVersion | undefined =>
  version === 1 || version === 2 ? version : undefined;

const done = (state: State, version: GrantVersion): Outcome<Reply> =>
  accept({ is: 'version', rc: 0, version }, 'G8', state);

/** An entry of version 1 goes on whatever its type; its in-use bits move to the status word. */
function asVersion2(state: State, domain: Domain, ref: number, entry: GrantEntry): State {
  const page = domain.grantFrames[0] as PageId;
  const inUse = entry.flags & (GTF_reading | GTF_writing);
  const header = { low: ((entry.flags & ~inUse) | (entry.domain << 16)) >>> 0, high: 0 };
  const frame = { low: entry.frame, high: 0 };
  const at = ref * V2_ENTRY_BYTES;
  const content = storeWord(pageOf(state, page).content, at, 8, header);
  const written = rewrite(state, page, storeWord(content, at + 8, 8, frame));
  const statusPage = domain.statusFrames[0] as PageId;
  const status = withHalf(pageOf(written, statusPage).content, ref * STATUS_BYTES, inUse);
  return rewrite(written, statusPage, status);
}

/** Of version 2 only permit_access entries can go on; their in-use bits move into the flags. */
function asVersion1(
  state: State,
  domain: Domain,
  ref: number,
  entry: GrantEntry,
  status: number,
): State {
  if ((entry.flags & GTF_type_mask) !== GTF_permit_access) return state;
  const page = domain.grantFrames[0] as PageId;
  const low = ((entry.flags | status) | (entry.domain << 16)) >>> 0;
  const value = { low, high: entry.frame };
  return rewrite(state, page, storeWord(pageOf(state, page).content, ref * V1_ENTRY_BYTES, 8, value));
}

const statusOf = (state: State, domain: Domain, ref: number): number =>
  domain.grantVersion === 1
    ? 0
    : halfAt(pageOf(state, domain.statusFrames[0] as PageId).content, ref * STATUS_BYTES);

/** Status frames leave the p2m and are given up in order, as far as the first that is held. */
function withoutStatusFrames(
  state: State,
  { id }: Domain,
): { readonly isHeld: boolean; readonly next: State } {
  let next = state;
  for (const page of (get(state.domains, id) as Domain).statusFrames) {
    const domain = get(next.domains, id) as Domain;
    const gfn = gfnOf(domain, page);
    if (gfn !== undefined) next = withDomain(next, withoutEntry(domain, gfn));
    next = withPage(next, page, { ...pageOf(next, page), allocated: false });
    if (isHeld(next, page)) return { isHeld: true, next: crashDomain(next, id) };
  }
  const domain = get(next.domains, id) as Domain;
  for (const page of domain.statusFrames) next = { ...next, pages: drop(next.pages, page) };
  return { isHeld: false, next: withDomain(next, { ...domain, statusFrames: [] }) };
}

const rewrite = (state: State, page: PageId, content: Content): State =>
  withPage(state, page, { ...pageOf(state, page), content });
