import { reach } from '../../impl/linear-access.js';
import type { GigabyteGuest } from './gigabyte-guest.js';
import { LOADS } from './pattern.js';
import type { Pass } from './pattern.js';

/** A load by the supervisor: none of the bits that an access may have. */
const LOAD = 0;

/** Passes of loads by a guest's processor; where it is said so, it flushes before each. */
export function readLinear(
  guest: GigabyteGuest,
  pass: Pass,
  passes: number,
  flushes: boolean,
): number {
  let sum = 0;
  for (let round = 0; round < passes; round += 1) {
    if (flushes) guest.vcpu.cpu.tlb.flushAll();
    sum = (sum + readOnce(guest, pass)) | 0;
  }
  return sum;
}

/** One pass where the processor may have to ask the hypervisor. */
export function readThroughExits(guest: GigabyteGuest, { first, stride }: Pass): number {
  const { host, domain, vcpu } = guest;
  const { ram } = host;
  const loads = LOADS;
  let sum = 0;
  let address = first | 0;
  for (let load = 0; load < loads; load += 1) {
    sum = (sum + ram.load32At(reach(host, domain, vcpu, 0, address, LOAD))) | 0;
    address = (address + stride) | 0;
  }
  return sum;
}

/** One pass. An address that the processor refuses is beyond the end of memory, which throws. */
function readOnce({ host, vcpu }: GigabyteGuest, { first, stride }: Pass): number {
  const { ram } = host;
  const { cpu } = vcpu;
  const loads = LOADS;
  let sum = 0;
  let address = first | 0;
  for (let load = 0; load < loads; load += 1) {
    sum = (sum + ram.load32At(cpu.translate(0, address, LOAD))) | 0;
    address = (address + stride) | 0;
  }
  return sum;
}
