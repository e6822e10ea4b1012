import { Mfn } from '../../abi/ids.js';
import {
  PFEC_I,
  PFEC_P,
  PFEC_PK,
  PFEC_RSVD,
  PFEC_U,
  PFEC_W,
  PTE_A,
  PTE_D,
} from '../../abi/control.js';
import { numberAt, wordAt } from '../tables/column.js';
import * as nested from './nested.js';
import * as entry from './page-entry.js';
import type { Ram } from './ram.js';
import type { Registers } from './registers.js';
import * as rights from './rights.js';

const MOST_LEVELS = 4;
const ALL_RIGHTS = rights.RIGHT_RW | rights.RIGHT_USER | rights.RIGHT_DIRTY;
const FRAME_SHIFT_UNPAGED = 12;

/** What a walk found, and the marks (A, D) it has still to leave. One object serves many walks. */
export class Walk {
  high = 0;
  low = 0;
  /** Machine frame of the 4 KiB page. */
  frame = 0;
  /** Frame of the page as the tables say it; of a nested walk guest-physical. */
  guestFrame = 0;
  /** `RIGHT_*` and key, as they are when the marks are set. */
  rights = 0;
  /** Log2 of the bytes that the leaf maps. */
  shift = 12;

  /** Entries passed, top down: their table, in the guest's and the machine's numbers, ... */
  count = 0;
  readonly guestTable = new Float64Array(MOST_LEVELS);
  readonly table = new Float64Array(MOST_LEVELS);
  readonly offset = new Uint32Array(MOST_LEVELS);
  /** ... the bits to set, and whether the nested tables let them be set. */
  readonly marks = new Uint32Array(MOST_LEVELS);
  readonly isMarkable = new Uint8Array(MOST_LEVELS);
}

/**
 * Walks the tables for one access to one page, in the order of p2m.md 3.4, and writes nothing. False:
 * refused, and `cpu` says why.
 */
export function walk(
  cpu: Registers,
  ram: Ram,
  high: number,
  low: number,
  access: number,
  found: Walk,
): boolean {
  found.high = cpu.mode === entry.FOUR_LEVEL ? high : 0;
  found.low = low;
  found.count = 0;
  if (cpu.mode === entry.UNPAGED) {
    found.guestFrame = low >>> FRAME_SHIFT_UNPAGED;
    found.rights = ALL_RIGHTS;
    found.shift = FRAME_SHIFT_UNPAGED;
  } else {
    if (!descend(cpu, ram, access, found)) return false;
    if (!isPermitted(cpu, access, found)) return false;
    if (cpu.isNested && !areMarkable(cpu, access, found)) return false;
  }
  if (cpu.isNested) return reachNested(cpu, ram, access, found);
  found.frame = found.guestFrame;
  return true;
}

/** Leaves the marks of a walk: D and A of the leaf first, then A upwards. */
export function mark(ram: Ram, found: Walk): void {
  for (let step = found.count - 1; step >= 0; step -= 1) {
    const bits = wordAt(found.marks, step);
    if (bits === 0) continue;
    const table = Mfn(numberAt(found.table, step));
    const offset = wordAt(found.offset, step);
    ram.store32(table, offset, (ram.load32(table, offset) | bits) >>> 0);
  }
}

/** From the top table to the leaf: present and without reserved bits at each level. */
function descend(cpu: Registers, ram: Ram, access: number, found: Walk): boolean {
  const { mode } = cpu;
  let level: number = mode;
  let table = cpu.rootFrame;
  if (mode === entry.PAE) {
    const index = (found.low >>> 30) * 2;
    const low = wordAt(cpu.pdptes, index);
    if (!entry.isPresent(low)) return fault(cpu, found, access, 0);
    table = entry.frameOf(low, wordAt(cpu.pdptes, index + 1));
    level = 2;
  }
  found.rights = rights.RIGHT_RW | rights.RIGHT_USER;
  for (; ; level -= 1) {
    if (!openTable(cpu, ram, access, table, found)) return false;
    const offset = entry.entryOffset(mode, level, found.high, found.low);
    const frame = numberAt(found.table, found.count);
    const low = wordIn(ram, frame, offset);
    const high = mode === entry.TWO_LEVEL ? 0 : wordIn(ram, frame, offset + 4);
    if (!entry.isPresent(low)) return fault(cpu, found, access, 0);
    const leaf = entry.isLeaf(mode, level, low, cpu.superpages);
    if (entry.hasReservedBits(mode, level, low, high, leaf, cpu.noExecute, cpu.features)) {
      return fault(cpu, found, access, PFEC_P | PFEC_RSVD);
    }
    pass(found, offset, low, high, leaf && (access & PFEC_W) !== 0);
    if (leaf) {
      found.guestFrame = entry.leafFrame(mode, level, low, high, found.low);
      found.shift = entry.leafShift(mode, level);
      endAt(found, mode, low, high, access);
      return true;
    }
    table = entry.frameOf(low, high);
  }
}

/** Finds the machine frame of a table; false: the nested tables have none. */
function openTable(cpu: Registers, ram: Ram, access: number, table: number, found: Walk): boolean {
  const step = found.count;
  found.guestTable[step] = table;
  if (!cpu.isNested) {
    found.table[step] = table;
    return true;
  }
  const frame = nested.nestedFrame(ram, cpu.nestedRoot, table);
  if (frame === nested.NOT_THERE) return violation(cpu, found, access, table, true, false);
  found.table[step] = nested.machineFrame(frame);
  found.isMarkable[step] = nested.isNestedWritable(frame) ? 1 : 0;
  return true;
}

/** Takes an entry into the record: its rights narrow those so far. */
function pass(found: Walk, offset: number, low: number, high: number, dirties: boolean): void {
  if (!entry.isWritable(low)) found.rights &= ~rights.RIGHT_RW;
  if (!entry.isUser(low)) found.rights &= ~rights.RIGHT_USER;
  if (entry.isNoExecute(high)) found.rights |= rights.RIGHT_NX;
  const wanted = dirties ? PTE_A | PTE_D : PTE_A;
  found.offset[found.count] = offset;
  found.marks[found.count] = wanted & ~low;
  found.count += 1;
}

/** Takes what only a leaf says: D, as it is or is about to be, and the key. */
function endAt(found: Walk, mode: entry.Mode, low: number, high: number, access: number): void {
  if ((low & PTE_D) !== 0 || (access & PFEC_W) !== 0) found.rights |= rights.RIGHT_DIRTY;
  if (mode === entry.FOUR_LEVEL) found.rights |= entry.keyOf(high) << rights.KEY_SHIFT;
}

/** Rights are judged at the end, the key first. */
function isPermitted(cpu: Registers, access: number, found: Walk): boolean {
  if (cpu.keys && cpu.mode === entry.FOUR_LEVEL) {
    if (rights.keyDenies(cpu.pkru, cpu.controls, access, found.rights)) {
      return fault(cpu, found, access, PFEC_P | PFEC_PK);
    }
  }
  if (rights.permits(cpu.controls, access, found.rights)) return true;
  return fault(cpu, found, access, PFEC_P);
}

/** Every table in which a mark is missing may be written. */
function areMarkable(cpu: Registers, access: number, found: Walk): boolean {
  for (let step = found.count - 1; step >= 0; step -= 1) {
    if (wordAt(found.marks, step) === 0 || found.isMarkable[step] === 1) continue;
    return violation(cpu, found, access, numberAt(found.guestTable, step), true, true);
  }
  return true;
}

/** Takes the page itself through the nested tables. What they forbid, no later access may hit. */
function reachNested(cpu: Registers, ram: Ram, access: number, found: Walk): boolean {
  const frame = nested.nestedFrame(ram, cpu.nestedRoot, found.guestFrame);
  const isWrite = (access & PFEC_W) !== 0;
  const isFetch = (access & PFEC_I) !== 0;
  const isThere = frame !== nested.NOT_THERE;
  if (
    !isThere ||
    (isWrite && !nested.isNestedWritable(frame)) ||
    (isFetch && !nested.isNestedExecutable(frame))
  ) {
    return violation(cpu, found, access, found.guestFrame, false, isWrite);
  }
  if (!nested.isNestedWritable(frame)) found.rights &= ~rights.RIGHT_DIRTY;
  if (!nested.isNestedExecutable(frame)) found.rights |= rights.RIGHT_NX;
  found.frame = nested.machineFrame(frame);
  return true;
}

/** A word of a frame; zero beyond the end of memory. */
function wordIn(ram: Ram, frame: number, offset: number): number {
  return frame < ram.frameCount ? ram.load32(Mfn(frame), offset) : 0;
}

function fault(cpu: Registers, found: Walk, access: number, code: number): boolean {
  cpu.exit = 'page_fault';
  cpu.faultCode = code | codeOf(cpu, access);
  cpu.faultLow = found.low;
  cpu.faultHigh = found.high;
  return false;
}

function violation(
  cpu: Registers,
  found: Walk,
  access: number,
  gfn: number,
  isTable: boolean,
  isWrite: boolean,
): boolean {
  fault(cpu, found, access, 0);
  cpu.exit = 'nested';
  cpu.faultGfn = gfn;
  cpu.faultIsTable = isTable;
  cpu.faultIsWrite = isWrite;
  cpu.faultIsFetch = !isTable && (access & PFEC_I) !== 0;
  return false;
}

/** What the access itself puts into an error code. */
function codeOf(cpu: Registers, access: number): number {
  const user = rights.isByUser(access) ? PFEC_U : 0;
  const isTold = cpu.smep || (cpu.noExecute && cpu.mode >= entry.PAE);
  return (access & PFEC_W) | user | (isTold ? access & PFEC_I : 0);
}
