import type { Reply } from '../abi/reply.js';
import type { Operation, Step } from '../abi/step.js';
import type { Machine } from '../abi/machine.js';
import { refusals } from '../abi/rules.js';
import type { State } from '../model/state.js';
import { byOperation, counterGoals, stepGoals, type Goal, type GoalName } from './goals.js';
import { reachableRefusals, reachableRules } from './reachable.js';

/** What a run has come across: rules, refusals, goals, and how often the spec left a choice. */
export class Coverage {
  steps = 0;
  /** How often the outcome was not the first that is allowed: something remembered was used. */
  looseSteps = 0;
  readonly #counts = new Map<string, { count: number }>();
  /** The rules, refusals and goals that runs on this machine can reach. */
  readonly rules: readonly string[];
  readonly refusals: readonly string[];
  readonly goals: readonly GoalName[];
  readonly #machine: Machine;
  readonly #open: Map<Operation, Goal[]>;
  readonly #reached = new Map<string, number>();

  constructor(machine: Machine) {
    this.#machine = machine;
    this.rules = reachableRules(machine);
    this.refusals = reachableRefusals(machine);
    this.goals = [...stepGoals(machine), ...counterGoals(machine)];
    this.#open = byOperation(stepGoals(machine));
  }

  /** Takes note of what a system has counted since it was made. */
  noteCounters(counters: Readonly<Record<string, number>>): void {
    for (const { id, counter } of counterGoals(this.#machine))
      if ((counters[counter] ?? 0) > 0 && !this.#reached.has(id)) this.#reached.set(id, this.steps);
  }

  /** Counts one step that agreed: the ids it reached, and which of the allowed outcomes it was. */
  note(
    before: State,
    step: Step,
    reply: Reply,
    after: State,
    reached: readonly string[],
    taken: number,
  ): void {
    this.steps++;
    if (taken > 0 && 'as' in step) this.looseSteps++;
    for (const rule of reached) this.#count(rule);
    const open = this.#open.get(step.op);
    if (open !== undefined && open.length > 0) this.#pursue(open, before, step, reply, after);
  }

  /** How often a rule or a refusal was reached. */
  countOf(rule: string): number {
    return this.#counts.get(rule)?.count ?? 0;
  }

  /** Refusals that can be reached and were not, by id. */
  missedRefusals(): readonly string[] {
    return this.refusals.filter((id) => this.countOf(id) === 0);
  }

  /** Rules that no step has reached: not as an outcome, nor by one that rests on them. */
  missedRules(): readonly string[] {
    return this.rules.filter((id) => !isShown(id, (outcome) => this.countOf(outcome) > 0));
  }

  /** Every rule and refusal that was reached, with its count, by id. */
  reached(): readonly (readonly [id: string, count: number])[] {
    return [...this.#counts]
      .map(([id, { count }]): readonly [string, number] => [id, count])
      .toSorted(([a], [b]) => (a < b ? -1 : 1));
  }

  /** The goals that no step has reached so far. */
  missedGoals(): readonly GoalName[] {
    return this.goals.filter(({ id }) => !this.#reached.has(id));
  }

  /** The step, counted from 1, at which a goal was reached for the first time. */
  firstReached(goal: GoalName): number | undefined {
    return this.#reached.get(goal.id);
  }

  #count(rule: string): void {
    const counted = this.#counts.get(rule);
    if (counted === undefined) this.#counts.set(rule, { count: 1 });
    else counted.count++;
  }

  /** A goal once reached is not looked for any more. */
  #pursue(open: Goal[], before: State, step: Step, reply: Reply, after: State): void {
    for (let i = open.length - 1; i >= 0; i--) {
      const goal = open[i];
      if (goal === undefined || !goal.reached(before, step, reply, after)) continue;
      if (!this.#reached.has(goal.id)) this.#reached.set(goal.id, this.steps);
      open.splice(i, 1);
    }
  }
}

/** Whether a rule was at work: as an outcome, in one that rests on it, or in one of its refusals. */
export const isShown = (id: string, isReached: (outcome: string) => boolean): boolean =>
  isReached(id) ||
  (shownBy[id] ?? []).some(isReached) ||
  Object.keys(refusals).some((no) => no.startsWith(`${id}.`) && isReached(no));

/** Rules that are no operation of their own, with outcomes that show them at work. */
const shownBy: Readonly<Record<string, readonly string[]>> = {
  G12: ['G1.6', 'G4.2', 'G8.3', 'G10.3'],
  G13: ['G1.5', 'G4.1', 'P11.9'],
  G14: ['G1'],
  G15: ['G1'],
  P1: ['G1.12', 'P8.5', 'P13.4'],
  P2: ['G1.16', 'P6.10', 'P11.17'],
  P3: ['P6'],
  P4: ['P8'],
  P5: ['G1.14', 'P6.7', 'P6.8'],
  A5: ['G6.5'],
  D4: ['G6.3', 'P6.3', 'P11.5'],
  A6: ['T1', 'W2.1'],
  W4: ['W2.1'],
  T2: ['C1'],
  T3: ['C6'],
  T4: ['T1'],
  H4: ['H1'],
  H5: ['H1'],
};
