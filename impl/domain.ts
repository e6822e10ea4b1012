import type { DomainId, Mfn } from '../abi/ids.js';
import type { Teardown } from './destroy-domain.js';
import type { Paging } from './paging.js';
import type { Demands } from './tables/demands.js';
import type { DirtyLog } from './tables/dirty-log.js';
import type { GrantTable } from './tables/grant-table.js';
import type { Maptrack } from './tables/maptrack.js';
import type { P2mTable } from './tables/p2m-table.js';
import type { Vcpu } from './vcpu.js';

/** What a new domain is put together from. */
export interface DomainParts {
  readonly id: DomainId;
  readonly maximumPages: number;
  readonly p2m: P2mTable;
  readonly grants: GrantTable;
  readonly maptrack: Maptrack;
  readonly vcpus: readonly Vcpu[];
  readonly demands: Demands;
  /** Serves the guest's own page tables: made for the domain when all else is there. */
  readonly newPaging: (domain: Domain) => Paging;
}

/** One domain. It goes on existing, dying, while anyone still holds a page of it (p2m.md 2.8). */
export class Domain {
  readonly id: DomainId;
  readonly p2m: P2mTable;
  readonly grants: GrantTable;
  readonly maptrack: Maptrack;
  readonly vcpus: readonly Vcpu[];
  readonly paging: Paging;
  /** Xen's page of the domain's own state; undefined until it has one. */
  sharedInfo: Mfn | undefined;
  /** RAM pages it owns, in its p2m or not (`tot_pages`). */
  pages = 0;
  /** Xen's own pages shared with it that still have a reference. */
  xenHeapPages = 0;
  maximumPages: number;
  /** Pages claimed for it that it does not have yet. */
  outstanding = 0;
  /** The limit was set below what it had: `pages` may exceed it since (D2). */
  wasOverLimit = false;
  /** Its gfns that are populated on demand, and the frames kept for them. */
  readonly demands: Demands;
  /** Which gfns were written, while the toolstack wants to know. */
  dirtyLog: DirtyLog | undefined;
  /** How often the toolstack paused it and did not yet unpause it. */
  pauses = 0;
  isCrashed = false;
  isDying = false;
  /** How far its destruction has come, until it is done. */
  teardown: Teardown | undefined;
  /** Every slice of its destruction is done: only pages that others hold keep it. */
  isTornDown = false;

  constructor(parts: DomainParts) {
    this.id = parts.id;
    this.maximumPages = parts.maximumPages;
    this.p2m = parts.p2m;
    this.grants = parts.grants;
    this.maptrack = parts.maptrack;
    this.vcpus = parts.vcpus;
    this.demands = parts.demands;
    this.paging = parts.newPaging(this);
  }

  /** Its vcpus execute instructions. */
  isRunning(): boolean {
    return this.pauses === 0 && this.isAlive();
  }

  /** They would, were they not paused. */
  isAlive(): boolean {
    return !this.isCrashed && !this.isDying;
  }
}
