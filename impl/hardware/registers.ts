import { Mfn } from '../../abi/ids.js';
import type { Cpu as Features } from '../../abi/machine.js';
import { UNPAGED } from './page-entry.js';
import type { Mode } from './page-entry.js';
import { CONTROL_KEYS, CONTROL_SMAP, CONTROL_SMEP, CONTROL_WP } from './rights.js';

/** Why a translation was refused. */
export type Exit = 'page_fault' | 'nested';

/**
 * What the hypervisor programs into one processor, and what the processor reports back. Nothing here
 * flushes: whoever changes the mode, a root, PSE or a PDPTE flushes the TLB. The others act from the
 * next access on, `noExecute` from the next walk on.
 */
export class Registers {
  readonly features: Features;

  /** CR0.PG, CR4.PAE and EFER.LMA in one. */
  mode: Mode = UNPAGED;
  /** Frame of the top table, of 2-level and 4-level tables. Guest-physical if nested. */
  rootFrame = 0;
  /** The four entries of PAE's top level, low and high words in turn; loaded by the hypervisor. */
  readonly pdptes = new Uint32Array(8);
  /** CR4.PSE: 2-level tables may map 4 MiB. */
  superpages = false;
  /** EFER.NXE */
  noExecute = false;
  /** Protection keys' rights, two bits each; they count while `keys` is on. */
  pkru = 0;
  /** Frames in roots and tables are guest-physical and go through the nested tables. */
  isNested = false;
  /** Top of the nested tables: always four levels, in machine frames. */
  nestedRoot: Mfn = Mfn(0);

  /** Valid after a refused translation. */
  exit: Exit = 'page_fault';
  /** `PFEC_*`: of a page fault; of a nested exit, what a table that is not there would give. */
  faultCode = 0;
  /** The linear address of a page fault, as for CR2: of a second page, its first byte. */
  faultLow = 0;
  faultHigh = 0;
  /** Of a nested exit: the guest frame that the nested tables do not permit, ... */
  faultGfn = 0;
  /** ... whether it is that of a page table, read or to be marked (A, D), ... */
  faultIsTable = false;
  /** ... and what was wanted of it. Neither: a read. */
  faultIsWrite = false;
  faultIsFetch = false;

  /** `CONTROL_*`; `writeProtect`, `smep`, `smap` and `keys` are its bits. */
  controls = 0;

  constructor(features: Features) {
    this.features = features;
  }

  /** CR0.WP */
  get writeProtect(): boolean {
    return (this.controls & CONTROL_WP) !== 0;
  }
  set writeProtect(on: boolean) {
    this.controls = (this.controls & ~CONTROL_WP) | (on ? CONTROL_WP : 0);
  }
  /** CR4.SMEP */
  get smep(): boolean {
    return (this.controls & CONTROL_SMEP) !== 0;
  }
  set smep(on: boolean) {
    this.controls = (this.controls & ~CONTROL_SMEP) | (on ? CONTROL_SMEP : 0);
  }
  /** CR4.SMAP */
  get smap(): boolean {
    return (this.controls & CONTROL_SMAP) !== 0;
  }
  set smap(on: boolean) {
    this.controls = (this.controls & ~CONTROL_SMAP) | (on ? CONTROL_SMAP : 0);
  }
  /** CR4.PKE: `pkru` applies to 4-level tables. */
  get keys(): boolean {
    return (this.controls & CONTROL_KEYS) !== 0;
  }
  set keys(on: boolean) {
    this.controls = (this.controls & ~CONTROL_KEYS) | (on ? CONTROL_KEYS : 0);
  }
}
