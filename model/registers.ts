import * as abi from '../abi/control.js';
import type { DomainId, VcpuId } from '../abi/ids.js';
import type { Cpu } from '../abi/machine.js';
import type { Word } from '../abi/word.js';
import { theDomain, withDomain, the } from './derived.js';
import type { State, Vcpu } from './state.js';

/** What the registers of a vcpu say (p2m.md 3.1, 3.2). */

export type Mode = 'unpaged' | '2-level' | 'pae' | '4-level';

/** A vcpu that is known to exist. */
export const vcpuOf = (state: State, caller: DomainId, id: VcpuId): Vcpu =>
  the(theDomain(state, caller).vcpus[id]);

export const withVcpu = (state: State, caller: DomainId, id: VcpuId, vcpu: Vcpu): State => {
  const domain = theDomain(state, caller);
  return withDomain(state, { ...domain, vcpus: domain.vcpus.with(id, vcpu) });
};

export const isPaged = ({ cr0 }: Vcpu): boolean => (cr0 & abi.CR0_PG) !== 0;

/** [W1] The mode is the vcpu's own, whatever those of others, and of the machine below, may be. */
export function modeOf(vcpu: Vcpu): Mode {
  if (!isPaged(vcpu)) return 'unpaged';
  if ((vcpu.efer & abi.EFER_LME) !== 0) return '4-level';
  return (vcpu.cr4 & abi.CR4_PAE) === 0 ? '2-level' : 'pae';
}

/** Guests' tables are walked by nested hardware; else by the hypervisor. */
export const isNested = ({ machine }: State): boolean => machine.paging === 'hap';

/** [W1] The features a guest is offered: 1 GiB pages, PSE36 and keys with nested paging only. */
export const featuresOf = (state: State): Cpu => {
  const { cpu } = state.machine;
  return isNested(state) ? cpu : { ...cpu, gibPages: false, pse36: false, protectionKeys: false };
};

/** No-execute bits count: 8-byte entries have one. */
export const hasNoExecute = (vcpu: Vcpu): boolean =>
  (vcpu.efer & abi.EFER_NXE) !== 0 && ['pae', '4-level'].includes(modeOf(vcpu));

/** A linear address as a number: 48 bits in long mode, 32 elsewhere. */
export const linearNumber = ({ low, high }: Word, mode: Mode): number =>
  mode === '4-level' ? (high & 0xffff) * 2 ** 32 + low : low;

/** In long mode bits 47 to 63 of an address are equal. */
export const isCanonical = ({ high }: Word): boolean =>
  high >>> 15 === 0 || high >>> 15 === 0x1_ffff;

/** The address of such a number, canonical in long mode. */
export const linearWord = (linear: number, mode: Mode): Word => {
  if (mode !== '4-level') return { low: linear % 2 ** 32, high: 0 };
  const high = Math.floor(linear / 2 ** 32);
  return { low: linear % 2 ** 32, high: high >= 0x8000 ? (high | 0xffff_0000) >>> 0 : high };
};
