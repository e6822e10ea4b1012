/**
 * The machine: every width and limit that a test would otherwise need thousands of steps to reach.
 * Page size (4096) and the p2m's table format (four levels of 512 entries) are always real.
 */
export interface Machine {
  readonly name: string;
  /** What random programs ask for: what guests do by themselves, or all that can be asked. */
  readonly surface: Surface;
  /** Domain ids 1..domains can exist; the control domain is besides. */
  readonly domains: number;
  /** Virtual processors of each domain. */
  readonly vcpus: number;
  /** Machine frames that can back guests' own RAM, all domains together. */
  readonly guestFrames: number;
  /** Pages of RAM that the control domain has: the first machine frames, besides the guests'. */
  readonly controlPages: number;
  /** No p2m holds an entry at this gfn or above. */
  readonly gfnLimit: number;
  /** Frames for the tables of one domain's p2m, the root included. */
  readonly p2mTableFrames: number;
  /** Version 1 entries in one grant frame; version 2 has half as many. */
  readonly refsPerFrame: number;
  /** Version 2 status words in one status frame. */
  readonly statusesPerFrame: number;
  /** Refs below this survive a version change. */
  readonly reservedRefs: number;
  /** The most a domain's `grantFrames` may be configured to. */
  readonly grantFramesMaximum: number;
  /** Handles in one maptrack frame. */
  readonly handlesPerFrame: number;
  /** The most a domain's `maptrackFrames` may be configured to. */
  readonly maptrackFramesMaximum: number;
  /** A pin counter that has reached this is not raised. */
  readonly pinLimit: number;
  /** A domain that is paused so often is not paused once more. */
  readonly pauseLimit: number;
  /** Largest order (log2 of pages) of an extent for a guest, and for the control domain. */
  readonly guestOrder: number;
  readonly controlOrder: number;
  /** Elements of an unmap batch that are completed together. */
  readonly unmapBatch: number;
  /** Gfns whose memory type changes before it is looked whether the call has to stop. */
  readonly typeBatch: number;
  /** Frames of a resource that are acquired together. */
  readonly resourceBatch: number;
  /** Bytes where arguments of a 32-bit guest are put together in native layout, many at a time. */
  readonly compatAreaBytes: number;
  /** How guests' own page tables are served: by shadows of them, or by hardware's nested walk. */
  readonly paging: Paging;
  /** What the guests' processors can do. */
  readonly cpu: Cpu;
  /** Gfns populated last that are remembered, to take pages of zeros back from them first. */
  readonly demandsRemembered: number;
  /** Gfns that are gone through at a time in search of pages of zeros. */
  readonly sweepLength: number;
  /** Of these, gfns with RAM that are looked at together. */
  readonly sweepStride: number;
  /** Frames for one domain's shadows; the p2m has its own (`p2mTableFrames`). */
  readonly shadowFrames: number;
  /** Entries of one vcpu's TLB, a power of two. */
  readonly tlbEntries: number;
  /** Units of work a preemptible operation does before it stops to be resumed. */
  readonly preemptionBudget: number;
  /** What a domain gets that is created without saying otherwise. */
  readonly defaults: DomainConfig;
}

export const surfaces = ['guests', 'whole'] as const;
export type Surface = (typeof surfaces)[number];

export const pagings = ['shadow', 'hap'] as const;
export type Paging = (typeof pagings)[number];

/** The features that change how a page-table walk goes (p2m.md 3.2). */
export interface Cpu {
  /** MAXPHYADDR, 32..44: address bits at and above it are reserved. */
  readonly addressBits: number;
  /** A level 3 entry may map 1 GiB. Nested paging only. */
  readonly gibPages: boolean;
  /** A 4 MiB entry has address bits 32.. in its bits 13... Nested paging only. */
  readonly pse36: boolean;
  /** CR4.PKE may be set. Nested paging only. */
  readonly protectionKeys: boolean;
}

const usualCpu: Cpu = { addressBits: 40, gibPages: true, pse36: true, protectionKeys: true };

/** What the toolstack says when it creates a domain. */
export interface DomainConfig {
  /** Runs of RAM pages it starts with. */
  readonly ram: readonly PageRun[];
  /** `max_pages`: the most pages it may own. */
  readonly maximumPages: number;
  /** `max_grant_frames`; -1 asks for the machine's maximum. */
  readonly grantFrames: number;
  /** `max_maptrack_frames`; -1 asks for the machine's maximum. */
  readonly maptrackFrames: number;
  /** Highest grant-table version it may choose. */
  readonly grantVersion: number;
  /** Where grant frame 0 is mapped at the start, or undefined for nowhere. */
  readonly tableGfn: number | undefined;
}

export interface PageRun {
  readonly gfn: number;
  readonly count: number;
}

/** Small enough to explore exhaustively. */
const tiny: Machine = {
  name: 'tiny',
  surface: 'guests',
  domains: 2,
  vcpus: 1,
  guestFrames: 6,
  controlPages: 0,
  gfnLimit: 2 ** 36,
  p2mTableFrames: 5,
  refsPerFrame: 4,
  statusesPerFrame: 4,
  reservedRefs: 1,
  grantFramesMaximum: 1,
  handlesPerFrame: 3,
  maptrackFramesMaximum: 1,
  pinLimit: 2,
  pauseLimit: 2,
  guestOrder: 1,
  controlOrder: 2,
  unmapBatch: 2,
  typeBatch: 2,
  resourceBatch: 2,
  compatAreaBytes: 8192,
  demandsRemembered: 2,
  sweepLength: 4,
  sweepStride: 2,
  paging: 'hap',
  cpu: usualCpu,
  shadowFrames: 24,
  tlbEntries: 4,
  preemptionBudget: 2,
  defaults: {
    ram: [{ gfn: 0, count: 2 }],
    maximumPages: 3,
    grantFrames: 1,
    maptrackFrames: 1,
    grantVersion: 2,
    tableGfn: 0x8,
  },
};

/** The default of random runs: every limit is met within tens of steps. */
const small: Machine = {
  name: 'small',
  surface: 'guests',
  domains: 3,
  vcpus: 1,
  guestFrames: 48,
  controlPages: 0,
  gfnLimit: 2 ** 36,
  p2mTableFrames: 8,
  refsPerFrame: 16,
  statusesPerFrame: 16,
  reservedRefs: 2,
  grantFramesMaximum: 4,
  handlesPerFrame: 8,
  maptrackFramesMaximum: 2,
  pinLimit: 4,
  pauseLimit: 3,
  guestOrder: 2,
  controlOrder: 3,
  unmapBatch: 3,
  typeBatch: 2,
  resourceBatch: 2,
  compatAreaBytes: 8192,
  demandsRemembered: 4,
  sweepLength: 16,
  sweepStride: 4,
  paging: 'hap',
  cpu: usualCpu,
  shadowFrames: 40,
  tlbEntries: 16,
  preemptionBudget: 4,
  defaults: {
    ram: [{ gfn: 0, count: 8 }],
    maximumPages: 14,
    grantFrames: 3,
    maptrackFrames: 2,
    grantVersion: 2,
    tableGfn: 0x20,
  },
};

/**
 * Two guests with page tables of their own and two vcpus each. The shadow pool is so small that it
 * runs out within tens of steps.
 */
const paged: Machine = {
  ...small,
  name: 'paged',
  domains: 2,
  vcpus: 2,
  guestFrames: 64,
  paging: 'shadow',
  shadowFrames: 16,
  defaults: { ...small.defaults, ram: [{ gfn: 0, count: 16 }], maximumPages: 24 },
};

/** The whole surface: what `paged` has, a third domain, and everything the toolstack may ask. */
const whole: Machine = {
  ...paged,
  name: 'whole',
  surface: 'whole',
  domains: 3,
  guestFrames: 80,
  controlPages: 3,
  // Two copies, three entries of a batch, or six extents.
  compatAreaBytes: 80,
};

/**
 * Xen 4.17's own sizes; recordings of the real hypervisor replay on it. Of the 512 frames of a
 * paging pool of 2 MiB the p2m gets 501: the other eleven go to nested paging (measured).
 */
const xen: Machine = {
  name: 'xen',
  surface: 'whole',
  domains: 6,
  vcpus: 1,
  guestFrames: 16384,
  controlPages: 64,
  gfnLimit: 2 ** 36,
  p2mTableFrames: 501,
  refsPerFrame: 512,
  statusesPerFrame: 2048,
  reservedRefs: 8,
  grantFramesMaximum: 64,
  handlesPerFrame: 256,
  maptrackFramesMaximum: 1024,
  pinLimit: 128,
  pauseLimit: 255,
  guestOrder: 9,
  controlOrder: 18,
  unmapBatch: 32,
  typeBatch: 256,
  resourceBatch: 32,
  compatAreaBytes: 8192,
  demandsRemembered: 32,
  sweepLength: 1024,
  sweepStride: 16,
  paging: 'hap',
  cpu: usualCpu,
  shadowFrames: 1024,
  tlbEntries: 1024,
  preemptionBudget: 256,
  defaults: {
    ram: [
      { gfn: 0x100, count: 64 },
      { gfn: 0x1000, count: 32 },
    ],
    maximumPages: 160,
    grantFrames: 4,
    maptrackFrames: 4,
    grantVersion: 2,
    tableGfn: undefined,
  },
};

export const presets = { tiny, small, paged, whole, xen } as const;
export type PresetName = keyof typeof presets;
