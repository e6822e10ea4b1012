import { CONTROL, FIRST_VCPU } from '../../abi/ids.js';
import type { Step } from '../../abi/step.js';
import type { System } from '../../abi/system.js';
import { agrees, replyText, type Expected } from './expected.js';
import { ControlHandles } from './control-handles.js';
import { FrameNames } from './frame-names.js';

/** What a recording is held against: it takes a step and what was recorded for it. */
export interface Respondent {
  answer(step: Step, expected: Expected): Answer;
  /** What is left when every domain has been destroyed: sentences, none where all is well. */
  leftovers(): readonly string[];
}

export type Answer =
  | { readonly agreed: true }
  /** `lost`: there is no state from which to go on. */
  | { readonly agreed: false; readonly got: string; readonly lost: boolean };

export const AGREED: Answer = { agreed: true };

/** Something is pending, for which no call is stopped. */
const PENDING: Step = { op: 'interrupt', caller: CONTROL, vcpu: FIRST_VCPU, after: 2 ** 32 - 1 };

/** A system: handles are compared exactly, machine frames by `FrameNames`. */
export class SystemRespondent implements Respondent {
  readonly #system: System;
  readonly #isHurried: boolean;
  readonly #leftovers: () => readonly string[];
  readonly #frames = new FrameNames();
  readonly #handles = new ControlHandles();

  /** `leftovers` looks inside the system, where that can be done; if hurried it is always interrupted. */
  constructor(system: System, leftovers: () => readonly string[] = () => [], isHurried = false) {
    this.#system = system;
    this.#isHurried = isHurried;
    this.#leftovers = leftovers;
  }

  leftovers(): readonly string[] {
    const left = attempted(this.#leftovers);
    return 'threw' in left ? [left.threw] : left;
  }

  answer(recorded: Step, expected: Expected): Answer {
    const step = this.#handles.renamed(recorded);
    const answered = attempted(() => {
      if (this.#isHurried) this.#system.perform(PENDING);
      return this.#system.perform(step);
    });
    if ('threw' in answered) return { agreed: false, got: answered.threw, lost: true };
    const reply =
      expected.is === 'reply' ? this.#handles.named(step, expected.reply, answered) : answered;
    if (expected.is !== 'reply') this.#frames.pass(step);
    const conflicts =
      expected.is === 'reply' ? this.#frames.observe(step, expected.reply, reply) : [];
    if (!agrees(expected, reply)) return { agreed: false, got: replyText(reply), lost: false };
    if (conflicts.length === 0) return AGREED;
    return { agreed: false, got: conflicts.join('; '), lost: false };
  }
}

/** Systems throw only where they are broken; a replay tells what was thrown and goes on. */
export function attempted<Value>(act: () => Value): Value | Thrown {
  try {
    return act();
  } catch (thrown) {
    return { threw: `threw ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}

interface Thrown {
  readonly threw: string;
}
