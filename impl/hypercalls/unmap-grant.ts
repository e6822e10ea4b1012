import { Gfn } from '../../abi/ids.js';
import type { GrantRef, Handle, Mfn } from '../../abi/ids.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import type { UnmapElement, UnmapGrant } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Domain } from '../domain.js';
import { reduceStatus } from '../grant-status.js';
import { isTranslated } from '../host.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { noteWritten } from '../log-dirty.js';
import { putPage } from '../pages.js';
import { releaseParts, unmapByControl } from './control-grants.js';
import type { RemovedParts } from './control-grants.js';
import { releaseEntry, unhook } from '../physmap.js';
import { elementReply } from '../replies.js';
import { unitOf } from '../tables/active-entries.js';
import { isGrant, mfnOf } from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';

/** A mapping whose p2m entry is gone and whose references are still held. */
export interface Removed {
  readonly owner: Domain;
  readonly ref: GrantRef;
  readonly mfn: Mfn;
  readonly isReadonly: boolean;
  readonly entry: Leaf;
}

/**
 * GNTTABOP_unmap_grant_ref (grants.md 7.2), in batches of two phases (5.5): first all p2m entries
 * of the batch go, then, the flush done, all references.
 */
export function unmapGrant(
  host: Host,
  caller: Domain,
  step: UnmapGrant,
  invocation: Invocation,
): Reply {
  const elements: ElementReply[] = [];
  if (!isTranslated(caller)) return unmapAllByControl(host, caller, step, invocation);
  const batch: Removed[] = [];
  const left = step.elements.slice(invocation.start);
  for (const element of left) {
    elements.push(unmapOne(host, caller, element, batch));
    if (elements.length % host.machine.unmapBatch > 0) continue;
    completeBatch(host, caller, batch);
    if (elements.length === left.length) break;
    host.stop('grant.unmap/batch');
    if (invocation.stopsAt(invocation.start + elements.length)) break;
  }
  completeBatch(host, caller, batch);
  return { is: 'statuses', elements };
}

/** The same for the control domain, whose handles have other parts. */
function unmapAllByControl(
  host: Host,
  control: Domain,
  step: UnmapGrant,
  invocation: Invocation,
): Reply {
  const elements: ElementReply[] = [];
  const batch: RemovedParts[] = [];
  const left = step.elements.slice(invocation.start);
  for (const element of left) {
    const removed = unmapByControl(host, control, element);
    if ('owner' in removed) batch.push(removed);
    elements.push('owner' in removed ? elementReply('okay') : removed);
    if (elements.length % host.machine.unmapBatch > 0) continue;
    for (const parts of batch.splice(0)) releaseParts(host, parts);
    if (elements.length === left.length) break;
    host.stop('grant.unmap/batch');
    if (invocation.stopsAt(invocation.start + elements.length)) break;
  }
  for (const parts of batch) releaseParts(host, parts);
  return { is: 'statuses', elements };
}

/** Phase 1. Which gfn the handle was mapped at is not asked: any entry of its frame will do. */
export function unmapOne(
  host: Host,
  caller: Domain,
  element: UnmapElement,
  batch: Removed[],
): ElementReply {
  const { handle } = element;
  const { maptrack } = caller;
  if (handle >= maptrack.limit()) return elementReply('bad_handle');
  if (!maptrack.isLive(handle)) return elementReply('bad_handle');

  const ref = maptrack.refOf(handle);
  const owner = host.granter(maptrack.granterOf(handle));
  if (ref >= owner.grants.refCount()) return elementReply('bad_handle');

  const mfn = owner.grants.active.mfnOf(ref);
  if (element.address === 0) return elementReply('okay');

  const gfn = Gfn(Math.floor(element.address / PAGE_BYTES));
  const found = caller.p2m.lookup(gfn);
  if (!isGrant(found)) return elementReply('general_error');
  if (mfnOf(found) !== mfn) return elementReply('general_error');
  const entry = unhook(host, caller, gfn);
  if (entry === undefined) return elementReply('general_error');

  // Nothing below this line can fail.
  const isReadonly = maptrack.isReadonly(handle);
  host.stop('grant.unmap/removed');
  maptrack.retire(handle);
  maptrack.giveBack(handle);
  batch.push({ owner, ref, mfn, isReadonly, entry });
  return elementReply('okay');
}

/** Phase 2, after the flush. */
export function completeBatch(host: Host, caller: Domain, batch: Removed[]): void {
  if (batch.length === 0) return;
  host.stop('grant.unmap/flushed');
  for (const removed of batch) {
    releaseEntry(host, caller, removed.entry);
    releaseUse(host, removed.owner, removed.ref, removed.mfn, removed.isReadonly);
  }
  batch.length = 0;
}

/**
 * A use of a grant ends: its pin, its status bits, then its page reference; the page may go, and a
 * dying granter with its last page. Through a writable mapping it may have been written.
 */
export function releaseUse(
  host: Host,
  owner: Domain,
  ref: GrantRef,
  mfn: Mfn,
  isReadonly: boolean,
): void {
  if (!isReadonly) noteWritten(host, owner, mfn);
  owner.grants.active.unpin(ref, unitOf(isReadonly));
  reduceStatus(owner.grants, ref, isReadonly);
  putPage(host, mfn);
}

/** Ends every mapping that a dying domain still has: the handle's part of it (grants.md 12.2). */
export function releaseHandle(host: Host, domain: Domain, handle: Handle): void {
  const { maptrack } = domain;
  const ref = maptrack.refOf(handle);
  const owner = host.granter(maptrack.granterOf(handle));
  const mfn = owner.grants.active.mfnOf(ref);
  const isReadonly = maptrack.isReadonly(handle);
  maptrack.retire(handle);
  releaseUse(host, owner, ref, mfn, isReadonly);
}
