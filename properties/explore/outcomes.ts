import { FIRST_VCPU, GuestPhysical, Handle } from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import type { Step } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { isObjection, step as spec, type State } from '../../model/model.js';
import { findKey, get } from '../../values/keyed.js';
import { desugar, Handles } from '../desugar.js';
import { withHandles } from '../spec-system.js';
import type { Act, UnmapAct } from './bound.js';
import type { Reached } from './reached.js';

/** What may come of an act, and which of the outcomes that are allowed it is. */
export interface Outcome {
  readonly next: State;
  readonly alternative: number;
}

/**
 * Every outcome that the spec allows an act to have. What the hypervisor is free to choose is chosen: the
 * lowest unused handle, and no machine frame. None where an unmap has nothing to end.
 */
export function outcomesOf(
  state: State,
  act: Act,
  machine: Machine,
  reached: Reached,
): readonly Outcome[] {
  let all: readonly Outcome[] = [{ next: state, alternative: 0 }];
  for (const step of stepsOf(state, act, machine))
    all = all.flatMap(({ next: before }) => afterStep(before, step, reached));
  return all.map(({ next }, alternative) => ({ next, alternative }));
}

function afterStep(before: State, step: Step, reached: Reached): readonly Outcome[] {
  const outcomes: Outcome[] = [];
  for (const alternative of spec(before, step)) {
    if (alternative.given !== undefined)
      throw new Error(`the explorer cannot choose for ${step.op} what is written to memory`);
    const reply =
      step.op === 'map' ? withHandles(before, step.caller, alternative.reply) : alternative.reply;
    const next = alternative.next(reply);
    if (isObjection(next)) throw new Error(`the spec objects to itself: ${next.objection}`);
    reached.note(before, step, reply, next, alternative.rules);
    outcomes.push({ next, alternative: 0 });
  }
  return outcomes;
}

const noHandles = new Handles();

function stepsOf(state: State, act: Act, machine: Machine): readonly Step[] {
  if (act.op !== 'unmap_grant') return desugar(act, machine, noHandles);
  const handle = handleOf(state, act);
  if (handle === undefined) return [];
  const { caller, gfn } = act;
  const element = { handle, address: GuestPhysical(gfn * PAGE_BYTES), deviceAddress: 0 };
  return [{ op: 'unmap', caller, vcpu: FIRST_VCPU, elements: [element] }];
}

/** The lowest handle of a mapping of the grant. */
export function handleOf(
  state: State,
  { caller, granter, ref, readonly }: UnmapAct,
): Handle | undefined {
  const handle = findKey(
    get(state.domains, caller)?.mappings,
    (one) => one.granter === granter && one.ref === ref && one.readonly === readonly,
  );
  return handle === undefined ? undefined : Handle(handle);
}
