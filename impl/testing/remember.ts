import type { Mfn } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import { RIGHT_DIRTY, RIGHT_RW, RIGHT_USER } from '../hardware/rights.js';

/** A processor of a domain has a frame in its TLB, at linear page 0, for all accesses. */
export function remember(domain: Domain, mfn: Mfn): void {
  const cpu = domain.vcpus[0]?.cpu;
  cpu?.tlb.fill(0, 0, mfn, RIGHT_RW | RIGHT_USER | RIGHT_DIRTY, 12, cpu.controls);
}
