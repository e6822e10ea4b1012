import { Mfn } from '../../abi/ids.js';
import * as entry from './page-entry.js';
import type { Ram } from './ram.js';

/* Names of one's own cost nothing; those of other files are looked up each time they are used. */
const { isPresent, isWritable, isNoExecute, isLarge, frameOf } = entry;

const ENTRY_WORDS = 2;
const INDEX_MASK = 0x1ff;
const INDEX_BITS = 9;
const SHIFT_OF_TOP = 27;
const SPAN_OF_TOP = 2 ** SHIFT_OF_TOP;
const GUEST_FRAMES = 512 ** 4;
const WRITABLE = 0x1;
const EXECUTABLE = 0x2;
const RIGHTS = 4;

/** A guest frame as the nested tables give it: machine frame and rights in one number. */
export const NOT_THERE = -1;

/** Walks the nested tables; what all four entries permit is permitted. */
export function nestedFrame(ram: Ram, root: Mfn, gfn: number): number {
  if (gfn >= GUEST_FRAMES) return NOT_THERE;
  let table: number = root;
  let allowed = WRITABLE | EXECUTABLE;
  // The top index may be above 32 bits of the frame; what is below it never is.
  let index = (gfn / SPAN_OF_TOP) & INDEX_MASK;
  for (let shift = SHIFT_OF_TOP; ; shift -= INDEX_BITS) {
    const low = ram.tableWord(Mfn(table), index * ENTRY_WORDS);
    if (!isPresent(low)) return NOT_THERE;
    const high = ram.tableWord(Mfn(table), index * ENTRY_WORDS + 1);
    if (!isWritable(low)) allowed &= ~WRITABLE;
    if (isNoExecute(high)) allowed &= ~EXECUTABLE;
    table = frameOf(low, high);
    if (shift === 0) return table * RIGHTS + allowed;
    if (isLarge(low)) return (table + (gfn & ((1 << shift) - 1))) * RIGHTS + allowed;
    index = (gfn >>> (shift - INDEX_BITS)) & INDEX_MASK;
  }
}

export function machineFrame(found: number): number {
  return Math.floor(found / RIGHTS);
}
export function isNestedWritable(found: number): boolean {
  return (found & WRITABLE) !== 0;
}
export function isNestedExecutable(found: number): boolean {
  return (found & EXECUTABLE) !== 0;
}
