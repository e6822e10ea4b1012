import { APIC_GFN, APIC_VERSION, APIC_VERSION_OFFSET } from '../abi/local-apic.js';
import type { Step } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { get } from '../values/keyed.js';
import { theDomain } from './derived.js';
import type { State } from './state.js';

/** [A1] A hole at the gfn of the local APIC shows what is known of its registers: its version. */
export function apicRegister(state: State, made: Step): Word | undefined {
  if (made.op !== 'load' || made.size !== 4) return undefined;
  if (made.address !== APIC_GFN * PAGE_BYTES + APIC_VERSION_OFFSET) return undefined;
  const isHole = get(theDomain(state, made.caller).p2m, APIC_GFN) === undefined;
  return isHole ? { low: APIC_VERSION, high: 0 } : undefined;
}
