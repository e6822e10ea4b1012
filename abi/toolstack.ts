import type { DomainConfig } from './machine.js';
import type { DomainId, Gfn } from './ids.js';

/** What the control domain does to guests from outside. */

export type Toolstack =
  | CreateDomain
  | DestroyDomain
  | DomainInfo
  | SetMemoryLimit
  | InspectGfn
  | LogDirty
  | PauseDomain
  | FailNext
  | SetMemoryType
  | MemoryTypeAt
  | PodTarget;

export interface CreateDomain {
  readonly op: 'create';
  readonly domain: DomainId;
  readonly config: DomainConfig;
}
export interface DestroyDomain {
  readonly op: 'destroy';
  readonly domain: DomainId;
}
export interface DomainInfo {
  readonly op: 'domain_info';
  readonly domain: DomainId;
}
export interface SetMemoryLimit {
  readonly op: 'set_memory_limit';
  readonly domain: DomainId;
  readonly pages: number;
}
/** What is at a gfn: its memory type, and its frame where the control domain may map it. */
export interface InspectGfn {
  readonly op: 'inspect_gfn';
  readonly domain: DomainId;
  readonly gfn: Gfn;
}
/** What a device model may make of a gfn, by number; other numbers may be passed. */
export const HVMMEM_ram_rw = 0;
export const HVMMEM_ram_ro = 1;
export const HVMMEM_mmio_dm = 2;
export const HVMMEM_ioreq_server = 4;

/** HVMOP_get_mem_type: what kind of memory a gfn is; unlike `inspect_gfn` it changes nothing. */
export interface MemoryTypeAt {
  readonly op: 'memory_type';
  readonly domain: DomainId;
  readonly gfn: Gfn;
}
/** XENMEM_set_pod_target, and without a target XENMEM_get_pod_target. */
export interface PodTarget {
  readonly op: 'pod_target';
  readonly domain: DomainId;
  /** u64: pages that the domain should have. */
  readonly target: number | undefined;
}

/** XEN_DMOP_set_mem_type, in the name of the domain's device model. */
export interface SetMemoryType {
  readonly op: 'set_memory_type';
  readonly domain: DomainId;
  /** u64 */
  readonly gfn: Gfn;
  /** u32: gfns in a row. */
  readonly count: number;
  /** u16: `HVMMEM_*` */
  readonly type: number;
}
/**
 * Which gfns were written: `enable` and `disable` the log, `peek` at it, or `clean` it, which answers
 * what it held and starts anew (p2m.md 4.17).
 */
export interface LogDirty {
  readonly op: 'log_dirty';
  readonly domain: DomainId;
  readonly action: 'enable' | 'disable' | 'peek' | 'clean';
}

/** Pauses nest: a domain runs again when it was unpaused as often as it was paused. */
export interface PauseDomain {
  readonly op: 'pause' | 'unpause';
  readonly domain: DomainId;
}

/** What can be made to fail, once. */
export const fallible = ['page', 'table', 'grant_frame', 'entry'] as const;
/**
 * An allocation of RAM for a domain (all of an extent at once); of a table of a p2m or, without
 * nested paging, of all that is to serve a new domain's page tables; of a page that the hypervisor
 * lends to a domain (a frame of its grant table, of its status words, its shared info); or an update
 * of an entry of a p2m.
 */
export type Fallible = (typeof fallible)[number];
/** The `after`-th from now on fails, 1 being the next; 0 says that none is to fail any more. */
export interface FailNext {
  readonly op: 'fail_next';
  readonly what: Fallible;
  /** u32 */
  readonly after: number;
}
