import { CR0_AT_START, CR0_PG, CR0_WP, CR4_PAE, CR4_SMAP, CR4_SMEP } from '../abi/control.js';
import { EFER_LME, EFER_NXE } from '../abi/control.js';
import { Gfn } from '../abi/ids.js';
import type { Mfn, VcpuId } from '../abi/ids.js';
import type { Cpu } from './hardware/cpu.js';
import { FOUR_LEVEL, PAE, TWO_LEVEL, UNPAGED, frameOf } from './hardware/page-entry.js';
import type { Mode } from './hardware/page-entry.js';
import { CONTROL_SMAP, CONTROL_SMEP, CONTROL_WP } from './hardware/rights.js';

const PDPTE_WORDS = 8;
const NON_CANONICAL_SHIFT = 15;
const ALL_ONES_ABOVE = 0x1_ffff;

/**
 * One virtual processor: the registers that its guest sees, and the processor it runs on, which the
 * domain's paging programs (p2m.md 3.1).
 */
export class Vcpu {
  readonly id: VcpuId;
  readonly cpu: Cpu;
  cr0 = CR0_AT_START;
  cr4 = 0;
  /** Without LMA, which follows from the rest (`isLongMode`). */
  efer = 0;
  pkru = 0;
  cr3Low = 0;
  cr3High = 0;
  /** The top level of PAE mode as it was loaded, four entries, low half first; else meaningless. */
  readonly pdptes = new Uint32Array(PDPTE_WORDS);
  /** The frame of CR3, held by a reference while paging is on. Shadow paging only. */
  heldRoot: Mfn | undefined;
  /** Where `Paging.resolve` answered 'fault': the error code of the page fault. */
  faultCode = 0;

  constructor(id: VcpuId, cpu: Cpu) {
    this.id = id;
    this.cpu = cpu;
  }
}

/** The registers that decide where a walk starts and how it goes. */
export type Registers = Pick<Vcpu, 'cr0' | 'cr3Low' | 'cr3High' | 'cr4' | 'efer'>;

/** The mode that registers select. */
export function modeOf({ cr0, cr4, efer }: Registers): Mode {
  if ((cr0 & CR0_PG) === 0) return UNPAGED;
  if ((efer & EFER_LME) !== 0) return FOUR_LEVEL;
  return (cr4 & CR4_PAE) === 0 ? TWO_LEVEL : PAE;
}

/** The gfn that CR3 names; without long mode its high half does not count. */
export function rootGfnOf(registers: Registers): Gfn {
  const high = modeOf(registers) === FOUR_LEVEL ? registers.cr3High : 0;
  return Gfn(frameOf(registers.cr3Low, high));
}

export function isLongMode(vcpu: Vcpu): boolean {
  return modeOf(vcpu) === FOUR_LEVEL;
}

/** Entries have an NX bit: there is none in entries of four bytes. */
export function hasNoExecute(vcpu: Vcpu): boolean {
  const mode = modeOf(vcpu);
  return (vcpu.efer & EFER_NXE) !== 0 && (mode === PAE || mode === FOUR_LEVEL);
}

/** A page fault's error code says that the access was a fetch. */
export function reportsFetch(vcpu: Vcpu): boolean {
  return hasNoExecute(vcpu) || (vcpu.cr4 & CR4_SMEP) !== 0;
}

/** In long mode bits 47 to 63 of an address are equal; this is the high half. */
export function isCanonical(high: number): boolean {
  const above = high >>> NON_CANONICAL_SHIFT;
  return above === 0 || above === ALL_ONES_ABOVE;
}

/** The registers' say in what a page permits, as `permits` wants it (rights.ts). */
export function rightsControls({ cr0, cr4 }: Vcpu): number {
  return (
    ((cr0 & CR0_WP) === 0 ? 0 : CONTROL_WP) |
    ((cr4 & CR4_SMEP) === 0 ? 0 : CONTROL_SMEP) |
    ((cr4 & CR4_SMAP) === 0 ? 0 : CONTROL_SMAP)
  );
}
