/** What may be switched off without a guest noticing. Each is one optimisation. */
export interface Options {
  /** Guest accesses remember a few translations of the p2m instead of walking it each time. */
  readonly p2mCache: boolean;
  /** Aligned guest accesses inside one page move as machine words, not byte by byte. */
  readonly wordAccess: boolean;
  /** The guests' processors remember translations of linear addresses. */
  readonly tlb: boolean;
}

export const defaultOptions: Options = { p2mCache: true, wordAccess: true, tlb: true };

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
  /** Of these: tried again once something was put right, and made by the hypervisor. */
  retries: number;
  emulated: number;
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
    retries: 0,
    emulated: 0,
  };
}
