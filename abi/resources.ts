import type { ByGuest } from './access.js';
import type { DomainId } from './ids.js';

/** Memory operations by which the control domain provides for others. */
export type ResourceCall = ClaimPages | AcquireResource;

/** XENMEM_claim_pages: the machine keeps pages for a domain, until it has so many. */
export interface ClaimPages extends ByGuest {
  readonly op: 'claim_pages';
  /** u16 */
  readonly target: DomainId;
  /** u64: all that the domain is to have; 0 gives the claim up. */
  readonly pages: number;
  /** u32: of the extents that are meant; only single pages are claimed. */
  readonly order: number;
}

/** What `acquire_resource` knows of a grant table, by number; other numbers may be passed. */
export const RESOURCE_grant_frames = 0;
export const RESOURCE_status_frames = 1;

/** XENMEM_acquire_resource of a grant table: its frames, for the control domain to map. */
export interface AcquireResource extends ByGuest {
  readonly op: 'acquire_resource';
  /** u16 */
  readonly target: DomainId;
  /** u32 */
  readonly id: number;
  /** u64: the first frame. */
  readonly frame: number;
  /** u32 */
  readonly count: number;
  /** No list is passed: how many there may be is asked for. */
  readonly isQuery: boolean;
}
