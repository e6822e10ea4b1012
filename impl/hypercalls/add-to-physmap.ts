import { ALL_ONES, Gfn, INVALID_GFN } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Errno } from '../../abi/status.js';
import {
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
} from '../../abi/step.js';
import type { AddToPhysmap, AddToPhysmapBatch } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { withdraw } from '../believed-gfn.js';
import { getTableFrame } from '../grant-frames.js';
import { getOwnFrame } from '../granted-frame.js';
import { isTranslated, mayActOn } from '../host.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { demand } from '../on-demand.js';
import { putPage } from '../pages.js';
import { addPage, removeAndFree, removePage } from '../physmap.js';
import { rcReply } from '../replies.js';
import { NOTHING, RAM_RW, mfnOf } from '../tables/p2m-entry.js';

/** XENMEM_add_to_physmap (p2m.md 2.9). */
export function addToPhysmap(
  host: Host,
  caller: Domain,
  step: AddToPhysmap,
  invocation: Invocation,
): Reply {
  if (step.space === XENMAPSPACE_gmfn_foreign) return rcReply('-ENOSYS');

  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return rcReply('-ESRCH');
  const refused = refusal(caller, target, step.space);
  if (refused !== undefined) return rcReply(refused);
  if (step.gfn === INVALID_GFN) return rcReply('-EINVAL');

  if (step.space === XENMAPSPACE_gmfn_range)
    return rcReply(addRange(host, caller, target, step, invocation));
  return rcReply(addOne(host, target, step.space, step.index, step.gfn));
}

/**
 * XENMEM_add_to_physmap_batch: a value for each entry of this invocation; an impossible gfn ends the
 * call.
 */
export function addToPhysmapBatch(
  host: Host,
  caller: Domain,
  step: AddToPhysmapBatch,
  invocation: Invocation,
): Reply {
  const left = step.entries.slice(invocation.start);
  const errors: (0 | Errno | 'untouched')[] = left.map(() => 'untouched');
  if (step.space === XENMAPSPACE_gmfn_range) return { is: 'errors', rc: '-EOPNOTSUPP', errors };

  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return { is: 'errors', rc: '-ESRCH', errors };
  const refused = refusal(caller, target, step.space);
  if (refused !== undefined) return { is: 'errors', rc: refused, errors };

  for (const [row, { index, gfn }] of left.entries()) {
    if (row > 0) host.stop('physmap/extent');
    if (invocation.stopsAt(invocation.start + row)) {
      return { is: 'errors', rc: 0, errors: errors.slice(0, row) };
    }
    if (gfn === INVALID_GFN) return { is: 'errors', rc: '-EINVAL', errors };
    errors[row] = addOne(host, target, step.space, index, gfn);
    if (caller.isCrashed) break;
  }
  return { is: 'errors', rc: 0, errors };
}

/** What is asked before anything is looked at. */
function refusal(caller: Domain, target: Domain, space: number): Errno | undefined {
  if (!isTranslated(target)) return '-EACCES';
  if (space === XENMAPSPACE_dev_mmio) return '-EACCES';
  if (!mayActOn(caller, target)) return '-EPERM';
  return undefined;
}

/**
 * Page by page, forward; the first failure ends it and what was done stays done. Answers the pages
 * done where it is stopped.
 */
function addRange(
  host: Host,
  caller: Domain,
  target: Domain,
  step: AddToPhysmap,
  invocation: Invocation,
): number | Errno {
  if (step.index === ALL_ONES && step.size > 0) return '-EOVERFLOW';
  for (let page = invocation.start; page < step.size; page += 1) {
    if (page > invocation.start) host.stop('physmap/extent');
    if (invocation.stopsAt(page)) return page;
    const gfn = Gfn(step.gfn + page);
    const result = addOne(host, target, XENMAPSPACE_gmfn, step.index + page, gfn);
    if (result !== 0 || caller.isCrashed) return result;
  }
  return 0;
}

/** One page: a source frame by space, held while it is moved, then the part common to all. */
function addOne(host: Host, target: Domain, space: number, index: number, gfn: Gfn): 0 | Errno {
  if (space === XENMAPSPACE_gmfn_foreign) return '-EPERM';
  if (space === XENMAPSPACE_shared_info) {
    if (index !== 0 || target.sharedInfo === undefined) return '-EINVAL';
    return moveTo(host, target, gfn, target.sharedInfo, undefined);
  }
  if (space === XENMAPSPACE_grant_table) {
    const mfn = getTableFrame(host, target, index);
    if (typeof mfn === 'string') return mfn;
    const result = moveTo(host, target, gfn, mfn, undefined);
    putPage(host, mfn);
    return result;
  }
  if (space !== XENMAPSPACE_gmfn) return '-EINVAL';
  const mfn = getOwnFrame(host, target, Gfn(index));
  if (mfn === undefined) return '-EINVAL';
  const result = moveTo(host, target, gfn, mfn, Gfn(index));
  putPage(host, mfn);
  return result;
}

/**
 * The frame leaves the gfn it has, if any, and appears at another. What was there is removed first:
 * a page of Xen's own is only unhooked, the domain's RAM is freed, another's page stays and refuses.
 */
function moveTo(
  host: Host,
  target: Domain,
  gfn: Gfn,
  mfn: Mfn,
  source: Gfn | undefined,
): 0 | Errno {
  demand(host, target, gfn);
  const former = host.frames.gfnOf(mfn);
  if (source !== undefined && former !== source) return '-EXDEV';

  const old = target.p2m.lookup(gfn);
  if (old !== NOTHING) {
    if (host.frames.isXenHeap(mfnOf(old))) {
      if (!removePage(host, target, gfn)) return '-ENOMEM';
    } else if (mfnOf(old) !== mfn) {
      const result = removeAndFree(host, target, gfn);
      if (result !== 'removed') return result;
    }
  }
  const left = former === gfn ? 0 : withdraw(host, target, mfn);
  if (left !== 0) return left;
  host.stop('physmap/unhooked');
  const result = addPage(host, target, gfn, mfn, RAM_RW);
  return result === 'added' ? 0 : result;
}
