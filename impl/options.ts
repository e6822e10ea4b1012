/** What may be switched off without a guest noticing. Each is one optimisation. */
export interface Options {
  /** Guest accesses remember a few translations of the p2m instead of walking it each time. */
  readonly p2mCache: boolean;
  /** Aligned guest accesses inside one page move as machine words, not byte by byte. */
  readonly wordAccess: boolean;
  /** The guests' processors remember translations of linear addresses. */
  readonly tlb: boolean;
  /** Shadow paging: level 1 tables that are written go out of sync instead of being caught. */
  readonly outOfSync: boolean;
  /** Shadow paging: the entries that lead to a frame are listed; else all are looked at. */
  readonly reverseMap: boolean;
  /** Shadow paging: superpages of the same memory share their pieces. */
  readonly splinterCache: boolean;
  /** Shadow paging: entries are filled before they are wanted, where the guest used them before. */
  readonly prefetch: boolean;
  /** Nested paging: 2 MiB or 1 GiB of an extent are one entry of the p2m, until a part changes. */
  readonly superpages: boolean;
}

export const defaultOptions: Options = {
  p2mCache: true,
  wordAccess: true,
  tlb: true,
  outOfSync: true,
  reverseMap: true,
  splinterCache: true,
  prefetch: true,
  superpages: true,
};

/** How often each path was taken: shows that a fast path that is switched on is really used. */
export interface Counters {
  p2mCacheHits: number;
  p2mCacheMisses: number;
  p2mWalks: number;
  wordAccesses: number;
  byteAccesses: number;
  /** Walks of guests' tables by the hypervisor. */
  guestWalks: number;
  /** Linear accesses that the processor made by itself, and those it could not translate. */
  linearAccesses: number;
  exits: number;
  /** Pages that the processors walked to, since their TLBs did not know them. */
  hardwareWalks: number;
  /** Of these: tried again once something was put right, and made by the hypervisor. */
  retries: number;
  emulated: number;
  /** Shadows made, entries filled on demand and beside that. */
  shadowsMade: number;
  fills: number;
  prefetched: number;
  /** Entries that lead to a frame, as listed; entries looked at where nothing lists them. */
  slotsListed: number;
  slotsScanned: number;
  /** Pieces of superpages that were there already, for another superpage of the same memory. */
  splintersShared: number;
  /** Pieces of superpages that are grant mappings. */
  splinteredOverGrant: number;
  /** Writes that shadows of tables followed, bits A and D included, and those with a log on. */
  tableWrites: number;
  logDirtyOnTable: number;
  /** Stores of processors to tables that were caught; and of those, users' own. */
  emulatedTableWrites: number;
  userTableWrites: number;
  /** Tables that went out of sync, and why they came back. */
  oosEntered: number;
  resyncedByLoad: number;
  resyncedByModeChange: number;
  resyncedForRoom: number;
  resyncedByPromotion: number;
  resyncedByInstall: number;
  resyncedByUpperInstall: number;
  resyncedByLogDirty: number;
  oosEntriesInvalidated: number;
  fixupsEvicted: number;
  /** Shadows whose pin ended, and roots that were emptied, for want of room. */
  poolUnpinned: number;
  poolUnhooked: number;
  /** Entries that went because the p2m changed below them; tables that left the p2m. */
  shadowDroppedByGrantUnmap: number;
  shadowDroppedByP2mChange: number;
  tablesLeftP2m: number;
  /** Gfns that were populated on demand, sweeps for pages, pages that were taken back. */
  populatedOnDemand: number;
  sweeps: number;
  takenBack: number;
  /** Superpages of the p2m: made, and split since a part was to change. */
  superpagesMade: number;
  superpagesSplit: number;
}

export function newCounters(): Counters {
  return {
    p2mCacheHits: 0,
    p2mCacheMisses: 0,
    p2mWalks: 0,
    wordAccesses: 0,
    byteAccesses: 0,
    guestWalks: 0,
    linearAccesses: 0,
    exits: 0,
    hardwareWalks: 0,
    retries: 0,
    emulated: 0,
    shadowsMade: 0,
    fills: 0,
    prefetched: 0,
    slotsListed: 0,
    slotsScanned: 0,
    splintersShared: 0,
    splinteredOverGrant: 0,
    tableWrites: 0,
    logDirtyOnTable: 0,
    emulatedTableWrites: 0,
    userTableWrites: 0,
    oosEntered: 0,
    resyncedByLoad: 0,
    resyncedByModeChange: 0,
    resyncedForRoom: 0,
    resyncedByPromotion: 0,
    resyncedByInstall: 0,
    resyncedByUpperInstall: 0,
    resyncedByLogDirty: 0,
    oosEntriesInvalidated: 0,
    fixupsEvicted: 0,
    poolUnpinned: 0,
    poolUnhooked: 0,
    shadowDroppedByGrantUnmap: 0,
    shadowDroppedByP2mChange: 0,
    tablesLeftP2m: 0,
    populatedOnDemand: 0,
    sweeps: 0,
    takenBack: 0,
    superpagesMade: 0,
    superpagesSplit: 0,
  };
}
