import { CONTROL } from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import type { Step } from '../../abi/step.js';
import { entries } from '../../values/keyed.js';
import { boot, step as alternativesOf } from '../../model/model.js';
import { isObjection } from '../../model/outcome.js';
import type { State } from '../../model/state.js';
import { agrees, completed, replyText, type Expected } from './expected.js';
import { AGREED, attempted, type Answer, type Respondent } from './respondent.js';

/**
 * The spec: it agrees where one of its alternatives is the recorded result. What an alternative
 * leaves open (handle, frame) is bound to what was recorded, and it may object to that.
 */
export class ModelRespondent implements Respondent {
  readonly #isHurried: boolean;
  #state: State;

  /** `isHurried`: of what may happen it is asked first whether searches were cut short ([P15]). */
  constructor(machine: Machine, isHurried = false) {
    this.#isHurried = isHurried;
    this.#state = boot(machine);
  }

  leftovers(): readonly string[] {
    const domains = [...entries(this.#state.domains)].filter(([id]) => id !== Number(CONTROL));
    const pages = [...entries(this.#state.pages)].filter(([, { owner }]) => owner !== CONTROL);
    return [...domains.map(([id]) => `d${id}`), ...pages.map(([id]) => `page ${id}`)];
  }

  answer(step: Step, expected: Expected): Answer {
    const answer = attempted(() => this.#answer(step, expected));
    return 'threw' in answer ? { agreed: false, got: answer.threw, lost: true } : answer;
  }

  #answer(step: Step, expected: Expected): Answer {
    const alternatives = alternativesOf({ ...this.#state, search: this.#isHurried ? 1 : 0 }, step);
    const got: string[] = [];
    let onward: State | undefined;
    for (const { reply, next } of alternatives) {
      const actual = completed(expected, reply);
      const after = next(actual);
      if (isObjection(after)) got.push(`${replyText(actual)}: ${after.objection}`);
      else if (agrees(expected, actual)) {
        this.#state = after;
        return AGREED;
      } else {
        got.push(replyText(reply));
        onward ??= after;
      }
    }
    if (onward !== undefined) this.#state = onward;
    return { agreed: false, got: [...new Set(got)].join(', or '), lost: onward === undefined };
  }
}
