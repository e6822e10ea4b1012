import type { ElementReply, Reply } from '../abi/reply.js';
import type { RefusalId, RuleId } from '../abi/rules.js';
import type { Rc } from '../abi/status.js';
import type { State } from './state.js';

/**
 * What one operation, or one element of a batch, comes to. A refusal carries no state, so it cannot
 * have changed one. Where Xen's failing call does change something the spec says `spoil`, with the
 * state it leaves behind. `crash` is the end of the calling domain: it sees no answer.
 */
export interface Outcome<Answer> {
  readonly answer: Answer | 'crashed';
  readonly rule: RuleId | RefusalId;
  readonly next: State | undefined;
}

/** What a call comes to, and what an element of a batch does. */
export type Result = Outcome<Reply>;
export type ElementResult = Outcome<ElementReply>;

/** The answer that is a hypercall's value. */
export const rc = (value: Rc): Reply => ({ is: 'rc', rc: value });

export const refuse = <Answer>(answer: Answer, rule: RefusalId): Outcome<Answer> => {
  return { answer, rule, next: undefined };
};
export const spoil = <Answer>(answer: Answer, rule: RefusalId, next: State): Outcome<Answer> => {
  return { answer, rule, next };
};
export const accept = <Answer>(answer: Answer, rule: RuleId, next: State): Outcome<Answer> => {
  return { answer, rule, next };
};
export const crash = <Answer>(rule: RefusalId, next: State): Outcome<Answer> => {
  return { answer: 'crashed', rule, next };
};

/**
 * One thing that may happen. `reply` lacks what the hypervisor is free to choose (which handle,
 * which frame); `next` binds the choices it is shown, or objects to them.
 */
export interface Alternative {
  readonly reply: Reply;
  /** The rules and refusals that were reached, one for each operation or element. */
  readonly rules: readonly (RuleId | RefusalId)[];
  readonly next: (actual: Reply) => State | Objection;
  /** Where what was chosen matters before the end: the outcome, given what was chosen. */
  readonly given?: (actual: Reply) => Alternative;
}

/** Why an actual reply, though of the right shape, chose what it may not choose. */
export interface Objection {
  readonly objection: string;
}

export const isObjection = (result: State | Objection): result is Objection =>
  'objection' in result;

/** The one thing that may happen. */
export const settled = (reply: Reply, next: State, rules: Alternative['rules']): Alternative => {
  return { reply, rules, next: () => next };
};

export const finished = (before: State, { answer, rule, next }: Result): Alternative =>
  settled(answer === 'crashed' ? { is: 'crashed' } : answer, next ?? before, [rule]);

/** An alternative that is changed, whether or not it hangs on what was chosen. */
export function throughout(
  alternative: Alternative,
  change: (each: Alternative) => Alternative,
): Alternative {
  const { given } = alternative;
  const changed = change(alternative);
  if (given === undefined) return changed;
  return { ...changed, given: (actual) => throughout(given(actual), change) };
}

/** An alternative, with something done to the state that follows. */
export const afterwards = (made: Alternative, change: (after: State) => State): Alternative =>
  throughout(made, (each) => {
    const next = (actual: Reply): State | Objection => {
      const after = each.next(actual);
      return isObjection(after) ? after : change(after);
    };
    return { ...each, next };
  });
