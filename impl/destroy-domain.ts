import { Handle, INVALID_GFN, Mfn } from '../abi/ids.js';
import type { Gfn } from '../abi/ids.js';
import type { ReleasedMapping } from '../abi/reply.js';
import { assert } from './assert.js';
import { dropRoot } from './control.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { releaseHandle } from './hypercalls/unmap-grant.js';
import type { Invocation } from './invocation.js';
import { freeDomainIfUnused, getPage, putAllocation, putPage, putXenAllocation } from './pages.js';
import { releaseEntry } from './physmap.js';
import { isGrant, isRam, mfnOf } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

/**
 * The toolstack destroys a domain (p2m.md 2.8): it stops, its grant mappings leave its p2m and its
 * handles go, one by one; then what it translated, Xen's pages and its own pages. What others still
 * hold stays, and the domain with it, until they let go. Answers the handles that went, where it was
 * stopped; then all is to be done that was not. It stops after a handle only: from the last handle on
 * the rest is one unit, as [B4] has it, though others may look between its slices.
 */
export function destroyDomain(
  host: Host,
  domain: Domain,
  invocation: Invocation,
): readonly ReleasedMapping[] | 'destroyed' {
  assert(!domain.isTornDown, 'a domain is destroyed once');
  const released: ReleasedMapping[] = [];
  const teardown = (domain.teardown ??= begin(host, domain));
  for (let unit = 1; ; unit += 1) {
    const done = teardown.unit();
    if (done === undefined) break;
    if (done !== 'work') released.push(done);
    if (unit % host.machine.preemptionBudget === 0) host.stop('teardown/slice');
    if (done !== 'work' && invocation.stopsAt(invocation.start + released.length)) return released;
  }
  domain.isTornDown = true;
  domain.teardown = undefined;
  freeDomainIfUnused(host, domain);
  return 'destroyed';
}

/** From now on no vcpu of the domain runs, and it gets no memory. */
function begin(host: Host, domain: Domain): Teardown {
  domain.isDying = true;
  domain.outstanding = 0;
  host.continuations.forget(domain.id);
  return new Teardown(host, domain);
}

/**
 * How far a destruction has come. Each unit of work is bounded; what translates goes before the
 * reference that it relies on (N2), so that a destruction may rest between any two of them.
 */
export class Teardown {
  readonly #host: Host;
  readonly #domain: Domain;
  /** Tables of the p2m in which there may still be grant mappings. */
  #tables: number;
  /** The next handle to look at is the one before this. */
  #handle: number;
  #page: number;
  #isPaged = true;
  #isRooted = true;

  constructor(host: Host, domain: Domain) {
    this.#host = host;
    this.#domain = domain;
    domain.p2m.close();
    this.#tables = domain.p2m.tables().length;
    this.#handle = domain.maptrack.limit();
    this.#page = host.guestShare.first;
  }

  /** Does the next unit of work, and answers the mapping that it ended; undefined when all is done. */
  unit(): ReleasedMapping | 'work' | undefined {
    if (this.#dropPaging() || this.#dropGrantEntries()) return 'work';
    const released = this.#releaseHandle();
    if (released !== undefined) return released;
    const isWork =
      this.#dropRoots() || this.#dropTable() || this.#releaseXenPage() || this.#releasePage();
    return isWork ? 'work' : undefined;
  }

  /** What serves the guest's page tables: nothing translates for a vcpu any more. */
  #dropPaging(): boolean {
    if (!this.#isPaged) return false;
    this.#isPaged = false;
    this.#domain.paging.release();
    return true;
  }

  /** The grant mappings in one table of the p2m, before the handles on which they rest. */
  #dropGrantEntries(): boolean {
    if (this.#tables === 0) return false;
    this.#tables -= 1;
    const { p2m } = this.#domain;
    const table = p2m.tables()[this.#tables];
    assert(table !== undefined, 'a p2m that is closed has the tables it had');
    p2m.emptyIn(table, isGrant, (_gfn, found) => {
      releaseEntry(this.#host, this.#domain, found);
    });
    return true;
  }

  /** The roots that its vcpus hold. */
  #dropRoots(): boolean {
    if (!this.#isRooted) return false;
    this.#isRooted = false;
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
  #releaseHandle(): ReleasedMapping | undefined {
    const { maptrack } = this.#domain;
    while (this.#handle > 0) {
      this.#handle -= 1;
      const handle = Handle(this.#handle);
      if (!maptrack.isLive(handle)) continue;
      const released = {
        handle,
        granter: maptrack.granterOf(handle),
        ref: maptrack.refOf(handle),
        readonly: maptrack.isReadonly(handle),
      };
      releaseHandle(this.#host, this.#domain, handle);
      return released;
    }
    maptrack.close();
    return undefined;
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
    this.#domain.demands.kept.length = 0;
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
