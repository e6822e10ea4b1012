import type { DomainConfig, Machine } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import { boot, isObjection, step as alternativesOf, type State } from '../../model/model.js';
import { courseOf, GUEST, loading, type Course, type Registers } from './course.js';
import type { WalkOperation } from './recorded-case.js';

/** A state of the spec in the middle of a case. */
export interface SpecState {
  readonly state: State;
  readonly registers: Registers;
}

/** More than one where what was answered leaves open what happened: a mark in an entry, say. */
export type SpecStates = readonly SpecState[];

const STATES_LIMIT = 256;

/** The spec on this machine, with domain 1 created. */
export const firstState = (machine: Machine, config: DomainConfig): State =>
  after(boot(machine), { op: 'create', domain: GUEST, config });

/** The state after a step that can come to one thing only. */
export function after(state: State, step: Step): State {
  const [one, ...more] = outcomesOf(state, step);
  if (one === undefined || more.length > 0) throw new Error(`not one outcome: ${step.op}`);
  return one.state;
}

interface StepOutcome {
  readonly reply: Reply;
  readonly state: State;
}

const outcomesOf = (state: State, step: Step): readonly StepOutcome[] =>
  [...alternativesOf(state, step)].map(({ reply, next }) => {
    const then = next(reply);
    if (isObjection(then)) throw new Error(`the spec objects to itself: ${then.objection}`);
    return { reply, state: then };
  });

/**
 * All that the spec allows an operation to come to: each answer with the states it can leave. States
 * that came from the same one and hold the same memory (at `watched` addresses) count once.
 */
export function allowedBy(
  states: SpecStates,
  operation: WalkOperation,
  watched: readonly number[],
): ReadonlyMap<string, SpecStates> {
  const allowed = new Map<string, SpecState[]>();
  for (const { state, registers } of states) {
    const found = new Map<string, SpecState[]>();
    follow(state, courseOf(operation, registers), found);
    for (const [answer, ends] of found)
      allowed.set(answer, [...(allowed.get(answer) ?? []), ...distinct(ends, watched)]);
  }
  for (const [answer, ends] of allowed)
    if (ends.length > STATES_LIMIT) throw new Error(`${ends.length} states of the spec: ${answer}`);
  return allowed;
}

function follow(state: State, course: Course, found: Map<string, SpecState[]>): void {
  if ('answer' in course) {
    const { answer, registers } = course;
    const ends = found.get(answer) ?? [];
    if (!ends.some((end) => end.state === state)) ends.push({ state, registers });
    found.set(answer, ends);
    return;
  }
  for (const { reply, state: next } of outcomesOf(state, course.step))
    follow(next, course.next(reply), found);
}

function distinct(ends: readonly SpecState[], watched: readonly number[]): readonly SpecState[] {
  if (ends.length < 2) return ends;
  const byMemory = new Map(
    ends.map((end) => [watched.map((address) => dwordIn(end.state, address)).join(), end]),
  );
  return [...byMemory.values()];
}

/** A dword of the guest's memory. */
export function dwordIn(state: State, address: number): number {
  const [one] = alternativesOf(state, loading(address, 4));
  return one?.reply.is === 'value' ? one.reply.value.low : Number.NaN;
}
