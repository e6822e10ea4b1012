import { Handle, INVALID_GFN, Mfn } from '../abi/ids.js';
import type { Gfn } from '../abi/ids.js';
import { assert } from './assert.js';
import { dropRoot } from './control.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { releaseHandle } from './hypercalls/unmap-grant.js';
import { freeDomainIfUnused, getPage, putAllocation, putPage, putXenAllocation } from './pages.js';
import { releaseEntry } from './physmap.js';
import { isRam, mfnOf } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

/**
 * The toolstack destroys a domain (p2m.md 2.8): it stops, then its translations, its mappings of
 * others' pages, Xen's pages and its own pages go, in slices; with the translations its paging and
 * the roots that its vcpus hold. What others still hold stays, and the
 * domain with it, until they let go.
 */
export function destroyDomain(host: Host, domain: Domain): void {
  assert(!domain.isDying, 'a domain is destroyed once');
  domain.isDying = true;
  host.continuations.forget(domain.id);
  const teardown = new Teardown(host, domain);
  while (!teardown.slice(host.machine.preemptionBudget)) host.stop('teardown/slice');
  domain.isTornDown = true;
  freeDomainIfUnused(host, domain);
}

/**
 * How far a destruction has come. A slice does a bounded number of units of work; translations go
 * first, so that no reference is dropped that one of them relies on (N2).
 */
class Teardown {
  readonly #host: Host;
  readonly #domain: Domain;
  /** The next handle to look at is the one before this. */
  #handle: number;
  #page: number;
  #isPaged = true;

  constructor(host: Host, domain: Domain) {
    this.#host = host;
    this.#domain = domain;
    this.#handle = domain.maptrack.limit();
    this.#page = host.guestShare.first;
    domain.p2m.close();
  }

  /** Does up to `budget` units of work; true when nothing is left to do. */
  slice(budget: number): boolean {
    for (let unit = 0; unit < budget; unit += 1) {
      if (this.#dropPaging()) continue;
      if (this.#dropTable()) continue;
      if (this.#releaseHandle()) continue;
      if (this.#releaseXenPage()) continue;
      if (this.#releasePage()) continue;
      return true;
    }
    return false;
  }

  /** What serves the guest's page tables, then the roots: nothing walks from them any more. */
  #dropPaging(): boolean {
    if (!this.#isPaged) return false;
    this.#isPaged = false;
    this.#domain.paging.release();
    for (const vcpu of this.#domain.vcpus) dropRoot(this.#host, vcpu);
    return true;
  }

  /** One table of the p2m, with all that it translated. */
  #dropTable(): boolean {
    return this.#domain.p2m.dropTable((gfn, found) => {
      this.#dropEntry(gfn, found);
    });
  }

  #dropEntry(gfn: Gfn, found: Leaf): void {
    this.#host.entryLog.note(this.#domain.id, gfn);
    const { frames } = this.#host;
    // A page of Xen's own keeps the gfn it had: `add_to_physmap` looks at it even now.
    const isForgotten = isRam(found) && !frames.isXenHeap(mfnOf(found));
    if (isForgotten) frames.setGfn(mfnOf(found), INVALID_GFN);
    releaseEntry(this.#host, this.#domain, found);
  }

  /** One live mapping of someone's page, highest handle first (grants.md 12.2). */
  #releaseHandle(): boolean {
    const { maptrack } = this.#domain;
    while (this.#handle > 0) {
      this.#handle -= 1;
      if (!maptrack.isLive(Handle(this.#handle))) continue;
      releaseHandle(this.#host, this.#domain, Handle(this.#handle));
      return true;
    }
    maptrack.close();
    return false;
  }

  /** One of Xen's pages that still has its allocation. */
  #releaseXenPage(): boolean {
    const { frames } = this.#host;
    const { grants, sharedInfo } = this.#domain;
    const isHeld = (mfn: Mfn): boolean => frames.isAllocated(mfn);
    const held =
      grants.frames.find(isHeld) ??
      grants.statusFrames.find(isHeld) ??
      (sharedInfo !== undefined && isHeld(sharedInfo) ? sharedInfo : undefined);
    if (held === undefined) return false;
    putXenAllocation(this.#host, held);
    return true;
  }

  /** One page of its own that still has its allocation. */
  #releasePage(): boolean {
    const { frames, guestShare } = this.#host;
    while (this.#page < guestShare.untouchedFrom()) {
      const mfn = Mfn(this.#page);
      this.#page += 1;
      if (frames.ownerOf(mfn) !== this.#domain.id || !frames.isAllocated(mfn)) continue;
      const isHeld = getPage(this.#host, mfn, this.#domain);
      assert(isHeld, 'a page with its allocation can be referenced');
      putAllocation(this.#host, mfn);
      putPage(this.#host, mfn);
      return true;
    }
    return false;
  }
}
