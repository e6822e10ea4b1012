import { Mfn } from '../abi/ids.js';
import type { Gfn } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Word } from '../abi/word.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { demand } from './on-demand.js';
import { MISS } from './tables/p2m-cache.js';
import { NOTHING } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

/*
 * The bytes of a guest access: where they are and how they move. An access is at an offset of one
 * frame and may run into the start of another; what is permitted was decided before, and a frame
 * that is not to be reached is `NO_FRAME`.
 */

/** In the place of a frame: it reads as ones, and what is written there vanishes. */
export const NO_FRAME: Mfn = Mfn(-1);

const OFFSET_MASK = PAGE_BYTES - 1;
const WIDE = 8;
const HALF = 4;
const BYTE_BITS = 8;
const BYTE_MASK = 0xff;
const ALL_ONES_HALF = 0xffff_ffff;
const TWO_TO_32 = 2 ** 32;

export function crossesPages(offset: number, size: number): boolean {
  return offset + size > PAGE_BYTES;
}

/** The bytes at an offset of `first`, going on at the start of `last`. */
export function read(host: Host, first: Mfn, last: Mfn, offset: number, size: number): Word {
  if (!isWordAccess(host, offset, size)) return readBytes(host, first, last, offset, size);
  if (first === NO_FRAME) return onesOf(size);
  host.counters.wordAccesses += 1;
  const high = size === WIDE ? host.ram.load32(first, offset + HALF) : 0;
  return { low: host.ram.load32(first, offset), high };
}

/** Stores bytes at an offset of `first`, going on at the start of `last`. */
export function write(
  host: Host,
  first: Mfn,
  last: Mfn,
  offset: number,
  size: number,
  value: Word,
): void {
  if (!isWordAccess(host, offset, size)) {
    writeBytes(host, first, last, offset, size, value);
    return;
  }
  if (first === NO_FRAME) return;
  host.counters.wordAccesses += 1;
  if (size === WIDE) host.ram.store64(first, offset, value.low, value.high);
  else host.ram.store32(first, offset, value.low);
}

/** Ones, as wide as an access. */
export function onesOf(size: number): Word {
  const low = size >= HALF ? ALL_ONES_HALF : 2 ** (size * BYTE_BITS) - 1;
  if (size <= HALF) return { low, high: 0 };
  return { low, high: 2 ** ((size - HALF) * BYTE_BITS) - 1 };
}

/** What was read is what was wanted, as far as the access is wide. */
export function isSame(old: Word, wanted: Word, size: number): boolean {
  const ones = onesOf(size);
  if (old.low !== (wanted.low & ones.low) >>> 0) return false;
  return old.high === (wanted.high & ones.high) >>> 0;
}

/** The low bytes of a value. */
export function cutTo(value: Word, size: number): Word {
  const ones = onesOf(size);
  return { low: (value.low & ones.low) >>> 0, high: (value.high & ones.high) >>> 0 };
}

export function sumOf(one: Word, other: Word): Word {
  const low = one.low + (other.low >>> 0);
  const carry = low >= TWO_TO_32 ? 1 : 0;
  return { low: low >>> 0, high: (one.high + other.high + carry) >>> 0 };
}

/** What is at a gfn that an access asks for: one that is populated on demand is populated. */
export function translate(host: Host, domain: Domain, gfn: Gfn): Leaf {
  const found = lookUp(host, domain, gfn);
  if (found !== NOTHING || domain.demands.gaps === 0) return found;
  demand(host, domain, gfn);
  return lookUp(host, domain, gfn);
}

/** What is at a gfn, through the cache of translations where it is on. */
export function lookUp(host: Host, domain: Domain, gfn: Gfn): Leaf {
  const { cache } = domain.p2m;
  if (host.options.p2mCache) {
    const cached = cache.find(gfn);
    if (cached !== MISS) {
      host.counters.p2mCacheHits += 1;
      return cached;
    }
    host.counters.p2mCacheMisses += 1;
  }
  host.counters.p2mWalks += 1;
  const found = domain.p2m.lookup(gfn);
  if (host.options.p2mCache) cache.fill(gfn, found);
  return found;
}

/** The fast path takes it: four or eight bytes at a multiple of their size. */
function isWordAccess(host: Host, offset: number, size: number): boolean {
  if (!host.options.wordAccess) return false;
  return (size === WIDE || size === HALF) && offset % size === 0;
}

function readBytes(host: Host, first: Mfn, last: Mfn, start: number, size: number): Word {
  host.counters.byteAccesses += 1;
  let low = 0;
  let high = 0;
  for (let byte = 0; byte < size; byte += 1) {
    const offset = start + byte;
    const mfn = offset < PAGE_BYTES ? first : last;
    const value = mfn === NO_FRAME ? BYTE_MASK : host.ram.load8(mfn, offset & OFFSET_MASK);
    if (byte < HALF) low |= value << (byte * BYTE_BITS);
    else high |= value << ((byte - HALF) * BYTE_BITS);
  }
  return { low: low >>> 0, high: high >>> 0 };
}

function writeBytes(
  host: Host,
  first: Mfn,
  last: Mfn,
  start: number,
  size: number,
  value: Word,
): void {
  host.counters.byteAccesses += 1;
  for (let byte = 0; byte < size; byte += 1) {
    const offset = start + byte;
    const mfn = offset < PAGE_BYTES ? first : last;
    if (mfn === NO_FRAME) continue;
    const half = byte < HALF ? value.low : value.high;
    const bits = (half >>> ((byte % HALF) * BYTE_BITS)) & BYTE_MASK;
    host.ram.store8(mfn, offset & OFFSET_MASK, bits);
  }
}
