import type { ByGuest } from './access.js';
import type { DomainId, Gfn, GrantRef, GuestPhysical, Handle } from './ids.js';

/**
 * Grant operations that only a paravirtualised caller has: the control domain. Where a guest passes an
 * address in its physical memory, it passes a linear one, or where an entry of its page tables is.
 */
export type ControlGrantCall = UnmapAndReplace | GetStatusFrames | TransferGrant | WriteBack;

/** By which names these operations are refused to guests. */
export const refusedToGuests = {
  unmap_and_replace: 'unmap_and_replace',
  get_status_frames: 'get_status_frames',
  transfer: 'transfer',
  write_back: 'cache_flush',
} as const;

/** Machine addresses of the entries of the control domain's page tables, eight bytes for each page. */
export const ENTRY_ADDRESS = 2 ** 40;

export interface UnmapAndReplace extends ByGuest {
  readonly op: 'unmap_and_replace';
  readonly elements: readonly ReplaceElement[];
}
export interface ReplaceElement {
  /** u32 */
  readonly handle: Handle;
  /** u64: linear, or of an entry; 0 says "no host mapping to undo". */
  readonly address: GuestPhysical;
  /** u64: the linear page whose entry takes the place of the mapping; 0 for none. */
  readonly newAddress: GuestPhysical;
}

export interface GetStatusFrames extends ByGuest {
  readonly op: 'get_status_frames';
  /** u16 */
  readonly target: DomainId;
  /** u32 */
  readonly frames: number;
  readonly count: number;
}

export interface TransferGrant extends ByGuest {
  readonly op: 'transfer';
  readonly elements: readonly TransferElement[];
}
export interface TransferElement {
  /** u64: the page that is given away, by its machine frame. */
  readonly gfn: Gfn;
  /** u16: who gets it, and the entry of its table that accepts it. */
  readonly target: DomainId;
  /** u32 */
  readonly ref: GrantRef;
}

/** `cache_flush`: what processors have of a page and memory has not is written. */
export interface WriteBack extends ByGuest {
  readonly op: 'write_back';
  readonly elements: readonly FlushElement[];
}
export interface FlushElement {
  /** u64: of the machine, as `dev_bus_addr` of a mapping. */
  readonly deviceAddress: number;
  /** u16 bytes, within the page. */
  readonly offset: number;
  /** u16 bytes */
  readonly length: number;
  /** u32: `GNTTAB_CACHE_*` */
  readonly flags: number;
}
