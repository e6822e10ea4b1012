import { Gfn } from '../abi/ids.js';
import type { GuestPhysical } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { CompareExchange, ExchangeAdd, Fetch, Load, Store } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { crash } from './physmap.js';
import { CRASHED, GENERAL_PROTECTION, STORED } from './replies.js';
import { MISS } from './tables/p2m-cache.js';
import { NOTHING, isGrant, mfnOf, permitsStore } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

const OFFSET_MASK = PAGE_BYTES - 1;
const WIDE = 8;
const HALF = 4;
const ALL_ONES_HALF = 0xffff_ffff;
const TWO_TO_32 = 2 ** 32;
const BYTE_MASK = 0xff;

/** A guest loads 1 to 8 bytes; those at a hole read as ones (p2m.md 6). */
export function load(host: Host, domain: Domain, step: Load): Reply {
  return loadBytes(host, domain, step.address, step.size);
}

/** A guest stores 1 to 8 bytes; those at a hole or a read-only mapping vanish (p2m.md 6). */
export function store(host: Host, domain: Domain, step: Store): Reply {
  storeBytes(host, domain, step.address, step.size, step.value.low, step.value.high);
  return STORED;
}

/**
 * A locked compare-and-exchange. Where any byte is not memory the guest may store to, the
 * instruction is emulated: it reads ones and changes nothing (p2m.md 6).
 */
export function compareExchange(host: Host, domain: Domain, step: CompareExchange): Reply {
  const { address, size } = step;
  if (!isWritableMemory(host, domain, address, size)) return emulated(size);
  const old = loadBytes(host, domain, address, size);
  const low = (step.expected.low & lowMask(size)) >>> 0;
  const high = (step.expected.high & highMask(size)) >>> 0;
  if (old.value.low === low && old.value.high === high) {
    storeBytes(host, domain, address, size, step.value.low, step.value.high);
  }
  return old;
}

/** A locked exchange-and-add; emulated as `compareExchange` is. */
export function exchangeAdd(host: Host, domain: Domain, step: ExchangeAdd): Reply {
  const { address, size } = step;
  if (!isWritableMemory(host, domain, address, size)) return emulated(size);
  const old = loadBytes(host, domain, address, size);
  const low = old.value.low + (step.value.low >>> 0);
  const carry = low >= TWO_TO_32 ? 1 : 0;
  storeBytes(
    host,
    domain,
    address,
    size,
    low >>> 0,
    (old.value.high + step.value.high + carry) >>> 0,
  );
  return old;
}

/**
 * An instruction fetch: from a hole it faults, from a grant mapping, which permits no execution, it
 * crashes the domain (p2m.md 2.2, 6).
 */
export function fetch(host: Host, domain: Domain, step: Fetch): Reply {
  const found = translate(host, domain, gfnOf(step.address));
  if (found === NOTHING) return GENERAL_PROTECTION;
  if (isGrant(found)) {
    crash(domain);
    return CRASHED;
  }
  return loadBytes(host, domain, step.address, WIDE);
}

interface Loaded {
  readonly is: 'value';
  readonly value: { readonly low: number; readonly high: number };
}

function loadBytes(host: Host, domain: Domain, address: GuestPhysical, size: number): Loaded {
  const offset = offsetOf(address);
  const isWord = size === WIDE ? (offset & 7) === 0 : size === HALF && (offset & 3) === 0;
  if (host.options.wordAccess && isWord) {
    host.counters.wordAccesses += 1;
    const found = translate(host, domain, gfnOf(address));
    if (found === NOTHING) return emulated(size);
    const mfn = mfnOf(found);
    const high = size === WIDE ? host.ram.load32(mfn, offset + HALF) : 0;
    return { is: 'value', value: { low: host.ram.load32(mfn, offset), high } };
  }
  host.counters.byteAccesses += 1;
  let low = 0;
  let high = 0;
  for (let byte = 0; byte < size; byte += 1) {
    const value = loadByte(host, domain, address, byte);
    if (byte < HALF) low |= value << (byte * 8);
    else high |= value << ((byte - HALF) * 8);
  }
  return { is: 'value', value: { low: low >>> 0, high: high >>> 0 } };
}

function storeBytes(
  host: Host,
  domain: Domain,
  address: GuestPhysical,
  size: number,
  low: number,
  high: number,
): void {
  const offset = offsetOf(address);
  const isWord = size === WIDE ? (offset & 7) === 0 : size === HALF && (offset & 3) === 0;
  if (host.options.wordAccess && isWord) {
    host.counters.wordAccesses += 1;
    const found = translate(host, domain, gfnOf(address));
    if (!permitsStore(found)) return;
    if (size === WIDE) host.ram.store64(mfnOf(found), offset, low, high);
    else host.ram.store32(mfnOf(found), offset, low);
    return;
  }
  host.counters.byteAccesses += 1;
  for (let byte = 0; byte < size; byte += 1) {
    const half = byte < HALF ? low : high;
    storeByte(host, domain, address, byte, (half >>> ((byte % HALF) * 8)) & BYTE_MASK);
  }
}

function loadByte(host: Host, domain: Domain, address: GuestPhysical, byte: number): number {
  const offset = offsetOf(address) + byte;
  const found = translate(host, domain, pageOf(address, offset));
  if (found === NOTHING) return BYTE_MASK;
  return host.ram.load8(mfnOf(found), offset & OFFSET_MASK);
}

function storeByte(
  host: Host,
  domain: Domain,
  address: GuestPhysical,
  byte: number,
  value: number,
): void {
  const offset = offsetOf(address) + byte;
  const found = translate(host, domain, pageOf(address, offset));
  if (!permitsStore(found)) return;
  host.ram.store8(mfnOf(found), offset & OFFSET_MASK, value);
}

/** Every byte lies in memory that the guest may store to. */
function isWritableMemory(
  host: Host,
  domain: Domain,
  address: GuestPhysical,
  size: number,
): boolean {
  const first = gfnOf(address);
  if (!permitsStore(translate(host, domain, first))) return false;
  if (offsetOf(address) + size <= PAGE_BYTES) return true;
  return permitsStore(translate(host, domain, Gfn(first + 1)));
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

function gfnOf(address: GuestPhysical): Gfn {
  return Gfn(Math.floor(address / PAGE_BYTES));
}
function offsetOf(address: GuestPhysical): number {
  return address % PAGE_BYTES;
}
/** The gfn of a byte whose offset from the start of the first page may lie in the second. */
function pageOf(address: GuestPhysical, offset: number): Gfn {
  const first = gfnOf(address);
  return offset < PAGE_BYTES ? first : Gfn(first + 1);
}

/** What an emulated read of nothing answers: ones, as wide as the access. */
function emulated(size: number): Loaded {
  return { is: 'value', value: { low: lowMask(size), high: highMask(size) } };
}
function lowMask(size: number): number {
  return size >= HALF ? ALL_ONES_HALF : 2 ** (size * 8) - 1;
}
function highMask(size: number): number {
  if (size <= HALF) return 0;
  return size === WIDE ? ALL_ONES_HALF : 2 ** ((size - HALF) * 8) - 1;
}
