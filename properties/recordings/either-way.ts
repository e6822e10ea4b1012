import type { Step } from '../../abi/step.js';
import type { Expected } from './expected.js';
import type { Answer, Respondent } from './respondent.js';

/**
 * Whether the recorded host was interrupted where it searched for pages to take back ([P15]) nobody saw:
 * what comes after it tells. Where it parts from one that never was, another one that always was is
 * asked all over again, and goes on instead if it has agreed up to there.
 */
export class EitherWay implements Respondent {
  readonly #asked: (readonly [Step, Expected])[] = [];
  readonly #makeOther: () => Respondent;
  #respondent: Respondent;
  #mayChange = true;

  constructor(usual: Respondent, makeOther: () => Respondent) {
    this.#respondent = usual;
    this.#makeOther = makeOther;
  }

  leftovers(): readonly string[] {
    return this.#respondent.leftovers();
  }

  answer(step: Step, expected: Expected): Answer {
    const answer = this.#respondent.answer(step, expected);
    if (!this.#mayChange) return answer;
    this.#asked.push([step, expected]);
    if (answer.agreed) return answer;
    this.#mayChange = false;
    const other = this.#makeOther();
    const answers = this.#asked.map((asked) => other.answer(...asked));
    if (!answers.every(({ agreed }) => agreed)) return answer;
    this.#respondent = other;
    return { agreed: true };
  }
}
