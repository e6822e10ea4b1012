import type { DomainId, Gfn, GrantRef, Handle, Mfn } from './ids.js';
import type { GrantVersion } from './grant-table.js';
import type { Fallible, PreemptibleCall } from './step.js';
import type { Word } from './word.js';

/**
 * What a harness may see of a system besides its replies. Nothing here can change the system.
 * The names of the p2m types are Xen's.
 */
export interface Observer {
  /** Starts a new record and returns the finished one: what was written since the last call. */
  changes(): Changes;
  /** What the p2m of a domain holds at a gfn, or undefined for nothing. */
  entryAt(domain: DomainId, gfn: Gfn): EntryView | undefined;
  /** The frames of the hypervisor's own that a domain may see, or undefined for no such domain. */
  hypervisorFramesOf(domain: DomainId): HypervisorFrames | undefined;
  /** A 32-bit word of a frame; `index` is 0..1023. */
  wordOf(mfn: Mfn, index: number): number;
  /** The invariants that can be checked at what `changes` would report, without looking further. */
  auditChanges(): readonly Violation[];
  /** Every invariant, over everything. */
  audit(): readonly Violation[];
  /** Everything a guest or toolstack could find out, for deep comparison. */
  view(): View;
}

/** Valid until the next call of `changes`; arrays are longer than their counts. */
export interface Changes {
  readonly entryCount: number;
  readonly entryDomain: readonly DomainId[];
  readonly entryGfn: readonly Gfn[];
  /** Frames of guests, grant tables, status and shared info that were written. */
  readonly frameCount: number;
  readonly frame: readonly Mfn[];
  /** Byte range written, [from, to), of each frame. */
  readonly from: readonly number[];
  readonly to: readonly number[];
}

export type P2mType = 'ram_rw' | 'ram_ro' | 'grant_map_rw' | 'grant_map_ro';
/** What a gfn is that gets its page when it is asked for. */
export type Gap = 'populate_on_demand';

export interface EntryView {
  readonly type: P2mType | Gap;
  /** Nothing that means anything in a gap. */
  readonly mfn: Mfn;
}

/** An invariant that does not hold: its id (I.., F.., P.., D..), where, and a sentence. */
export interface Violation {
  readonly id: string;
  /** The kind of place, without numbers: 'frame.count', 'p2m.entry', 'maptrack.handle'. */
  readonly path: string;
  readonly witness: string;
}

export interface View {
  readonly domains: readonly DomainView[];
  readonly control: ControlView;
  /** Of each kind, how many tries are left until one fails; 0 where none has to. */
  readonly failing: Readonly<Record<Fallible, number>>;
}

/** Frames that are the hypervisor's, and that a domain can have mapped. */
export interface HypervisorFrames {
  readonly grantFrames: readonly Mfn[];
  readonly statusFrames: readonly Mfn[];
  readonly sharedInfo: Mfn;
}

/** The registers of a vcpu that decide how its linear addresses are walked. */
export interface VcpuView {
  readonly cr0: number;
  readonly cr3: Word;
  readonly cr4: number;
  readonly efer: number;
  readonly pkru: number;
  /** The four entries loaded with CR3 in PAE mode; else empty. */
  readonly pdptes: readonly Word[];
}

/** What guests and the control domain have alike. */
export interface SharerView extends HypervisorFrames {
  readonly domain: DomainId;
  readonly pages: number;
  readonly grantVersion: GrantVersion;
  /** Ascending by handle. */
  readonly mappings: readonly MappingView[];
  /** Ascending by ref; only refs with a pin. */
  readonly pins: readonly PinView[];
  /** What vcpus are told and in the middle of, by vcpu id. */
  readonly calls: readonly CallView[];
}

/** The control domain: what its page tables lead to, ascending by window. */
export interface ControlView extends SharerView {
  readonly windows: readonly WindowView[];
}

export interface WindowView {
  readonly window: number;
  readonly mfn: Mfn;
  readonly readonly: boolean;
}

export interface CallView {
  /** After how many units the next call stops; undefined where it does not. */
  readonly limit: number | undefined;
  /** A call that was stopped, and how many of its units are done. */
  readonly stopped: { readonly call: PreemptibleCall; readonly done: number } | undefined;
}

/** What a domain has for gfns that are populated on demand. */
export interface DemandView {
  /** The frames that are kept, the oldest first. */
  readonly kept: readonly Mfn[];
  /** Where the last frames went, the oldest first; undefined is forgotten. */
  readonly recent: readonly (Gfn | undefined)[];
  readonly highest: Gfn;
}

export interface DomainView extends SharerView {
  readonly life: 'alive' | 'crashed' | 'dying';
  /** How often it was paused and not yet unpaused. */
  readonly pauses: number;
  readonly outstanding: number;
  readonly maximumPages: number;
  readonly maximumGfn: Gfn;
  /** Ascending by gfn. */
  readonly p2m: readonly (EntryView & { readonly gfn: Gfn })[];
  readonly demand: DemandView;
  /** By vcpu id. */
  readonly vcpus: readonly VcpuView[];
  /** The gfns that the log of writes names, ascending; undefined where there is no log. */
  readonly logged: readonly Gfn[] | undefined;
}

export interface MappingView {
  readonly handle: Handle;
  readonly granter: DomainId;
  readonly ref: GrantRef;
  readonly readonly: boolean;
  readonly mfn: Mfn;
  /** Its parts: in memory, and for devices; and whether it was made by the address of an entry. */
  readonly host: boolean;
  readonly device: boolean;
  readonly byEntry: boolean;
}

export interface PinView {
  readonly ref: GrantRef;
  readonly grantee: DomainId;
  readonly mfn: Mfn;
  readonly hostRead: number;
  readonly hostWrite: number;
  readonly deviceRead: number;
  readonly deviceWrite: number;
}
