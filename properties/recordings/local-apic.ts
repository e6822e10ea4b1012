import { APIC_VERSION_OFFSET } from '../../abi/local-apic.js';
import type { Step } from '../../abi/step.js';

/** Where no memory is mapped, accesses to this page reach the virtual processor's local APIC. */
const APIC = { from: 0xfee0_0000, to: 0xfee0_1000 };

/** Of the registers only the version is known. */
export const reachesApic = (step: Step): boolean =>
  'address' in step &&
  step.address + 8 > APIC.from &&
  step.address < APIC.to &&
  !(step.op === 'load' && step.size === 4 && step.address === APIC.from + APIC_VERSION_OFFSET);
