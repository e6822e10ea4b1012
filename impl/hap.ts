import { CR0_WP, CR4_PKE, CR4_PSE, CR4_SMAP, CR4_SMEP } from '../abi/control.js';
import { Gfn } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import type { Domain } from './domain.js';
import { UNPAGED } from './hardware/page-entry.js';
import type { Paging, Resolution } from './paging.js';
import { NOTHING, isWritableRam } from './tables/p2m-entry.js';
import type { Leaf } from './tables/p2m-entry.js';
import { hasNoExecute, isLongMode, modeOf, rootGfnOf } from './vcpu.js';
import type { Vcpu } from './vcpu.js';

/**
 * Nested paging: the processors walk the guest's tables, and the p2m's below them. The hypervisor
 * only comes in where the p2m does not permit what the guest's tables allow.
 */
export class NestedPaging implements Paging {
  readonly #domain: Domain;

  /** The domain has its p2m and its vcpus. */
  constructor(domain: Domain) {
    this.#domain = domain;
    for (const vcpu of domain.vcpus) {
      vcpu.cpu.isNested = true;
      vcpu.cpu.nestedRoot = domain.p2m.rootFrame();
    }
  }

  /** The guest's registers are the processor's; frames in them are guest-physical. */
  load(vcpu: Vcpu): void {
    const { cpu } = vcpu;
    cpu.mode = modeOf(vcpu);
    cpu.rootFrame = rootGfnOf(vcpu);
    cpu.superpages = (vcpu.cr4 & CR4_PSE) !== 0;
    cpu.pdptes.set(vcpu.pdptes);
    this.rightsChanged(vcpu);
    cpu.tlb.flushAll();
  }

  rightsChanged(vcpu: Vcpu): void {
    const { cpu } = vcpu;
    cpu.writeProtect = (vcpu.cr0 & CR0_WP) !== 0;
    // Without paging no page is the user's.
    const isPaged = modeOf(vcpu) !== UNPAGED;
    cpu.smep = isPaged && (vcpu.cr4 & CR4_SMEP) !== 0;
    cpu.smap = isPaged && (vcpu.cr4 & CR4_SMAP) !== 0;
    cpu.keys = isLongMode(vcpu) && (vcpu.cr4 & CR4_PKE) !== 0;
    cpu.pkru = vcpu.pkru;
    cpu.noExecute = hasNoExecute(vcpu);
  }

  invalidatePage(vcpu: Vcpu, high: number, low: number): void {
    vcpu.cpu.invalidatePage(high, low);
  }

  /** The processor walks afresh before it reports a fault: it is the guest's. */
  resolve(vcpu: Vcpu): Resolution {
    if (vcpu.cpu.exit === 'nested') return this.#logWrite(vcpu) ? 'retry' : 'walk';
    vcpu.faultCode = vcpu.cpu.faultCode;
    return 'fault';
  }

  entryChanges(): void {
    // The processors are told when the entry is written.
  }

  /** Of nothing, and of what was made anew, no processor has a translation. */
  entryChanged(_gfn: Gfn, old: Leaf): void {
    if (old === NOTHING) return;
    this.#flush();
  }

  frameWritten(): void {
    // Tables are read from the guest's memory itself.
  }

  catchForeignWrites(): void {
    // Nobody needs to see tables written that hardware reads itself.
  }

  catchWrites(): void {
    this.#domain.p2m.withholdWrites();
    this.#flush();
  }

  letWrites(): void {
    this.#domain.p2m.permitWrites();
  }

  release(): void {
    this.#flush();
  }

  forEachReference(): void {
    // What the processors remember is flushed before a reference goes.
  }

  forEachFrame(_visit: (mfn: Mfn) => void): void {
    // The nested tables are the p2m's own.
  }

  /** Notes a gfn that is written, or marked as a table, and lets it be. False: that is not it. */
  #logWrite({ cpu }: Vcpu): boolean {
    const { dirtyLog, p2m } = this.#domain;
    if (dirtyLog === undefined || !cpu.faultIsWrite) return false;
    const gfn = Gfn(cpu.faultGfn);
    if (!isWritableRam(p2m.lookup(gfn))) return false;
    dirtyLog.note(gfn);
    p2m.permitWrite(gfn);
    return true;
  }

  #flush(): void {
    for (const { cpu } of this.#domain.vcpus) cpu.tlb.flushAll();
  }
}
