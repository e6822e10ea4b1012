import { PAGE_BYTES } from '../../abi/word.js';
import type { Paging } from '../../abi/machine.js';
import { Tlb } from '../../impl/hardware/tlb.js';
import { rawArray, readArray } from './array.js';
import { GigabyteGuest } from './gigabyte-guest.js';
import { readLinear, readThroughExits } from './linear-reads.js';
import { NaiveWalk } from './naive-walk.js';
import { ALL_PAGES, LOADS, NEXT_PAGE, SUM_OF_PASS, passes } from './pattern.js';
import type { Pass } from './pattern.js';
import { V86Thread } from './v86-thread.js';

/** Linear pages beyond all others: they are mapped anew each time. */
const FIRST_NEW = ALL_PAGES + 512;
const NEW = 512;
const PASSES = 50;
const SLICES = 20;
/** So many passes of hits first: a compiler that saw little but misses lays the code out for them. */
const WARM_UP = 4000;
const FLUSHES = 20_000;
export const SMALL_TLB = 64;
export const LARGE_TLB = 16_384;
const NS_PER_MS = 1e6;

/** Nanoseconds a load; the same pass over pages that are neighbours, or spread over few or all. */
interface Reads {
  readonly near: number;
  readonly few: number;
  readonly all: number;
}
/** What one round takes, in nanoseconds a load; of flushes, a flush. */
export interface MemoryTimings {
  readonly array: number;
  readonly naiveWalk: number;
  readonly hits: Readonly<Record<Paging, Reads>>;
  readonly walks: Readonly<Record<Paging, Reads>>;
  /** Hits where an exit would be handled. */
  readonly reached: number;
  readonly fill: number;
  readonly flushSmall: number;
  readonly flushLarge: number;
  /** What a load adds to v86's loop, and with its TLB flushed before each pass. */
  readonly v86Hit: number;
  readonly v86Flushed: number;
}

/** All that loads are timed on. One guest of 1 GiB for each way of paging. */
export class MemoryBench {
  readonly #array = rawArray();
  readonly #naiveWalk = new NaiveWalk();
  readonly #guests: Readonly<Record<Paging, GigabyteGuest>>;
  readonly #v86: V86Thread;

  private constructor(v86: V86Thread) {
    this.#v86 = v86;
    this.#guests = { hap: newGuest('hap'), shadow: newGuest('shadow') };
    const guests = Object.values(this.#guests);
    for (const guest of guests) readLinear(guest, passes.near, WARM_UP, false);
    for (const guest of guests.toReversed()) readLinear(guest, passes.near, WARM_UP / 8, true);
    for (const guest of guests) {
      guest.store(passes.few);
      guest.store(passes.all);
    }
  }

  static async make(): Promise<MemoryBench> {
    return new MemoryBench(await V86Thread.start());
  }

  /** One round of all timings, one after the other. */
  async round(): Promise<MemoryTimings> {
    const { hap, shadow } = this.#guests;
    const v86 = await this.#v86.round();
    return {
      array: timed((count) => readArray(this.#array, count)),
      naiveWalk: timed((count) => this.#naiveWalk.read(count)),
      hits: { hap: reads(hap, false), shadow: reads(shadow, false) },
      walks: { hap: reads(hap, true), shadow: reads(shadow, true) },
      reached: reached(shadow),
      fill: filled(shadow),
      flushSmall: flushed(SMALL_TLB),
      flushLarge: flushed(LARGE_TLB),
      v86Hit: v86.hit - v86.empty,
      v86Flushed: v86.flushed - v86.empty,
    };
  }

  async close(): Promise<void> {
    await this.#v86.close();
  }
}

function newGuest(paging: Paging): GigabyteGuest {
  const guest = new GigabyteGuest(paging, FIRST_NEW + NEW);
  guest.store(passes.near);
  return guest;
}

function reads(guest: GigabyteGuest, flushes: boolean): Reads {
  const time = (pass: Pass): number => {
    readLinear(guest, pass, 1, false);
    return timed((count) => readLinear(guest, pass, count, flushes));
  };
  return { near: time(passes.near), few: time(passes.few), all: time(passes.all) };
}

function reached(guest: GigabyteGuest): number {
  return timed((count) => {
    let sum = 0;
    for (let pass = 0; pass < count; pass += 1) {
      sum = (sum + readThroughExits(guest, passes.near)) | 0;
    }
    return sum;
  });
}

/** First uses of pages: each load is an exit, after which an entry is made and A set. */
function filled(guest: GigabyteGuest): number {
  const { counters } = guest.host;
  let best = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < SLICES; slice += 1) {
    guest.mapAnew(FIRST_NEW, NEW);
    const before = counters.fills;
    const start = performance.now();
    readThroughExits(guest, { first: FIRST_NEW * PAGE_BYTES, stride: NEXT_PAGE });
    best = Math.min(best, performance.now() - start);
    if (counters.fills - before !== LOADS) throw new Error('each load fills an entry');
  }
  return (best * NS_PER_MS) / LOADS;
}

function flushed(entries: number): number {
  const tlb = new Tlb(entries);
  let best = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < SLICES; slice += 1) {
    const start = performance.now();
    for (let flush = 0; flush < FLUSHES; flush += 1) tlb.flushAll();
    best = Math.min(best, performance.now() - start);
  }
  return (best * NS_PER_MS) / FLUSHES;
}

/**
 * Nanoseconds a load: the shortest of some slices, since a slice takes less than a millisecond and
 * the host has other things to do. Each has to find what was stored.
 */
function timed(read: (passes: number) => number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < SLICES; slice += 1) {
    const start = performance.now();
    const sum = read(PASSES);
    best = Math.min(best, performance.now() - start);
    if (sum !== ((PASSES * SUM_OF_PASS) | 0)) throw new Error('a load found what was not stored');
  }
  return (best * NS_PER_MS) / (PASSES * LOADS);
}
