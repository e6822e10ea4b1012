import type { Reply } from '../abi/reply.js';
import type { CompareExchange, ExchangeAdd, Fetch, Load, Store } from '../abi/step.js';
import type { Word } from '../abi/word.js';
import type { Domain } from './domain.js';
import * as memory from './guest-memory.js';
import type { Host } from './host.js';
import { crash } from './physmap.js';
import { CRASHED, GENERAL_PROTECTION, STORED } from './replies.js';
import { NOTHING, isGrant, isPresentLeaf, isRam, permitsStore } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';

/*
 * Guest accesses by guest-physical address, 1 to 8 bytes, in at most two pages (p2m.md 6; the cases
 * across the end of a page are recorded). Where every page permits it, an access is direct. Where
 * one does not, the whole access is emulated, and the emulator knows the guest's RAM only: what it
 * reads elsewhere, in grant mappings too, is ones, and what it writes there vanishes.
 */

const FETCH_BYTES = 8;
const TWO_TO_32 = 2 ** 32;

/** A guest loads. Direct where nothing is a hole. */
export function load(host: Host, domain: Domain, step: Load): Reply {
  const { address, size } = step;
  if (memory.isWordAccess(host, address, size)) return valueOf(loadWord(host, domain, step));
  const first = memory.firstLeaf(host, domain, address);
  const last = memory.lastLeaf(host, domain, address, size, first);
  const isDirect = first !== NOTHING && last !== NOTHING;
  const sees = isDirect ? isPresentLeaf : isRam;
  return valueOf(memory.readBytes(host, address, size, first, last, sees));
}

/** A guest stores. Direct where nothing is a hole or a read-only mapping. */
export function store(host: Host, domain: Domain, step: Store): Reply {
  const { address, size, value } = step;
  if (memory.isWordAccess(host, address, size)) {
    const found = memory.firstLeaf(host, domain, address);
    if (permitsStore(found)) memory.storeWord(host, found, address, size, value);
    return STORED;
  }
  const first = memory.firstLeaf(host, domain, address);
  const last = memory.lastLeaf(host, domain, address, size, first);
  const isDirect = permitsStore(first) && permitsStore(last);
  const reaches = isDirect ? permitsStore : isRam;
  memory.writeBytes(host, address, size, first, last, value, reaches);
  return STORED;
}

/** A locked compare-and-exchange. Emulated, it answers what the emulator reads and never stores. */
export function compareExchange(host: Host, domain: Domain, step: CompareExchange): Reply {
  const { address, size } = step;
  const first = memory.firstLeaf(host, domain, address);
  const last = memory.lastLeaf(host, domain, address, size, first);
  const isDirect = permitsStore(first) && permitsStore(last);
  const sees = isDirect ? permitsStore : isRam;
  const old = memory.readBytes(host, address, size, first, last, sees);
  if (isDirect && isSame(old, step.expected, size)) {
    memory.writeBytes(host, address, size, first, last, step.value, permitsStore);
  }
  return valueOf(old);
}

/**
 * A locked exchange-and-add. Emulated, it adds to what the emulator reads and stores where that can
 * be stored; across two pages of which neither is RAM the emulator gives up.
 */
export function exchangeAdd(host: Host, domain: Domain, step: ExchangeAdd): Reply {
  const { address, size } = step;
  const first = memory.firstLeaf(host, domain, address);
  const last = memory.lastLeaf(host, domain, address, size, first);
  const isDirect = permitsStore(first) && permitsStore(last);
  if (!isDirect && memory.crossesPages(address, size) && !isRam(first) && !isRam(last)) {
    return GENERAL_PROTECTION;
  }
  const reaches = isDirect ? permitsStore : isRam;
  const old = memory.readBytes(host, address, size, first, last, reaches);
  memory.writeBytes(host, address, size, first, last, sumOf(old, step.value), reaches);
  return valueOf(old);
}

/**
 * An instruction fetch: from a hole it faults, from a grant mapping, which permits no execution, it
 * crashes the domain (p2m.md 2.2, 6).
 */
export function fetch(host: Host, domain: Domain, step: Fetch): Reply {
  const { address } = step;
  const first = memory.firstLeaf(host, domain, address);
  if (first === NOTHING) return GENERAL_PROTECTION;
  if (isGrant(first)) {
    crash(domain);
    return CRASHED;
  }
  const last = memory.lastLeaf(host, domain, address, FETCH_BYTES, first);
  return valueOf(memory.readBytes(host, address, FETCH_BYTES, first, last, isPresentLeaf));
}

function loadWord(host: Host, domain: Domain, { address, size }: Load): Word {
  const found: Leaf = memory.firstLeaf(host, domain, address);
  if (found === NOTHING) return memory.onesOf(size);
  return memory.loadWord(host, found, address, size);
}

function valueOf(value: Word): Reply {
  return { is: 'value', value };
}

function isSame(old: Word, wanted: Word, size: number): boolean {
  const ones = memory.onesOf(size);
  if (old.low !== (wanted.low & ones.low) >>> 0) return false;
  return old.high === (wanted.high & ones.high) >>> 0;
}

function sumOf(one: Word, other: Word): Word {
  const low = one.low + (other.low >>> 0);
  const carry = low >= TWO_TO_32 ? 1 : 0;
  return { low: low >>> 0, high: (one.high + other.high + carry) >>> 0 };
}
