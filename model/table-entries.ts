import * as abi from '../abi/control.js';
import type { Cpu } from '../abi/machine.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { hasNoExecute, modeOf, type Mode } from './registers.js';
import type { Vcpu } from './state.js';

/** The format of page-table entries, by mode and level (p2m.md 3.2). */

/** Bytes of linear address space under one entry. */
export const spanOf = (level: number, mode: Mode): number =>
  PAGE_BYTES * (mode === '2-level' ? 1024 : 512) ** (level - 1);

/** Bytes of an entry. */
export const widthOf = (mode: Mode): 4 | 8 => (mode === '2-level' ? 4 : 8);

/** The frame number in an entry. */
export const frameOf = ({ low, high }: Word, mode: Mode): number =>
  (low >>> 12) + (mode === '2-level' ? 0 : (high & 0xf_ffff) * 2 ** 20);

/** [C2] The frame that CR3 names; what long mode left in its high half counts in no other mode. */
export const rootFrame = (vcpu: Vcpu): number =>
  (vcpu.cr3.low >>> 12) + (modeOf(vcpu) === '4-level' ? vcpu.cr3.high * 2 ** 20 : 0);

/**
 * The first frame of what a leaf maps: below it the low bits of the frame number mean other things.
 * A 4 MiB entry has address bits 32 to 39 in its bits 13 to 20.
 */
export function leafFrame(entry: Word, level: number, mode: Mode): number {
  if (mode === '2-level' && level === 2)
    return (entry.low >>> 22) * 1024 + ((entry.low >>> 13) & 0xff) * 2 ** 20;
  const frame = frameOf(entry, mode);
  return frame - (frame % (spanOf(level, mode) / PAGE_BYTES));
}

/** Who reads entries: a vcpu in a mode, on a processor with features. */
export interface Reader {
  readonly mode: Mode;
  readonly vcpu: Vcpu;
  readonly cpu: Cpu;
}

/** The entry maps a page larger than 4 KiB: 4 MiB in 2-level mode, else 2 MiB or 1 GiB. */
export function isSuperpage({ low }: Word, level: number, { mode, vcpu, cpu }: Reader): boolean {
  if ((low & abi.PTE_PS) === 0 || level > 3) return false;
  if (level === 3) return cpu.gibPages;
  return mode !== '2-level' || (vcpu.cr4 & abi.CR4_PSE) !== 0;
}

/** [W2] Which bits must be zero depends on mode, level and features. */
export function hasReservedBit(entry: Word, level: number, isLeaf: boolean, by: Reader): boolean {
  const { low, high } = entry;
  const { mode, vcpu, cpu } = by;
  if (mode === '2-level') {
    const addressBits = cpu.pse36 ? Math.min(cpu.addressBits, 40) : 32;
    return level === 2 && isLeaf && (low & bits(addressBits - 19, 21)) !== 0;
  }
  const beyondAddress = bits(cpu.addressBits - 32, mode === 'pae' ? 30 : 19);
  if ((high & beyondAddress) !== 0) return true;
  if (high >= abi.PTE_NX_HIGH && !hasNoExecute(vcpu)) return true;
  if (level > 2 && !isLeaf) return (low & abi.PTE_PS) !== 0;
  return level > 1 && isLeaf && (low & bits(13, level === 2 ? 20 : 29)) !== 0;
}

/** A mask of the bits from one to another, both included. */
const bits = (from: number, to: number): number => (2 ** (to + 1) - 2 ** from) | 0;
