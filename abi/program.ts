import type { Accessor } from './access.js';
import type { DomainId, Gfn, GrantRef, GuestPhysical, Handle, VcpuId } from './ids.js';
import type { GrantVersion } from './grant-table.js';
import type { Layout } from './layouts.js';
import type { DomainConfig, Machine } from './machine.js';
import type { WriteBack, ControlGrantCall, FlushElement, GrantCall, MemoryCall } from './step.js';
import type { ResourceCall } from './resources.js';
import type { RefusedGrantCall, ReplaceElement, Step } from './step.js';
import type { UnmapAndReplace, UnmapElement, UnmapGrant } from './step.js';
import type { Word } from './word.js';

/**
 * A machine, the domains it starts with, and what happens. A line that needs a handle made earlier
 * names the line that made it, so that deleting a line always leaves a program that still means
 * something: a name whose line made no handle stands for `NO_HANDLE`.
 */
export interface Program {
  readonly machine: Machine;
  readonly boot: readonly Boot[];
  readonly lines: readonly Line[];
}

export interface Boot {
  readonly domain: DomainId;
  readonly config: DomainConfig;
}

export type Line =
  | Exclude<Step, UnmapGrant | UnmapAndReplace | WriteBack>
  | UnmapLine
  | ReplaceLine
  | FlushLine
  | GrantLine
  | PteLine
  | MarshalledLine;

/** The handle that element `element` of line `line` (a map) answered. */
export interface FromLine {
  readonly line: number;
  readonly element: number;
}
export interface UnmapLine extends Omit<UnmapGrant, 'elements'> {
  readonly elements: readonly UnmapLineElement[];
}
export interface UnmapLineElement extends Omit<UnmapElement, 'handle' | 'deviceAddress'> {
  readonly handle: Handle | FromLine;
  /** By name: the machine address of the page that the line mapped. */
  readonly deviceAddress: number | FromLine;
}
export interface ReplaceLine extends Omit<UnmapAndReplace, 'elements'> {
  readonly elements: readonly ReplaceLineElement[];
}
export interface ReplaceLineElement extends Omit<ReplaceElement, 'handle'> {
  readonly handle: Handle | FromLine;
}
export interface FlushLine extends Omit<WriteBack, 'elements'> {
  readonly elements: readonly FlushLineElement[];
}
export interface FlushLineElement extends Omit<FlushElement, 'deviceAddress'> {
  /** By name: the machine address of the page that the line mapped. */
  readonly deviceAddress: number | FromLine;
}

/**
 * A guest writes an entry of its own grant table: ordinary stores at `table`, in short form.
 * Version 1 is one 8-byte store; version 2 stores the second half of the entry first.
 */
export interface GrantLine {
  readonly op: 'grant';
  readonly caller: DomainId;
  readonly vcpu: VcpuId;
  readonly ref: GrantRef;
  /** Where the guest believes frame 0 of its table to be; further frames follow it. */
  readonly table: Gfn;
  /** The layout it writes. */
  readonly version: GrantVersion;
  /** u16 */
  readonly flags: number;
  /** u16 */
  readonly to: DomainId;
  /** u32 in version 1, u64 in version 2. */
  readonly frame: number;
  /** Bytes 4..7 of a version 2 entry. */
  readonly detail:
    | { readonly is: 'none' }
    | { readonly is: 'sub_page'; readonly offset: number; readonly length: number }
    | { readonly is: 'transitive'; readonly domain: DomainId; readonly ref: GrantRef };
}

/** A guest writes an entry of its own page table: an ordinary store of one entry, in short form. */
export interface PteLine {
  readonly op: 'pte';
  readonly caller: DomainId;
  readonly vcpu: VcpuId;
  /** Where the guest has the table. */
  readonly table: Gfn;
  /** Which entry: below 1024 where one is 4 bytes wide, below 512 where it is 8. */
  readonly index: number;
  /** Bytes of one entry. */
  readonly width: 4 | 8;
  /** The low twelve bits: `PTE_P` to `PTE_G`, and three that the guest may use. */
  readonly flags: number;
  /** u40: the bits from the twelfth on, a table or page as a gfn. A narrow entry has 20 of them. */
  readonly frame: Gfn;
  /** u32: what is set in the high half besides, such as `PTE_NX_HIGH`; a narrow entry has none. */
  readonly high: number;
}

/**
 * A guest makes a call by its registers: it stores the arguments, and lists behind them, with ordinary
 * stores from `place` on, and makes the hypercall with their linear address.
 */
export interface MarshalledLine {
  readonly op: 'marshalled';
  readonly caller: DomainId;
  readonly vcpu: VcpuId;
  readonly layout: Layout;
  readonly as: Accessor;
  /** Where the arguments are stored. */
  readonly place: GuestPhysical;
  /** Where the hypervisor is told that they are. */
  readonly linear: Word;
  /** Elements that the guest says it passes; as many as there are where it is undefined. */
  readonly count: number | undefined;
  /** Its caller and vcpu are those of the line. */
  readonly call: MarshalledCall;
}
export type MarshalledCall =
  | Exclude<GrantCall, UnmapGrant | RefusedGrantCall | ControlGrantCall>
  | UnmapLine
  | Exclude<MemoryCall, ResourceCall>;

/** The operations whose arguments can be in memory. */
export const marshalledCalls: Readonly<Record<MarshalledCall['op'], true>> = {
  map: true,
  unmap: true,
  copy: true,
  swap: true,
  setup_table: true,
  query_size: true,
  set_version: true,
  get_version: true,
  populate_physmap: true,
  decrease_reservation: true,
  increase_reservation: true,
  add_to_physmap: true,
  add_to_physmap_batch: true,
  remove_from_physmap: true,
  exchange: true,
  current_reservation: true,
  maximum_reservation: true,
  maximum_gpfn: true,
};
