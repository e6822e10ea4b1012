import * as abi from '../abi/grant-table.js';
import { GrantRef, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId } from '../abi/rules.js';
import type { Errno } from '../abi/status.js';
import type { SetVersion } from '../abi/step.js';
import { zeros } from '../values/content.js';
import { withdrawn } from './believed.js';
import { isHeld, isPinnedFrom, pageOf, the, theDomain } from './derived.js';
import { withContent, withDomain, withPage } from './derived.js';
import { entryAt, entryPlace, statusOf, statusPlace, storeAt, type GrantEntry } from './entries.js';
import { drop } from '../values/keyed.js';
import { accept, crash, refuse, type Result } from './outcome.js';
import { crashDomain } from './pages.js';
import type { Domain, State } from './state.js';
import { growTable } from './table.js';

/**
 * [G8] set_version: the layout of the caller's own table changes (grants.md 7.9).
 *
 * The reserved refs keep what they say as far as the other version can say it, also while they are
 * in use; every other entry is empty afterwards. Version 2 has status frames, version 1 has none: a
 * status frame that somebody still holds when it should go costs the domain its life.
 */
export function setVersion(state: State, caller: DomainId, call: SetVersion): Result {
  const domain = theDomain(state, caller);
  const no = (rc: Errno, rule: RefusalId) =>
    refuse<Reply>({ is: 'version', rc, version: domain.grantVersion }, rule);

  const version = call.version === 1 ? 1 : call.version === 2 ? 2 : undefined;
  if (version === undefined) return no('-EINVAL', 'G8.1');
  if (version > domain.grantVersionMaximum) return no('-ENOSYS', 'G8.2');
  if (version === domain.grantVersion)
    return accept({ is: 'version', rc: 0, version }, 'G8', state);

  if (isPinnedFrom(state, caller, state.machine.reservedRefs)) return no('-EBUSY', 'G8.3');

  const refs = Array.from({ length: state.machine.reservedRefs }, (_, ref) => GrantRef(ref));
  const reserved = refs.map((ref) => {
    return { ...entryAt(state, domain, ref), status: statusOf(state, domain, ref) };
  });
  if (version === 1)
    for (const { flags, frame } of reserved) {
      const type = flags & abi.GTF_type_mask;
      if (type === abi.GTF_permit_access && frame >= 2 ** 32) return no('-ERANGE', 'G8.4');
      if (type === abi.GTF_transitive) return no('-ERANGE', 'G8.5');
    }

  const stripped = withoutStatusFrames(state, domain);
  if (theDomain(stripped, caller).crashed) return crash('G8.6', stripped);
  const wanted: Domain = { ...theDomain(stripped, caller), grantVersion: version };
  const grown = growTable(withDomain(stripped, wanted), wanted, wanted.grantFrames.length);
  if (!grown.isDone) {
    const { failing } = grown.next;
    return { ...no('-ENOMEM', 'G8.7'), next: { ...state, failing } };
  }

  // Nothing below this line can fail.
  let { next } = grown;
  for (const page of wanted.grantFrames) next = withContent(next, page, zeros);
  const changed = theDomain(next, caller);
  const rewritten = version === 2 ? asVersion2 : asVersion1;
  for (const [i, ref] of refs.entries()) next = rewritten(next, changed, ref, the(reserved[i]));
  return accept({ is: 'version', rc: 0, version }, 'G8', next);
}

/** An entry to keep, with its status word where it has one. */
type Reserved = GrantEntry & { readonly status: number };

/** [G8] An entry of version 1 goes on whatever its type; its in-use bits become its status word. */
function asVersion2(state: State, domain: Domain, ref: GrantRef, entry: Reserved): State {
  const inUse = entry.flags & (abi.GTF_reading | abi.GTF_writing);
  const place = entryPlace(state, domain, ref);
  const half = storeAt(state, place, 8, headerOf(entry.flags & ~inUse, entry));
  const entire = storeAt(half, { ...place, offset: place.offset + 8 }, 8, entry.frame);
  return storeAt(entire, statusPlace(state, domain, ref), 2, inUse);
}

/** [G8] Of version 2 only permit_access entries go on; their status words join the flags. */
function asVersion1(state: State, domain: Domain, ref: GrantRef, entry: Reserved): State {
  if ((entry.flags & abi.GTF_type_mask) !== abi.GTF_permit_access) return state;
  const header = headerOf(entry.flags | entry.status, entry);
  return storeAt(state, entryPlace(state, domain, ref), 8, header, entry.frame);
}

const headerOf = (flags: number, { domain }: GrantEntry): number => (flags | (domain << 16)) >>> 0;

/** [G8] Status frames leave the p2m and are given up in turn; one that is elsewhere or held is the end. */
function withoutStatusFrames(state: State, { id, statusFrames }: Domain): State {
  let next = state;
  for (const page of statusFrames) {
    const left = withdrawn(next, id, page);
    next = left.next;
    if (left.failure !== undefined) return crashDomain(next, id);
    next = withPage(next, page, { ...pageOf(next, page), allocated: false });
    if (isHeld(next, page)) return crashDomain(next, id);
  }
  for (const page of statusFrames) next = { ...next, pages: drop(next.pages, page) };
  return withDomain(next, { ...theDomain(next, id), statusFrames: [] });
}
