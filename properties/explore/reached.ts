import type { Machine } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import type { Operation, Step } from '../../abi/step.js';
import type { State } from '../../model/state.js';
import { byOperation, stepGoals, type Goal } from '../goals.js';

/** The rules and refusals that a bound contains, and the goals. */
export class Reached {
  readonly rules = new Set<string>();
  readonly goals = new Set<string>();
  readonly #open: Map<Operation, Goal[]>;

  constructor(machine: Machine) {
    this.#open = byOperation(stepGoals(machine));
  }

  note(before: State, step: Step, reply: Reply, after: State, rules: readonly string[]): void {
    for (const rule of rules) this.rules.add(rule);
    for (const goal of this.#open.get(step.op) ?? [])
      if (!this.goals.has(goal.id) && goal.reached(before, step, reply, after))
        this.goals.add(goal.id);
  }
}
