import { Gfn } from '../abi/ids.js';
import type { GuestPhysical } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Word } from '../abi/word.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { MISS } from './tables/p2m-cache.js';
import { mfnOf } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

/*
 * The bytes of a guest access: where they are and how they move. What is permitted is decided in
 * `impl/access.ts`, which passes the leaves of the first and the last byte and a test of them.
 */

const OFFSET_MASK = PAGE_BYTES - 1;
const WIDE = 8;
const HALF = 4;
const BYTE_BITS = 8;
const BYTE_MASK = 0xff;
const ALL_ONES_HALF = 0xffff_ffff;

/** What is at the page of the first byte. */
export function firstLeaf(host: Host, domain: Domain, address: GuestPhysical): Leaf {
  return translate(host, domain, Gfn(Math.floor(address / PAGE_BYTES)));
}

/** What is at the page of the last byte: that of the first again, unless the access crosses. */
export function lastLeaf(
  host: Host,
  domain: Domain,
  address: GuestPhysical,
  size: number,
  first: Leaf,
): Leaf {
  if (!crossesPages(address, size)) return first;
  return translate(host, domain, Gfn(Math.floor(address / PAGE_BYTES) + 1));
}

export function crossesPages(address: GuestPhysical, size: number): boolean {
  return (address % PAGE_BYTES) + size > PAGE_BYTES;
}

/** The fast path takes it: four or eight bytes at a multiple of their size. */
export function isWordAccess(host: Host, address: GuestPhysical, size: number): boolean {
  if (!host.options.wordAccess) return false;
  return (size === WIDE || size === HALF) && address % size === 0;
}

export function loadWord(host: Host, found: Leaf, address: GuestPhysical, size: number): Word {
  host.counters.wordAccesses += 1;
  const mfn = mfnOf(found);
  const offset = address % PAGE_BYTES;
  const high = size === WIDE ? host.ram.load32(mfn, offset + HALF) : 0;
  return { low: host.ram.load32(mfn, offset), high };
}

export function storeWord(
  host: Host,
  found: Leaf,
  address: GuestPhysical,
  size: number,
  value: Word,
): void {
  host.counters.wordAccesses += 1;
  const offset = address % PAGE_BYTES;
  if (size === WIDE) host.ram.store64(mfnOf(found), offset, value.low, value.high);
  else host.ram.store32(mfnOf(found), offset, value.low);
}

/** The bytes whose page passes the test; ones for the others. */
export function readBytes(
  host: Host,
  address: GuestPhysical,
  size: number,
  first: Leaf,
  last: Leaf,
  sees: (found: Leaf) => boolean,
): Word {
  host.counters.byteAccesses += 1;
  const start = address % PAGE_BYTES;
  let low = 0;
  let high = 0;
  for (let byte = 0; byte < size; byte += 1) {
    const offset = start + byte;
    const found = offset < PAGE_BYTES ? first : last;
    const value = sees(found) ? host.ram.load8(mfnOf(found), offset & OFFSET_MASK) : BYTE_MASK;
    if (byte < HALF) low |= value << (byte * BYTE_BITS);
    else high |= value << ((byte - HALF) * BYTE_BITS);
  }
  return { low: low >>> 0, high: high >>> 0 };
}

/** Stores the bytes whose page passes the test; the others vanish. */
export function writeBytes(
  host: Host,
  address: GuestPhysical,
  size: number,
  first: Leaf,
  last: Leaf,
  value: Word,
  reaches: (found: Leaf) => boolean,
): void {
  host.counters.byteAccesses += 1;
  const start = address % PAGE_BYTES;
  for (let byte = 0; byte < size; byte += 1) {
    const offset = start + byte;
    const found = offset < PAGE_BYTES ? first : last;
    if (!reaches(found)) continue;
    const half = byte < HALF ? value.low : value.high;
    const bits = (half >>> ((byte % HALF) * BYTE_BITS)) & BYTE_MASK;
    host.ram.store8(mfnOf(found), offset & OFFSET_MASK, bits);
  }
}

/** Ones, as wide as an access. */
export function onesOf(size: number): Word {
  const low = size >= HALF ? ALL_ONES_HALF : 2 ** (size * BYTE_BITS) - 1;
  if (size <= HALF) return { low, high: 0 };
  return { low, high: 2 ** ((size - HALF) * BYTE_BITS) - 1 };
}

/** What is at a gfn, through the cache of translations where it is on. */
function translate(host: Host, domain: Domain, gfn: Gfn): Leaf {
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
