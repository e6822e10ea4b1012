import { Mfn } from '../../abi/ids.js';
import * as entry from './page-entry.js';
import type { Ram } from './ram.js';

const ENTRY_WORDS = 2;
const INDEX_MASK = 0x1ff;
const SPAN_OF_TOP = 512 ** 3;
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
  let rights = WRITABLE | EXECUTABLE;
  for (let span = SPAN_OF_TOP; span >= 1; span /= 512) {
    const index = ((gfn / span) & INDEX_MASK) * ENTRY_WORDS;
    const low = ram.tableWord(Mfn(table), index);
    if (!entry.isPresent(low)) return NOT_THERE;
    const high = ram.tableWord(Mfn(table), index + 1);
    if (!entry.isWritable(low)) rights &= ~WRITABLE;
    if (entry.isNoExecute(high)) rights &= ~EXECUTABLE;
    table = entry.frameOf(low, high);
  }
  return table * RIGHTS + rights;
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
