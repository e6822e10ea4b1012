import type { DomainId, Gfn, GrantRef, Handle, Mfn } from './ids.js';
import type { Errno, Rc, Status } from './status.js';
import type { GrantVersion } from './grant-table.js';
import type { Word } from './word.js';

/** What a step answers. One shape per kind of answer; `is` tells them apart. */
export type Reply =
  /** The caller cannot run: it does not exist, has crashed or is dying. */
  | { readonly is: 'no_domain' }
  /** The caller is paused, and nothing happened. */
  | { readonly is: 'paused' }
  /** The hypervisor crashed the calling domain during this step; it saw no result. */
  | Crashed
  /** A hypercall's value. */
  | { readonly is: 'rc'; readonly rc: Rc }
  /** A batch of grant operations that ran (its value is 0), element by element. */
  | { readonly is: 'statuses'; readonly elements: readonly ElementReply[] }
  /** setup_table: where each grant frame is, `INVALID_GFN` for nowhere; empty unless okay. */
  | { readonly is: 'table'; readonly status: Status; readonly frames: readonly Gfn[] }
  | {
      readonly is: 'size';
      readonly status: Status;
      readonly frames: number;
      readonly maximum: number;
    }
  /** set_version and get_version: the version in force afterwards, 0 where none is reported. */
  | { readonly is: 'version'; readonly rc: Rc; readonly version: GrantVersion | 0 }
  /** add_to_physmap_batch: a value for each entry, `untouched` past an abort. */
  | {
      readonly is: 'errors';
      readonly rc: Rc;
      readonly errors: readonly (0 | Errno | 'untouched')[];
    }
  /** exchange: extents exchanged. */
  | { readonly is: 'exchanged'; readonly rc: Rc; readonly count: number }
  /** pod_target: pages that a domain owns, kept ones among them, and its gfns without a page. */
  | {
      readonly is: 'pod';
      readonly rc: Rc;
      readonly pages: number;
      readonly kept: number;
      readonly gfns: number;
    }
  /** acquire_resource: the frames acquired, or how many there may be; what was passed otherwise. */
  | { readonly is: 'resource'; readonly rc: Rc; readonly count: number }
  /** A load, the old value of an atomic, the bytes of a fetch. */
  | { readonly is: 'value'; readonly value: Word }
  | { readonly is: 'stored' }
  /** The access raised an exception in the guest. */
  | { readonly is: 'fault'; readonly vector: '#GP' }
  /** A page fault, with its error code (`PFEC_*`) and the linear address it names (CR2). */
  | { readonly is: 'page_fault'; readonly code: number; readonly linear: Word }
  /** A control register or the TLB is as asked for. */
  | { readonly is: 'done' }
  /** The log of written gfns, ascending. */
  | { readonly is: 'dirty'; readonly gfns: readonly Gfn[] }
  | HypercallReply
  /**
   * The call was stopped. What was done since it was made, or resumed, is answered as the call would
   * answer it; a count of extents is that of all since it was made.
   */
  | { readonly is: 'preempted'; readonly done: Reply }
  /** destroy, where it was stopped: the mappings of the domain that have ended, in this order. */
  | { readonly is: 'released'; readonly mappings: readonly ReleasedMapping[] }
  /** The vcpu is in the middle of a call that was stopped. */
  | { readonly is: 'busy' }
  /** The vcpu is in no call that it could go on with. */
  | { readonly is: 'idle' }
  | DomainInfoReply
  | InspectReply;

/**
 * `outcome` is there where a batch had begun to be answered in the caller's memory: what is there by now
 * is for others to see, though the caller is not.
 */
interface Crashed {
  readonly is: 'crashed';
  readonly outcome?: Reply;
}

/**
 * A hypercall with its arguments in memory. `outcome` is what the same call, as far as it came, would
 * answer to whoever passed it values; undefined where nothing was called.
 */
export interface HypercallReply {
  readonly is: 'hypercall';
  readonly rc: Rc;
  readonly outcome: Reply | undefined;
}

/** `handle` and `frame` are there for a successful map, and only then. */
export interface ElementReply {
  readonly status: Status;
  readonly handle?: Handle;
  /** dev_bus_addr >> 12: the machine frame. */
  readonly frame?: Mfn;
}

export interface DomainInfoReply {
  readonly is: 'domain_info';
  readonly dying: boolean;
  /** Crashed (or shut down). */
  readonly shutdown: boolean;
  /** tot_pages: pages owned, orphans included, Xen's own excluded. */
  readonly pages: number;
  readonly maximumPages: number;
  /** Pages that are claimed for it and that it does not have yet. */
  readonly outstanding: number;
}

export interface InspectReply {
  readonly is: 'inspected';
  readonly memoryType: 'ram_rw' | 'ram_ro' | 'mmio_dm';
  /** Frame and first eight bytes, where the control domain can map the gfn; else absent. */
  readonly frame?: Mfn;
  readonly first?: Word;
}

/** A mapping that a dying domain had. */
export interface ReleasedMapping {
  readonly handle: Handle;
  readonly granter: DomainId;
  readonly ref: GrantRef;
  readonly readonly: boolean;
}
