import { CR4_PKE, CR4_PSE, PTE_A, PTE_D } from '../abi/control.js';
import { PFEC_I, PFEC_P, PFEC_PK, PFEC_RSVD, PFEC_U, PFEC_W } from '../abi/control.js';
import { Gfn, Mfn } from '../abi/ids.js';
import type { Domain } from './domain.js';
import { frameWritten } from './frame-written.js';
import { translate } from './guest-memory.js';
import * as entry from './hardware/page-entry.js';
import * as rights from './hardware/rights.js';
import type { Host } from './host.js';
import { byteAt, signedAt, wordAt } from './tables/column.js';
import { GRANT_MAP_RO, NOTHING, isRam, mfnOf, typeOf } from './tables/p2m-entry.js';
import { hasNoExecute, modeOf, reportsFetch, rightsControls, rootGfnOf } from './vcpu.js';
import type { Vcpu } from './vcpu.js';

const LEVELS = 5;
const NO_TABLE = -1;
const TABLE_BITS = PTE_A | PTE_D;
const ALL_RIGHTS = rights.RIGHT_RW | rights.RIGHT_USER;

/**
 * What a walk of a guest's tables found, refilled by each walk. Columns are by level, 4 down to 1;
 * those from `top` down to `leafLevel` were read. In PAE mode `top` is 2: level 3 is registers.
 */
export class GuestWalk {
  /** The hypervisor walks on its own account, for a hypercall: tables are the domain's own RAM. */
  readonly isOwnAccount: boolean;
  isAllowed = false;
  /** Where it is not allowed: the error code of the page fault, W, U and I included. */
  code = 0;
  /** The first level that was read; 0 if none was: unpaged, or an empty PDPTE. */
  top = 0;
  /** The level of the leaf, or where the walk ended; meaningless if `top` is 0. */
  leafLevel = 0;
  /** The page of the address, of 4 KiB whatever the leaf maps. */
  gfn = Gfn(0);
  /** `RIGHT_RW`, `RIGHT_USER`, `RIGHT_NX` of all entries together, and the leaf's key (rights.ts). */
  rights = 0;
  /** By level: frame of the table, byte offset of the entry in it, the entry's two words. */
  readonly table = new Int32Array(LEVELS);
  readonly offset = new Int32Array(LEVELS);
  readonly low = new Uint32Array(LEVELS);
  readonly high = new Uint32Array(LEVELS);
  /** By level: 1 where the table lies behind a readonly grant mapping (nested paging only). */
  readonly readonly = new Uint8Array(LEVELS);

  constructor(isOwnAccount = false) {
    this.isOwnAccount = isOwnAccount;
  }
}

/**
 * Walks the guest's tables as they are now, from the registers of a vcpu (p2m.md 3.4): at each level
 * present, then reserved; the rights when the walk is complete. Sets nothing. `access` is as for the
 * processor. Outside long mode `high` is not looked at. Answers `walk.isAllowed`.
 */
export function walkGuest(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  high: number,
  low: number,
  access: number,
  walk: GuestWalk,
): boolean {
  host.counters.guestWalks += 1;
  walk.isAllowed = true;
  walk.code = 0;
  walk.top = 0;
  walk.rights = ALL_RIGHTS;
  if (modeOf(vcpu) === entry.UNPAGED) {
    walk.gfn = Gfn(low >>> 12);
    return true;
  }
  const found = descend(host, domain, vcpu, high, low, walk);
  const refused = found === undefined ? refusedBy(vcpu, access, walk) : found;
  if (refused === undefined) return true;
  const isUser = rights.isByUser(access);
  const saysFetch = (access & PFEC_I) !== 0 && reportsFetch(vcpu);
  walk.isAllowed = false;
  walk.code = refused | (access & PFEC_W) | (isUser ? PFEC_U : 0) | (saysFetch ? PFEC_I : 0);
  return false;
}

/**
 * Sets A at every level and, for a write, D at the leaf, leaf first, in entries that still read as
 * the walk found them. The owners of the tables' frames hear of it.
 */
export function setAccessedAndDirty(host: Host, walk: GuestWalk, access: number): void {
  if (walk.top === 0) return;
  for (let level = walk.leafLevel; level <= walk.top; level += 1) {
    const mfn = Mfn(signedAt(walk.table, level));
    const offset = signedAt(walk.offset, level);
    const now = host.ram.load32(mfn, offset);
    const isSame = ((now ^ wordAt(walk.low, level)) & ~TABLE_BITS) === 0;
    const set = (now | wantedBits(walk, level, access)) >>> 0;
    if (!isSame || set === now) continue;
    host.ram.store32(mfn, offset, set);
    frameWritten(host, mfn, offset, offset + 4);
  }
}

/** From the root to the leaf. Answers what stopped it (0: something is not there), or undefined. */
function descend(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  high: number,
  low: number,
  walk: GuestWalk,
): number | undefined {
  const mode = modeOf(vcpu);
  const { cpuFeatures } = host;
  const superpages = (vcpu.cr4 & CR4_PSE) !== 0;
  const noExecute = hasNoExecute(vcpu);
  let level = mode === entry.FOUR_LEVEL ? 4 : 2;
  let table = rootTable(host, domain, vcpu, low, walk);
  for (;;) {
    if (table === NO_TABLE) return 0;
    readEntry(host, table, level, entry.entryOffset(mode, level, high, low), walk, mode);
    const entryLow = wordAt(walk.low, level);
    const entryHigh = wordAt(walk.high, level);
    if (!entry.isPresent(entryLow)) return 0;
    const isLeaf = entry.isLeaf(mode, level, entryLow, superpages);
    const isReserved = entry.hasReservedBits(
      mode,
      level,
      entryLow,
      entryHigh,
      isLeaf,
      noExecute,
      cpuFeatures,
    );
    if (isReserved) return PFEC_P | PFEC_RSVD;
    if (!entry.isWritable(entryLow)) walk.rights &= ~rights.RIGHT_RW;
    if (!entry.isUser(entryLow)) walk.rights &= ~rights.RIGHT_USER;
    if (entry.isNoExecute(entryHigh)) walk.rights |= rights.RIGHT_NX;
    if (isLeaf) {
      walk.gfn = Gfn(entry.leafFrame(mode, level, entryLow, entryHigh, low));
      return undefined;
    }
    level -= 1;
    table = tableAt(host, domain, Gfn(entry.frameOf(entryLow, entryHigh)), level, walk);
  }
}

function readEntry(
  host: Host,
  table: number,
  level: number,
  offset: number,
  walk: GuestWalk,
  mode: entry.Mode,
): void {
  if (walk.top === 0) walk.top = level;
  walk.leafLevel = level;
  walk.table[level] = table;
  walk.offset[level] = offset;
  walk.low[level] = host.ram.load32(Mfn(table), offset);
  walk.high[level] = mode === entry.TWO_LEVEL ? 0 : host.ram.load32(Mfn(table), offset + 4);
}

/** The first table that is read from memory: the held root, or what is at the gfn of CR3. */
function rootTable(host: Host, domain: Domain, vcpu: Vcpu, low: number, walk: GuestWalk): number {
  const mode = modeOf(vcpu);
  if (mode === entry.PAE) {
    const index = (low >>> 30) * 2;
    const pdpteLow = wordAt(vcpu.pdptes, index);
    if (!entry.isPresent(pdpteLow)) return NO_TABLE;
    const frame = entry.frameOf(pdpteLow, wordAt(vcpu.pdptes, index + 1));
    return tableAt(host, domain, Gfn(frame), 2, walk);
  }
  const level = mode === entry.FOUR_LEVEL ? 4 : 2;
  if (vcpu.heldRoot !== undefined) {
    walk.readonly[level] = 0;
    return vcpu.heldRoot;
  }
  return tableAt(host, domain, rootGfnOf(vcpu), level, walk);
}

/**
 * The frame of a table: the domain's own RAM that can be referenced. Nested paging reads tables like
 * other memory, through grant mappings too; on its own account the hypervisor reads any page of the
 * domain's. Anything else is as if the table were not there.
 */
function tableAt(host: Host, domain: Domain, gfn: Gfn, level: number, walk: GuestWalk): number {
  const found = translate(host, domain, gfn);
  if (found === NOTHING) return NO_TABLE;
  const isNested = host.machine.paging === 'hap';
  if (walk.isOwnAccount && isNested) return ownTable(host, domain, mfnOf(found), level, walk);
  const isGranted = !isRam(found);
  const isUsable = !isGranted && host.frames.referencesOf(mfnOf(found)) > 0;
  if (!isUsable && !isNested) return NO_TABLE;
  walk.readonly[level] = isGranted && typeOf(found) === GRANT_MAP_RO ? 1 : 0;
  return mfnOf(found);
}

/** A table that the hypervisor looks at on its own account: any page of the domain's. */
function ownTable(host: Host, domain: Domain, mfn: Mfn, level: number, walk: GuestWalk): number {
  walk.readonly[level] = 0;
  const isHeld = host.frames.referencesOf(mfn) > 0;
  return isHeld && host.frames.ownerOf(mfn) === domain.id ? mfn : NO_TABLE;
}

/** What of a complete walk refuses the access; undefined: nothing. */
function refusedBy(vcpu: Vcpu, access: number, walk: GuestWalk): number | undefined {
  const controls = rightsControls(vcpu);
  const hasKeys = (vcpu.cr4 & CR4_PKE) !== 0 && modeOf(vcpu) === entry.FOUR_LEVEL;
  const key = entry.keyOf(wordAt(walk.high, walk.leafLevel));
  if (hasKeys) walk.rights |= key << rights.KEY_SHIFT;
  const isDenied = hasKeys && rights.keyDenies(vcpu.pkru, controls, access, walk.rights);
  if (isDenied) return PFEC_P | PFEC_PK;
  if (!rights.permits(controls, access, walk.rights | rights.RIGHT_DIRTY)) return PFEC_P;
  // A or D would have to be written where nothing can be: as if the table were not there.
  for (let level = walk.leafLevel; level <= walk.top; level += 1) {
    if (byteAt(walk.readonly, level) === 0) continue;
    const wanted = wantedBits(walk, level, access);
    if ((wordAt(walk.low, level) & wanted) !== wanted) return 0;
  }
  return undefined;
}

function wantedBits(walk: GuestWalk, level: number, access: number): number {
  const isWrite = (access & PFEC_W) !== 0;
  return level === walk.leafLevel && isWrite ? PTE_A | PTE_D : PTE_A;
}
