import type { Reply } from '../abi/reply.js';
import type { Operation, Step } from '../abi/step.js';
import type { State } from '../model/state.js';
import { grantGoals } from './goals-of-grants.js';
import { memoryGoals } from './goals-of-memory.js';

/** Something that a run has to come across at least once: a *sometimes* for the claims' *always*. */
export interface Goal {
  readonly id: string;
  /** What happens, as a sentence. */
  readonly sentence: string;
  /** Only steps of these operations are looked at. */
  readonly operations: readonly Operation[];
  reached(before: State, step: Step, reply: Reply, after: State): boolean;
}

export const goals: readonly Goal[] = [...grantGoals, ...memoryGoals];

/** The goals to look at after a step of each operation. */
export function goalsByOperation(): Map<Operation, Goal[]> {
  const table = new Map<Operation, Goal[]>();
  for (const goal of goals)
    for (const operation of goal.operations)
      table.set(operation, [...(table.get(operation) ?? []), goal]);
  return table;
}
