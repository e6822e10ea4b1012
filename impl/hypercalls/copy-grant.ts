import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../../abi/grant-table.js';
import { DOMID_SELF, Gfn, GrantRef } from '../../abi/ids.js';
import type { DomainId, Mfn } from '../../abi/ids.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import type { Status } from '../../abi/status.js';
import type { CopyElement, CopyGrant, CopySide } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Domain } from '../domain.js';
import { frameWritten } from '../frame-written.js';
import { getOwnFrame } from '../granted-frame.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { putPage } from '../pages.js';
import { elementReply } from '../replies.js';
import { acquireGrant, releaseGrant } from './acquire-grant.js';

/** One side of a copy, held over the elements of a call that use the same (grants.md 7.7). */
interface Buffer {
  readonly owner: Domain;
  readonly isGrant: boolean;
  readonly at: number;
  readonly mfn: Mfn;
  readonly start: number;
  readonly length: number;
  readonly isSource: boolean;
}

/** What a call holds from element to element. */
export interface Held {
  sourceId: DomainId | undefined;
  destId: DomainId | undefined;
  sourceDomain: Domain | undefined;
  destDomain: Domain | undefined;
  source: Buffer | undefined;
  dest: Buffer | undefined;
}

/**
 * GNTTABOP_copy (grants.md 7.7): each element on its own, in order; buffers are kept between, but not
 * from one invocation to the next.
 */
export function copyGrant(
  host: Host,
  caller: Domain,
  step: CopyGrant,
  invocation: Invocation,
): Reply {
  const elements: ElementReply[] = [];
  const held = nothingHeld();
  for (const element of step.elements.slice(invocation.start)) {
    if (elements.length > 0) host.stop('grant.copy/element');
    if (caller.isCrashed) break;
    if (invocation.stopsAt(invocation.start + elements.length)) break;
    elements.push(elementReply(copyNext(host, caller, element, held)));
  }
  releaseBuffers(host, held);
  return { is: 'statuses', elements };
}

export const nothingHeld = (): Held => ({
  sourceId: undefined,
  destId: undefined,
  sourceDomain: undefined,
  destDomain: undefined,
  source: undefined,
  dest: undefined,
});

/** The next element of a call; a failure gives back what is held. */
export function copyNext(host: Host, caller: Domain, element: CopyElement, held: Held): Status {
  const status = copyOne(host, caller, element, held);
  if (status !== 'okay') releaseBuffers(host, held);
  return status;
}

/** Refusals in the order recorded with the fix of XSA-523: domains, source, dest, bounds. */
function copyOne(host: Host, caller: Domain, element: CopyElement, held: Held): Status {
  const found = findDomains(host, caller, element, held);
  if (found !== 'okay') return found;

  const source = claimSource(host, caller, element, held);
  if (typeof source === 'string') return source;

  const dest = claimDest(host, caller, element, held);
  if (typeof dest === 'string') return dest;

  const { length } = element;
  const from = element.source.offset;
  const to = element.dest.offset;
  if (from + length > PAGE_BYTES) return 'bad_copy_arg';
  if (to + length > PAGE_BYTES) return 'bad_copy_arg';
  if (from < source.start || from + length > source.start + source.length) return 'general_error';
  if (to < dest.start || to + length > dest.start + dest.length) return 'general_error';
  host.stop('grant.copy/acquired');

  // Nothing below this line can fail.
  host.ram.copy(source.mfn, from, dest.mfn, to, length);
  frameWritten(host, dest.mfn, to, to + length);
  return 'okay';
}

/** The two domains of an element; looked up again only where the pair of ids changes. */
function findDomains(host: Host, caller: Domain, element: CopyElement, held: Held): Status {
  const isSamePair =
    held.sourceDomain !== undefined &&
    held.destDomain !== undefined &&
    held.sourceId === element.source.domain &&
    held.destId === element.dest.domain;
  if (isSamePair) return 'okay';
  releaseBuffers(host, held);
  held.sourceId = element.source.domain;
  held.destId = element.dest.domain;
  held.destDomain = undefined;
  held.sourceDomain = host.domains.byAnyId(element.source.domain, caller);
  if (held.sourceDomain === undefined) return 'bad_domain';
  held.destDomain = host.domains.byAnyId(element.dest.domain, caller);
  if (held.destDomain === undefined) return 'bad_domain';
  return 'okay';
}

function claimSource(
  host: Host,
  caller: Domain,
  element: CopyElement,
  held: Held,
): Buffer | Status {
  const isGrant = (element.flags & GNTCOPY_source_gref) !== 0;
  if (isSameSide(held.source, element.source, isGrant)) return held.source;
  releaseBuffer(host, held.source);
  held.source = undefined;
  const buffer = claimBuffer(host, caller, held.sourceDomain, element.source, isGrant, true);
  if (typeof buffer !== 'string') held.source = buffer;
  return buffer;
}

function claimDest(host: Host, caller: Domain, element: CopyElement, held: Held): Buffer | Status {
  const isGrant = (element.flags & GNTCOPY_dest_gref) !== 0;
  if (isSameSide(held.dest, element.dest, isGrant)) return held.dest;
  releaseBuffer(host, held.dest);
  held.dest = undefined;
  const buffer = claimBuffer(host, caller, held.destDomain, element.dest, isGrant, false);
  if (typeof buffer === 'string') return buffer;
  if (!host.frames.referenceWritable(buffer.mfn)) {
    releaseUntyped(host, buffer);
    return 'general_error';
  }
  held.dest = buffer;
  return buffer;
}

/** A held buffer serves again only for the same number of the same kind (grants.md 15, 29). */
function isSameSide(
  buffer: Buffer | undefined,
  side: CopySide,
  isGrant: boolean,
): buffer is Buffer {
  return buffer !== undefined && buffer.isGrant === isGrant && buffer.at === side.at;
}

/** By ref whoever owns it; by gfn only the caller's own memory, asked for as `DOMID_SELF`. */
function claimBuffer(
  host: Host,
  caller: Domain,
  owner: Domain | undefined,
  side: CopySide,
  isGrant: boolean,
  isSource: boolean,
): Buffer | Status {
  if (owner === undefined) return 'bad_domain';
  if (isGrant) {
    const acquired = acquireGrant(host, owner, GrantRef(side.at), caller.id, isSource);
    if (typeof acquired === 'string') return acquired;
    return { owner, isGrant, at: side.at, isSource, ...acquired };
  }
  if (side.domain !== DOMID_SELF) return 'permission_denied';
  const mfn = getOwnFrame(host, caller, Gfn(side.at));
  if (mfn === undefined) return 'bad_page';
  return { owner, isGrant, at: side.at, isSource, mfn, start: 0, length: PAGE_BYTES };
}

export function releaseBuffers(host: Host, held: Held): void {
  releaseBuffer(host, held.source);
  releaseBuffer(host, held.dest);
  held.source = undefined;
  held.dest = undefined;
}

function releaseBuffer(host: Host, buffer: Buffer | undefined): void {
  if (buffer === undefined) return;
  if (!buffer.isSource) host.frames.dereferenceWritable(buffer.mfn);
  releaseUntyped(host, buffer);
}

/** The grant's pin goes before the page reference, which may be the last. */
function releaseUntyped(host: Host, buffer: Buffer): void {
  if (buffer.isGrant) releaseGrant(host, buffer.owner, GrantRef(buffer.at), buffer.isSource);
  putPage(host, buffer.mfn);
}
