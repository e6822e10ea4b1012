import type { DomainId, Gfn, GrantRef, Mfn } from '../abi/ids.js';
import type { GrantVersion } from '../abi/grant-table.js';
import type { Machine } from '../abi/machine.js';
import type { P2mType } from '../abi/observer.js';
import type { Fallible, PreemptibleCall } from '../abi/step.js';
import type { Word } from '../abi/word.js';
import type { Content } from '../values/content.js';
import type { Keyed } from '../values/keyed.js';

/**
 * Everything there is. A state is a value: an operation answers the next one. Nothing is stored
 * that follows from the rest: who holds a page, what is pinned and how many pages a domain owns
 * are functions over these fields (derived.ts).
 */
export interface State {
  readonly machine: Machine;
  /** By domain id; a domain that is gone is absent. */
  readonly domains: Keyed<Domain>;
  /** By page id. */
  readonly pages: Keyed<Page>;
  /** What the control domain's linear pages lead to, by their number ([H1]). */
  readonly windows: Keyed<Window>;
  /** The next page's name; names are never used again. */
  readonly nextPage: PageId;
  /** The tries left until one fails, 0 where none has to ([D9]). */
  readonly failing: Readonly<Record<Fallible, number>>;
  /** Within a step: which of all that a search for pages may come to is meant ([P15]). */
  readonly search: number;
}

declare const kind: unique symbol;
/** A page's name within the spec. No guest can see it. */
export type PageId = number & { readonly [kind]: 'page' };
export const PageId = (n: number): PageId => n as PageId;

/** A machine frame with its content. */
export interface Page {
  readonly owner: DomainId;
  readonly use: 'ram' | 'grant_frame' | 'status_frame' | 'shared_info';
  /** Still part of its owner's reservation; one that is not lives only as long as it is held. */
  readonly allocated: boolean;
  readonly content: Content;
  /** Its machine frame, once seen: which frame it is, is the hypervisor's choice ([G15]). */
  readonly frame: Mfn | undefined;
}

export interface Domain {
  readonly id: DomainId;
  /** Stopped by the hypervisor or at its own wish; it never runs again. */
  readonly crashed: boolean;
  /** Being destroyed: it does nothing any more, and has no grant mapping in its p2m. */
  readonly dying: boolean;
  /** Destroyed: its memory is torn down, and it is gone once no other domain holds a page of it. */
  readonly tornDown: boolean;
  /** How often it was paused and not yet unpaused. */
  readonly pauses: number;
  readonly maximumPages: number;
  /** Pages that it is to have, for which the machine keeps those that it lacks ([P17]). */
  readonly claim: number | undefined;
  /** By gfn; what is absent is a hole. */
  readonly p2m: Keyed<Entry>;
  /** The blocks of gfns for which the p2m has a table ([P2]). */
  readonly tables: Keyed<true>;
  /** Where the hypervisor believes pages to be, by page, that are elsewhere; all ones is nowhere ([P6], [P14]). */
  readonly believedGfns: Keyed<Gfn>;
  /** Gfns without a page, which get one of those that are kept when they are asked for ([P15]). */
  readonly onDemand: Keyed<true>;
  /** Gfns that are not, and that the hypervisor goes on counting among them ([P11]). */
  readonly miscounted: number;
  /** The pages that are kept for them, the oldest first. */
  readonly kept: readonly PageId[];
  /** Where the last pages went that were asked for, the oldest first; undefined is forgotten. */
  readonly demands: readonly (Gfn | undefined)[];
  readonly highestDemand: Gfn;
  /** Where the search for pages to take back may go on, the likely place first; 0: it begins anew. */
  readonly sweptTo: readonly Gfn[];
  /** The highest gfn that ever held an entry. */
  readonly maximumGfn: Gfn;
  readonly sharedInfo: PageId;
  readonly grantVersion: GrantVersion;
  readonly grantVersionMaximum: GrantVersion;
  readonly grantFrames: readonly PageId[];
  readonly grantFramesMaximum: number;
  readonly statusFrames: readonly PageId[];
  readonly maptrackFrames: number;
  /** Live mappings this domain made, by handle. */
  readonly mappings: Keyed<Mapping>;
  /** Where writes are logged: the state in which the log was begun or cleaned last. */
  readonly loggedSince: State | undefined;
  /** Its processors, by id. */
  readonly vcpus: readonly Vcpu[];
}

/** A virtual processor: what decides how it finds the page at a linear address, mostly. */
export interface Vcpu {
  readonly cr0: number;
  readonly cr3: Word;
  readonly cr4: number;
  readonly efer: number;
  readonly pkru: number;
  /** In PAE mode the four entries of the top level, as they were when loaded ([C7]); else empty. */
  readonly pdptes: readonly Word[];
  /** The page that holds the top of its tables, where the hypervisor keeps hold of it ([C8]). */
  readonly root: PageId | undefined;
  /** It has had a handle, and keeps another one back for good ([G15]). */
  readonly keepsHandle: boolean;
  /** What may still be remembered of memory as it was ([T1]). */
  readonly past: Past | undefined;
  /** Its next call is to stop after so many units ([B1]). */
  readonly interrupt: number | undefined;
  /** The rest of a call that was stopped ([B2]). */
  readonly pending: Pending | undefined;
}

/** What is left of a call, which as a call is made anew, and how many extents were done before it. */
export interface Pending {
  readonly call: PreemptibleCall;
  readonly done: number;
}

/** A moment in the past of a vcpu, the latest first: how memory was, and what was forgotten next. */
export interface Past {
  readonly state: State;
  /** Nothing, all that is not global, or one linear page by its number. */
  readonly forgotten: 'nothing' | 'local' | { readonly page: number };
  readonly earlier: Past | undefined;
}

/** Where a linear page of the control domain leads. */
export interface Window {
  readonly page: PageId;
  readonly readonly: boolean;
}

/** A gfn's entry: what kind of memory, and which page. */
export interface Entry {
  readonly type: P2mType;
  readonly page: PageId;
}

/** A use of a grant: what was mapped, from whom. It does not record the gfn it was mapped at. */
export interface Mapping {
  readonly granter: DomainId;
  readonly ref: GrantRef;
  readonly page: PageId;
  readonly readonly: boolean;
  /** Its parts: in memory, and for devices; those of guests have the first alone ([G16]). */
  readonly host: boolean;
  readonly device: boolean;
  /** It was mapped by the address of a page-table entry. */
  readonly byEntry: boolean;
}
