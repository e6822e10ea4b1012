import type { Operation, Step } from '../abi/step.js';
import { get } from '../values/keyed.js';
import type { State } from '../model/state.js';

/** What a step does: the operation that it is, or the one that it resumes. */
export function performedBy(state: State, step: Step): Operation {
  if (step.op !== 'resume') return step.op;
  return get(state.domains, step.caller)?.vcpus[step.vcpu]?.pending?.call.op ?? step.op;
}
