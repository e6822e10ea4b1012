import type { Domain } from './domain.js';
import type { Host } from './host.js';
import type { Vcpu } from './vcpu.js';

const LEVELS = 5;

/**
 * What a walk of a guest's tables found, refilled by each walk. Columns are by level, 4 down to 1;
 * those from `top` down to `leafLevel` were read. In PAE mode `top` is 2: level 3 is registers.
 */
export class GuestWalk {
  /** The error code of the page fault, W, U and I included; 0 is never one, P=0 too has `isAllowed` false. */
  isAllowed = false;
  code = 0;
  /** Levels that were read: top >= leafLevel, or none (top 0) for an unpaged vcpu. */
  top = 0;
  leafLevel = 0;
  /** The page, of 4 KiB whatever the leaf maps. */
  gfn = 0;
  /** All entries on the way say so. */
  isUser = true;
  isWritable = true;
  isNoExecute = false;
  /** The entry at each level: its frame, its byte offset there, and what it read. */
  readonly table = new Int32Array(LEVELS);
  readonly offset = new Int32Array(LEVELS);
  readonly low = new Uint32Array(LEVELS);
  readonly high = new Uint32Array(LEVELS);
}

/**
 * Walks the guest's tables as they are now, from the registers of a vcpu (p2m.md 3.4). Sets nothing.
 * `access` is as for the processor: PFEC_W, PFEC_U, PFEC_I, ACCESS_AC, ACCESS_IMPLICIT. Outside long
 * mode `high` is not looked at. Answers `walk.isAllowed`.
 */
export declare function walkGuest(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  low: number,
  high: number,
  access: number,
  walk: GuestWalk,
): boolean;

/**
 * Sets A at every level and, for a write, D at the leaf, leaf first, in entries that still read as
 * the walk found them. Tells the paging of what it wrote (`Paging.frameWritten`).
 */
export declare function setAccessedAndDirty(host: Host, walk: GuestWalk, access: number): void;
