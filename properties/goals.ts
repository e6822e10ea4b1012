import type { Reply } from '../abi/reply.js';
import type { Operation, Step } from '../abi/step.js';
import type { Machine } from '../abi/machine.js';
import type { State } from '../model/state.js';
import { controlGoals } from './goals-of-control.js';
import { demandGoals } from './goals-of-demand.js';
import { grantGoals } from './goals-of-grants.js';
import {
  processorGoals,
  shadowGoals,
  surfaceGoals,
  type CounterGoal,
} from './goals-of-hypervisor.js';
import { hypercallGoals } from './goals-of-hypercalls.js';
import { lifeGoals } from './goals-of-life.js';
import { memoryGoals, surfaceMemoryGoals } from './goals-of-memory.js';
import { preemptionGoals } from './goals-of-preemption.js';
import { pagingGoals } from './goals-of-paging.js';

/** Something that a run has to come across at least once: a *sometimes* for the claims' *always*. */
export interface Goal {
  readonly id: string;
  /** What happens, as a sentence. */
  readonly sentence: string;
  /** Only steps of these operations are looked at. */
  readonly operations: readonly Operation[];
  reached(before: State, step: Step, reply: Reply, after: State): boolean;
}

/** What is told of a goal, however it is reached. */
export type GoalName = Pick<Goal, 'id' | 'sentence'>;

/**
 * The goals of steps that runs on a machine have: of two domains no third one is created, and without
 * nested paging grant mappings can be run.
 */
export const stepGoals = ({ vcpus, domains, paging, surface }: Machine): readonly Goal[] =>
  [
    ...grantGoals,
    ...memoryGoals,
    ...(vcpus > 1 ? pagingGoals : []),
    ...(surface === 'whole' ? [...lifeGoals, ...controlGoals] : []),
    ...(surface === 'whole' ? preemptionGoals : []),
    ...(surface === 'whole' ? hypercallGoals : []),
    ...(surface === 'whole' ? [...surfaceMemoryGoals, ...demandGoals] : []),
  ].filter(({ id }) => (domains > 2 || id !== 'S24') && (paging === 'hap' || id !== 'S26'));

/** The goals that only a system's own counters can tell to be reached. */
export const counterGoals = ({ vcpus, paging, surface }: Machine): readonly CounterGoal[] => {
  if (vcpus === 1) return [];
  return [
    ...processorGoals,
    ...(paging === 'shadow' ? shadowGoals : []),
    ...(surface === 'whole' ? surfaceGoals : []),
  ];
};

/** The goals to look at after a step of each operation. */
export function byOperation(goals: readonly Goal[]): Map<Operation, Goal[]> {
  const table = new Map<Operation, Goal[]>();
  for (const goal of goals)
    for (const operation of goal.operations)
      table.set(operation, [...(table.get(operation) ?? []), goal]);
  return table;
}
