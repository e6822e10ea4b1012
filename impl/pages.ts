import { CONTROL } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import { assert } from './assert.js';
import type { Domain } from './domain.js';
import { forgetFrame, forgetGranter } from './forgotten-handles.js';
import type { Host } from './host.js';
import { HUGE_PAGES, SUPERPAGE_PAGES, hasLargeEntries } from './tables/superpage.js';

/*
 * The life of a page (p2m.md 1.2, 1.3): it is assigned, referenced, loses its allocation, and is
 * freed when the last reference goes. A dying domain goes with its last page.
 */

/**
 * Gives a domain new zero pages, all or none. Refused for a dying domain, beyond its limit, and
 * where the machine has no frames left, or is to have none.
 */
export function assignPages(host: Host, domain: Domain, count: number): readonly Mfn[] | undefined {
  if (domain.isDying) return undefined;
  if (domain.pages + count > domain.maximumPages) return undefined;
  if (host.failing.strikes('page')) return undefined;
  const free = host.guestShare.freeCount();
  if (free < count) return undefined;
  // What is claimed is for those who claimed at least so much.
  if (outstandingPages(host) + count > free && domain.outstanding < count) return undefined;

  // Nothing below this line can fail.
  const pages: Mfn[] = [];
  let offered = 0;
  for (let page = 0; page < count; page += 1) {
    if (page >= offered) offered = page + offerRun(host, count - page);
    const mfn = host.guestShare.take();
    assert(mfn !== undefined, 'a share gives what it said it has');
    host.frames.assign(mfn, domain.id);
    host.ram.log.note(mfn, 0, PAGE_BYTES);
    domain.pages += 1;
    if (domain.outstanding > 0) domain.outstanding -= 1;
    pages.push(mfn);
  }
  return pages;
}

/** Frames in a row come next, for the largest entry that so many pages fill, if there are such; how many. */
function offerRun(host: Host, count: number): number {
  if (!host.options.superpages || !hasLargeEntries(host.machine)) return count;
  for (const size of [HUGE_PAGES, SUPERPAGE_PAGES])
    if (count >= size && host.guestShare.offerRun(size)) return size;
  return Math.min(count, SUPERPAGE_PAGES);
}

/** Pages that are claimed, for whomever. */
export function outstandingPages(host: Host): number {
  let pages = 0;
  for (const domain of host.domains.guests()) pages += domain.outstanding;
  return pages;
}

/** A reference on a page of this domain; false for anyone else's, and for one that is going. */
export function getPage(host: Host, mfn: Mfn, domain: Domain): boolean {
  if (!host.frames.reference(mfn)) return false;
  if (host.frames.ownerOf(mfn) !== domain.id) {
    putPage(host, mfn);
    return false;
  }
  return true;
}

/** Drops a reference; the last one frees the page. */
export function putPage(host: Host, mfn: Mfn): void {
  if (host.frames.dereference(mfn) > 0) return;
  const owner = host.domains.byId(host.frames.ownerOf(mfn));
  assert(owner !== undefined, 'the owner of a page lives as long as the page');
  if (host.frames.isXenHeap(mfn)) {
    // Its memory stays with the table it is part of; only the domain's claim on it ends.
    owner.xenHeapPages -= 1;
  } else {
    forgetFrame(host, mfn);
    host.guestShare.giveBack(mfn);
    owner.pages -= 1;
    if (owner.outstanding > 0) owner.outstanding += 1;
  }
  freeDomainIfUnused(host, owner);
}

/**
 * Drops the allocation reference of a page, if it still has it. The caller holds another, so the
 * page does not go here.
 */
export function putAllocation(host: Host, mfn: Mfn): void {
  if (!host.frames.isAllocated(mfn)) return;
  assert(host.frames.referencesOf(mfn) > 1, 'the allocation is not the last reference');
  host.frames.clearAllocated(mfn);
  host.frames.dereference(mfn);
}

/** A new zero page of Xen's own, not yet anybody's; undefined where this is to fail. */
export function takeXenPage(host: Host, domain: Domain): Mfn | undefined {
  if (host.failing.strikes('grant_frame')) return undefined;
  const share = domain.id === CONTROL ? host.controlShare : host.xenShare;
  const mfn = share.take();
  assert(mfn !== undefined, 'the hypervisor has a frame for every table of every domain');
  return mfn;
}

/** Gives back a page of Xen's own that nobody was given. */
export function giveBackXenPage(host: Host, domain: Domain, mfn: Mfn): void {
  (domain.id === CONTROL ? host.controlShare : host.xenShare).giveBack(mfn);
}

/** Shares a page of Xen's own with a domain, typed for good (I20). */
export function shareXenPage(host: Host, domain: Domain, mfn: Mfn): void {
  host.frames.share(mfn, domain.id, !domain.isDying);
  host.ram.log.note(mfn, 0, PAGE_BYTES);
  if (!domain.isDying) domain.xenHeapPages += 1;
}

/** Drops the allocation of a page of Xen's own, which may be its last reference. */
export function putXenAllocation(host: Host, mfn: Mfn): void {
  if (!host.frames.isAllocated(mfn)) return;
  host.frames.clearAllocated(mfn);
  putPage(host, mfn);
}

/** Takes a page of Xen's own back, which nobody references any more, and frees it. */
export function unshareXenPage(host: Host, mfn: Mfn): void {
  host.frames.unshare(mfn);
  host.xenShare.giveBack(mfn);
}

/** A dying domain whose last page has gone, goes (p2m.md 1.2, D3). */
export function freeDomainIfUnused(host: Host, domain: Domain): void {
  if (!domain.isTornDown) return;
  if (domain.pages > 0 || domain.xenHeapPages > 0) return;

  // Nothing below this line can fail.
  for (const mfn of domain.grants.frames) unshareXenPage(host, mfn);
  for (const mfn of domain.grants.statusFrames) unshareXenPage(host, mfn);
  if (domain.sharedInfo !== undefined) unshareXenPage(host, domain.sharedInfo);
  domain.p2m.dropRoot();
  forgetGranter(host, domain);
  host.domains.remove(domain);
}
