import { APIC_GFN, APIC_VERSION, APIC_VERSION_OFFSET } from '../abi/local-apic.js';
import { PFEC_I, PFEC_P } from '../abi/control.js';
import { Gfn } from '../abi/ids.js';
import type { GuestPhysical, Mfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Access, LinearAccess } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Word } from '../abi/word.js';
import type { Domain } from './domain.js';
import { frameWritten } from './frame-written.js';
import * as memory from './guest-memory.js';
import type { Host } from './host.js';
import { crash } from './physmap.js';
import { CRASHED, GENERAL_PROTECTION, STORED, pageFault, valueOf } from './replies.js';
import { NOTHING, isGrant, isPresentLeaf, isRam, isReadonlyRam } from './tables/p2m-entry.js';
import { isWritableRam, mfnOf, permitsStore } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

/*
 * Guest accesses by what is at their pages, 1 to 8 bytes, in at most two pages (p2m.md 6; the cases
 * across the end of a page are recorded). Where every page permits it, an access is direct. Where
 * one does not, the whole access is emulated, and the emulator knows the guest's RAM only: what it
 * reads elsewhere, in grant mappings too, is ones, and what it writes there vanishes.
 */

const FETCH_BYTES = 8;
const APIC_REGISTER_BYTES = 4;
const TWO_TO_32 = 2 ** 32;
/** The page fault of a fetch from a hole, under shadows: as if the page were not executable. */
const HOLE_FETCHED = PFEC_P | PFEC_I;

/** The accesses that carry an address in the guest's physical memory. */
export type PhysicalAccess = Exclude<Access, { op: 'crash' }>;
/** What an access other than a fetch does at its pages, however they were found. */
export type DataAccess = Exclude<PhysicalAccess | LinearAccess, { op: 'fetch' | 'fetch_linear' }>;

/** An access by guest-physical address: its pages follow one another. */
export function accessPhysical(host: Host, domain: Domain, step: PhysicalAccess): Reply {
  const { address } = step;
  const size = step.op === 'fetch' ? FETCH_BYTES : step.size;
  const offset = address % PAGE_BYTES;
  const gfn = Math.floor(address / PAGE_BYTES);
  let first = memory.translate(host, domain, Gfn(gfn));
  const isOne = !memory.crossesPages(offset, size);
  if (domain.isCrashed) return CRASHED;
  const isEnded = step.op === 'store' && isReadonlyRam(first);
  const last = isOne || isEnded ? first : memory.translate(host, domain, Gfn(gfn + 1));
  if (domain.isCrashed) return CRASHED;
  // To populate the second page the first may have been taken back.
  if (!isOne) first = memory.lookUp(host, domain, Gfn(gfn));
  if (isApicVersion(step, first, gfn, offset)) return valueOf({ low: APIC_VERSION, high: 0 });
  if (step.op !== 'fetch') return accessAt(host, step, first, last, offset);
  return (
    refusedFetch(host, domain, first, HOLE_FETCHED, wordOf(address)) ??
    loadAt(host, FETCH_BYTES, first, last, offset)
  );
}

/** Where nothing else is, the local APIC's registers are read by the emulator. */
function isApicVersion(step: PhysicalAccess, first: Leaf, gfn: number, offset: number): boolean {
  if (gfn !== APIC_GFN || first !== NOTHING || step.op !== 'load') return false;
  return offset === APIC_VERSION_OFFSET && step.size === APIC_REGISTER_BYTES;
}

/** An access other than a fetch, by what is at its first and at its last page. */
export function accessAt(
  host: Host,
  step: DataAccess,
  first: Leaf,
  last: Leaf,
  offset: number,
): Reply {
  switch (step.op) {
    case 'load':
    case 'load_linear':
      return loadAt(host, step.size, first, last, offset);
    case 'store':
    case 'store_linear':
      return storeAt(host, step, first, last, offset);
    case 'cmpxchg':
    case 'cmpxchg_linear':
      return compareExchangeAt(host, step, first, last, offset);
    case 'xadd':
    case 'xadd_linear':
      return exchangeAddAt(host, step, first, last, offset);
  }
}

/**
 * What a fetch answers that gets no bytes; the page of the first byte decides. Nested paging: a hole
 * faults, a grant mapping, which is never executable, is fatal. Shadows: a hole is a page fault, a
 * grant mapping is memory like any other (recorded).
 */
export function refusedFetch(
  host: Host,
  domain: Domain,
  first: Leaf,
  code: number,
  linear: Word,
): Reply | undefined {
  const isNested = host.machine.paging === 'hap';
  if (first === NOTHING) return isNested ? GENERAL_PROTECTION : pageFault(code, linear);
  if (!isNested || !isGrant(first)) return undefined;
  crash(domain);
  return CRASHED;
}

/** A load, or a fetch that was not refused. Direct where nothing is a hole. */
export function loadAt(host: Host, size: number, first: Leaf, last: Leaf, offset: number): Reply {
  const isDirect = isPresentLeaf(first) && isPresentLeaf(last);
  const from = frameIf(isDirect || isRam(first), first);
  const to = frameIf(isDirect || isRam(last), last);
  return valueOf(memory.read(host, from, to, offset, size));
}

/**
 * Direct where nothing is a hole, readonly RAM or a read-only mapping. The emulator stops at readonly
 * RAM, with nothing stored, unless it had to leave what it knows before.
 */
function storeAt(
  host: Host,
  { size, value }: Extract<DataAccess, { op: 'store' | 'store_linear' }>,
  first: Leaf,
  last: Leaf,
  offset: number,
): Reply {
  if (isDropped(first, last)) return STORED;
  const isDirect = permitsStore(first) && permitsStore(last);
  const from = frameIf(isDirect || isWritableRam(first), first);
  const to = frameIf(isDirect || isWritableRam(last), last);
  writeAndTell(host, from, to, offset, size, value);
  return STORED;
}

/** Emulated, it answers what the emulator reads and never stores. */
function compareExchangeAt(
  host: Host,
  step: Extract<DataAccess, { op: 'cmpxchg' | 'cmpxchg_linear' }>,
  first: Leaf,
  last: Leaf,
  offset: number,
): Reply {
  const { size } = step;
  const isDirect = permitsStore(first) && permitsStore(last);
  const from = frameIf(isDirect || isRam(first), first);
  const to = frameIf(isDirect || isRam(last), last);
  const old = memory.read(host, from, to, offset, size);
  if (isDirect && memory.isSame(old, step.expected, size)) {
    writeAndTell(host, from, to, offset, size, step.value);
  }
  return valueOf(old);
}

/**
 * Emulated, it adds to what the emulator reads and stores where that can be stored; across two pages
 * of which neither is RAM the emulator gives up. Where a store would be dropped, the guest's addend
 * stays in its register.
 */
function exchangeAddAt(
  host: Host,
  { size, value }: Extract<DataAccess, { op: 'xadd' | 'xadd_linear' }>,
  first: Leaf,
  last: Leaf,
  offset: number,
): Reply {
  const isDirect = permitsStore(first) && permitsStore(last);
  const crosses = memory.crossesPages(offset, size);
  if (!isDirect && crosses && !isRam(first) && !isRam(last)) return GENERAL_PROTECTION;
  if (isDropped(first, last)) return valueOf(memory.cutTo(value, size));
  const from = frameIf(isDirect || isRam(first), first);
  const to = frameIf(isDirect || isRam(last), last);
  const old = memory.read(host, from, to, offset, size);
  const into = frameIf(isDirect || isWritableRam(first), first);
  const onward = frameIf(isDirect || isWritableRam(last), last);
  writeAndTell(host, into, onward, offset, size, memory.sumOf(old, value));
  return valueOf(old);
}

/** The emulator comes to readonly RAM before it comes to anything that is no RAM. */
function isDropped(first: Leaf, last: Leaf): boolean {
  return isReadonlyRam(first) || (isWritableRam(first) && isReadonlyRam(last));
}

/** Stores, and tells the owners of what was reached. */
function writeAndTell(
  host: Host,
  first: Mfn,
  last: Mfn,
  offset: number,
  size: number,
  value: Word,
): void {
  memory.write(host, first, last, offset, size, value);
  const end = offset + size;
  if (first !== memory.NO_FRAME) frameWritten(host, first, offset, Math.min(end, PAGE_BYTES));
  if (end > PAGE_BYTES && last !== memory.NO_FRAME) frameWritten(host, last, 0, end - PAGE_BYTES);
}

function frameIf(isReached: boolean, found: Leaf): Mfn {
  return isReached ? mfnOf(found) : memory.NO_FRAME;
}

function wordOf(address: GuestPhysical): Word {
  return { low: address % TWO_TO_32, high: Math.floor(address / TWO_TO_32) };
}
