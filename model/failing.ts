import type { FailNext, Fallible } from '../abi/step.js';
import { accept, type Result } from './outcome.js';
import type { State } from './state.js';

/** Whether something was done, and what is left either way. */
export interface Attempt {
  readonly isDone: boolean;
  readonly next: State;
}

/**
 * [D9] fail_next: of the tries to come one fails, as if there were no memory for it. Calls answer
 * then what they answer for want of memory, and leave what they leave.
 */
export function failNext(state: State, { what, after }: FailNext): Result {
  // Nothing below this line can fail.
  return accept({ is: 'done' }, 'D9', { ...state, failing: { ...state.failing, [what]: after } });
}

/** [D9] So many tries of a kind, which end with the first that fails. */
export function attempt(state: State, what: Fallible, tries = 1): Attempt {
  const left = state.failing[what];
  if (left === 0 || tries === 0) return { isDone: true, next: state };
  const isDone = left > tries;
  const failing = { ...state.failing, [what]: isDone ? left - tries : 0 };
  return { isDone, next: { ...state, failing } };
}
