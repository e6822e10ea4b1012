import type { Access, Accessor, ByGuest, Control, LinearAccess } from './access.js';
import type { Layout } from './layouts.js';
import type { Preemption } from './preemption.js';
import type { DomainId, Gfn, GrantRef, GuestPhysical, Handle } from './ids.js';
import type { ResourceCall } from './resources.js';
import type { Toolstack } from './toolstack.js';
import type { ControlGrantCall } from './control-grants.js';
import type { WindowCall } from './windows.js';
import type { Word } from './word.js';

export {
  HVMMEM_ioreq_server,
  HVMMEM_mmio_dm,
  HVMMEM_ram_ro,
  HVMMEM_ram_rw,
  fallible,
} from './toolstack.js';
export type {
  CreateDomain,
  DestroyDomain,
  DomainInfo,
  FailNext,
  Fallible,
  InspectGfn,
  LogDirty,
  MemoryTypeAt,
  PauseDomain,
  PodTarget,
  SetMemoryLimit,
  SetMemoryType,
  Toolstack,
} from './toolstack.js';
export type {
  WriteBack,
  ControlGrantCall,
  FlushElement,
  GetStatusFrames,
  ReplaceElement,
  TransferElement,
  TransferGrant,
  UnmapAndReplace,
} from './control-grants.js';
export type { AcquireResource, ClaimPages, ResourceCall } from './resources.js';
export type { MapForeign, UnmapWindow, WindowCall } from './windows.js';
export { accessors } from './access.js';
export type {
  Access,
  ByGuest,
  Accessor,
  CompareExchange,
  Control,
  ExchangeAdd,
  Fetch,
  InvalidatePage,
  LinearAccess,
  LinearStore,
  Load,
  MoveToCr3,
  MoveToRegister,
  Store,
} from './access.js';

export { preemptible } from './preemption.js';
export type { ByToolstack, Interrupt, PreemptibleCall, Preemption, Resume } from './preemption.js';

/**
 * One thing that happens: a guest's hypercall or memory access, or an operation of the toolstack.
 * Every number a guest passes may be garbage; widths are those of Xen's argument structures
 * (grants.md 6) and are given beside each field. Numbers of 64 bits follow `ALL_ONES` in ids.ts.
 */
export type Step =
  | GrantCall
  | MemoryCall
  | Hypercall
  | Access
  | LinearAccess
  | Control
  | Toolstack
  | WindowCall
  | Preemption;
export type Operation = Step['op'];

// ---- grant table hypercalls (grants.md 7) ----

export type GrantCall =
  | MapGrant
  | UnmapGrant
  | CopyGrant
  | SetupTable
  | QuerySize
  | SetVersion
  | GetVersion
  | SwapGrant
  | RefusedGrantCall
  | ControlGrantCall;

export interface MapGrant extends ByGuest {
  readonly op: 'map';
  readonly elements: readonly MapElement[];
}
export interface MapElement {
  /** u16 */
  readonly granter: DomainId;
  /** u32 */
  readonly ref: GrantRef;
  /** u64: guest-physical; the low 12 bits are ignored. */
  readonly address: GuestPhysical;
  /** u32: `GNTMAP_*` */
  readonly flags: number;
}

export interface UnmapGrant extends ByGuest {
  readonly op: 'unmap';
  readonly elements: readonly UnmapElement[];
}
export interface UnmapElement {
  /** u32 */
  readonly handle: Handle;
  /** u64: 0 says "no host mapping to undo". */
  readonly address: GuestPhysical;
  /** u64: ignored for handles without a device mapping. */
  readonly deviceAddress: number;
}

export interface CopyGrant extends ByGuest {
  readonly op: 'copy';
  readonly elements: readonly CopyElement[];
}
export interface CopyElement {
  readonly source: CopySide;
  readonly dest: CopySide;
  /** u16 bytes */
  readonly length: number;
  /** u16: `GNTCOPY_*` says which sides are refs. */
  readonly flags: number;
}
export interface CopySide {
  /** u16 */
  readonly domain: DomainId;
  /** A grant ref (u32) where the element's flags say so, else a gfn (u64). */
  readonly at: number;
  /** u16 bytes, absolute within the page. */
  readonly offset: number;
}

export interface SetupTable extends ByGuest {
  readonly op: 'setup_table';
  readonly target: DomainId;
  /** u32 */
  readonly frames: number;
  /** Elements the caller claims to pass; only 1 is right. */
  readonly count: number;
  /** Where the frame list is written, or undefined for a buffer outside the tested memory. */
  readonly list: GuestPhysical | undefined;
}
export interface QuerySize extends ByGuest {
  readonly op: 'query_size';
  readonly target: DomainId;
  readonly count: number;
}
export interface SetVersion extends ByGuest {
  readonly op: 'set_version';
  /** u32 */
  readonly version: number;
}
export interface GetVersion extends ByGuest {
  readonly op: 'get_version';
  readonly target: DomainId;
}
export interface SwapGrant extends ByGuest {
  readonly op: 'swap';
  readonly elements: readonly SwapElement[];
}
export interface SwapElement {
  readonly first: GrantRef;
  readonly second: GrantRef;
}

/** The grant operations that an HVM caller is refused before anything is looked at. */
export const refusedGrantCalls = [
  'transfer',
  'dump_table',
  'unmap_and_replace',
  'get_status_frames',
  'cache_flush',
] as const;
export interface RefusedGrantCall extends ByGuest {
  readonly op: 'refused_grant_call';
  readonly name: (typeof refusedGrantCalls)[number];
}

// ---- memory hypercalls (p2m.md 2.9); `caller` may be the control domain ----

export type MemoryCall =
  | Populate
  | Decrease
  | Increase
  | AddToPhysmap
  | AddToPhysmapBatch
  | RemoveFromPhysmap
  | Exchange
  | Reservation
  | ResourceCall;

export interface Populate extends ByGuest {
  readonly op: 'populate_physmap';
  readonly target: DomainId;
  readonly extents: readonly Gfn[];
  readonly order: number;
  /** XENMEMF_populate_on_demand: no pages now, one for each gfn when it is first used. */
  readonly onDemand?: boolean;
}
export interface Decrease extends ByGuest {
  readonly op: 'decrease_reservation';
  readonly target: DomainId;
  readonly extents: readonly Gfn[];
  readonly order: number;
}
export interface Increase extends ByGuest {
  readonly op: 'increase_reservation';
  readonly target: DomainId;
  readonly count: number;
  readonly order: number;
}

/** Spaces of `add_to_physmap` by number; other numbers may be passed and are refused. */
export const XENMAPSPACE_shared_info = 0;
export const XENMAPSPACE_grant_table = 1;
export const XENMAPSPACE_gmfn = 2;
export const XENMAPSPACE_gmfn_range = 3;
export const XENMAPSPACE_gmfn_foreign = 4;
export const XENMAPSPACE_dev_mmio = 5;

export interface AddToPhysmap extends ByGuest {
  readonly op: 'add_to_physmap';
  readonly target: DomainId;
  readonly space: number;
  /** u64 */
  readonly index: number;
  readonly gfn: Gfn;
  /** u16: pages, for gmfn_range only. */
  readonly size: number;
}
export interface AddToPhysmapBatch extends ByGuest {
  readonly op: 'add_to_physmap_batch';
  readonly target: DomainId;
  readonly space: number;
  /** u16: the foreign domain, or a reserved field. */
  readonly foreign: number;
  readonly entries: readonly PhysmapEntry[];
}
export interface PhysmapEntry {
  readonly index: number;
  readonly gfn: Gfn;
}
export interface RemoveFromPhysmap extends ByGuest {
  readonly op: 'remove_from_physmap';
  readonly target: DomainId;
  readonly gfn: Gfn;
}
export interface Exchange extends ByGuest {
  readonly op: 'exchange';
  readonly target: DomainId;
  readonly given: readonly Gfn[];
  readonly givenOrder: number;
  readonly taken: readonly Gfn[];
  readonly takenOrder: number;
}
export interface Reservation extends ByGuest {
  readonly op: 'current_reservation' | 'maximum_reservation' | 'maximum_gpfn';
  readonly target: DomainId;
}

// ---- hypercalls as a guest makes them ----

/**
 * A hypercall by its number, its arguments in the caller's memory: the registers of a guest (grants.md
 * 5, p2m.md 2.9). Which structure is at `argument`, the number and the command say.
 */
export interface Hypercall extends ByGuest {
  readonly op: 'hypercall';
  readonly layout: Layout;
  /** Who calls; user code is refused. */
  readonly as: Accessor;
  /** u32 */
  readonly number: number;
  /** u32 */
  readonly command: number;
  /** u64: a linear address; its low half where the layout is compat. */
  readonly argument: Word;
  /** u32: elements that a grant operation is passed; a memory operation has none. */
  readonly count: number;
}
