import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../abi/grant-table.js';
import { DOMID_SELF, GrantRef, type DomainId } from '../abi/ids.js';
import type { ElementReply } from '../abi/reply.js';
import type { CopyElement, CopySide } from '../abi/step.js';
import type { Status } from '../abi/status.js';
import { PAGE_BYTES } from '../abi/word.js';
import { acquire, release, type Refused } from './acquire.js';
import { copied } from '../values/content.js';
import { demanded } from './on-demand.js';
import { domainOrSelf, ownPageAt, pageOf, theDomain, withContent, type Claim } from './derived.js';
import type { RefusalId, RuleId } from '../abi/rules.js';
import type { Domain, State } from './state.js';

/** One side of a copy, kept for the next element: what was asked for, and what it gave. */
interface Buffer extends Pick<Claim, 'page' | 'start' | 'length'> {
  readonly by: 'ref' | 'gfn';
  readonly side: CopySide;
  readonly claims: readonly Claim[];
}

/** A batch of copies in progress. */
export interface Copying {
  readonly state: State;
  readonly source: Buffer | undefined;
  readonly dest: Buffer | undefined;
}

export interface CopyResult {
  readonly reply: ElementReply;
  readonly rule: RuleId | RefusalId;
  readonly after: Copying;
}

/** A side opened, or why not; `next` is what is left either way. */
type Opened = { readonly buffer: Buffer; readonly next: State } | Refused;

/**
 * [G3] copy: bytes go from a page to a page, each named by a grant or, if it is the caller's own, by
 * its gfn (grants.md 7.7, and section 16 S1 as recorded: the order of the checks is that of the
 * repaired hypervisor).
 *
 * A buffer stays in use for the next element that asks for the same thing of the same two domains;
 * any failure gives both back. Offsets are absolute in the page, and a copy never leaves it.
 */
export function copyGrant(copying: Copying, caller: DomainId, element: CopyElement): CopyResult {
  const { source: from, dest: to, length, flags } = element;
  const kept = isSamePair(copying, element) ? copying : closed(copying);

  const granter = domainOrSelf(kept.state, caller, from.domain);
  if (granter === undefined) return failed(kept, 'bad_domain', 'G3.1');
  const receiver = domainOrSelf(kept.state, caller, to.domain);
  if (receiver === undefined) return failed(kept, 'bad_domain', 'G3.2');

  const readBy = (flags & GNTCOPY_source_gref) !== 0 ? 'ref' : 'gfn';
  const source = opened(kept.state, caller, granter, from, readBy, true, kept.source, kept.dest);
  if ('rule' in source)
    return failed({ ...kept, state: source.next, source: undefined }, source.status, source.rule);

  const writeBy = (flags & GNTCOPY_dest_gref) !== 0 ? 'ref' : 'gfn';
  const { buffer } = source;
  const dest = opened(source.next, caller, receiver, to, writeBy, false, kept.dest, buffer);
  if ('rule' in dest)
    return failed({ state: dest.next, source: buffer, dest: undefined }, dest.status, dest.rule);

  const both: Copying = { state: dest.next, source: buffer, dest: dest.buffer };
  if (from.offset + length > PAGE_BYTES) return failed(both, 'bad_copy_arg', 'G3.7');
  if (to.offset + length > PAGE_BYTES) return failed(both, 'bad_copy_arg', 'G3.8');
  if (!covers(buffer, from.offset, length)) return failed(both, 'general_error', 'G3.9');
  if (!covers(dest.buffer, to.offset, length)) return failed(both, 'general_error', 'G3.10');

  // Nothing below this line can fail.
  const target = dest.buffer.page;
  const bytes = buffer.page === target ? 'itself' : pageOf(both.state, buffer.page).content;
  const old = pageOf(both.state, target).content;
  const state = withContent(both.state, target, copied(bytes, from.offset, old, to.offset, length));
  return { reply: { status: 'okay' }, rule: 'G3', after: { ...both, state } };
}

/** The end of a batch, or of a pair of domains within it: both buffers are given back. */
export function closed({ state, source, dest }: Copying): Copying {
  const afterSource = release(state, source?.claims ?? [], dest?.claims ?? []);
  const afterBoth = release(afterSource, dest?.claims ?? [], []);
  return { state: afterBoth, source: undefined, dest: undefined };
}

/**
 * One side: what it has is kept if it is asked for again. Else that is given back and a grant is
 * acquired, or a gfn looked up, which must be the caller's own, named by DOMID_SELF.
 */
function opened(
  state: State,
  caller: DomainId,
  granter: Domain,
  side: CopySide,
  by: 'ref' | 'gfn',
  readonly: boolean,
  kept: Buffer | undefined,
  other: Buffer | undefined,
): Opened {
  if (kept?.by === by && kept.side.at === side.at) return { buffer: kept, next: state };
  const held = other?.claims ?? [];
  const inUse = other === undefined ? [] : [other.page];
  const next = release(state, kept?.claims ?? [], held);
  if (by === 'ref') {
    const ref = GrantRef(side.at);
    const wanted = { granter, ref, grantee: caller, readonly, inUse, isInner: false };
    const got = acquire(next, held, wanted);
    return 'rule' in got
      ? got
      : { buffer: { by, side, ...got.use, claims: got.claims }, next: got.next };
  }
  if (side.domain !== DOMID_SELF)
    return { status: 'permission_denied', rule: readonly ? 'G3.3' : 'G3.5', next };
  const there = demanded(next, granter.id, side.at, inUse);
  const page = ownPageAt(there, theDomain(there, granter.id), side.at);
  if (page === undefined)
    return { status: 'bad_page', rule: readonly ? 'G3.4' : 'G3.6', next: there };
  return { buffer: { by, side, page, start: 0, length: PAGE_BYTES, claims: [] }, next: there };
}

const failed = (copying: Copying, status: Status, rule: RefusalId): CopyResult => {
  return { reply: { status }, rule, after: closed(copying) };
};

const isSamePair = ({ source, dest }: Copying, element: CopyElement): boolean =>
  source?.side.domain === element.source.domain && dest?.side.domain === element.dest.domain;

const covers = ({ start, length }: Buffer, offset: number, bytes: number): boolean =>
  offset >= start && offset + bytes <= start + length;
