import type { Line, Program } from '../../abi/program.js';
import type { State } from '../../model/model.js';
import type { Act, Bound } from './bound.js';
import { Makers } from './makers.js';
import { openedState } from './opening.js';
import { outcomesOf } from './outcomes.js';
import { Reached } from './reached.js';

/** A program made of acts, one after the other, with the state that the spec comes to. */
export class Course {
  state: State;
  readonly #lines: Line[];
  readonly #bound: Bound;
  readonly #reached: Reached;
  readonly #makers = new Makers();

  constructor(bound: Bound) {
    this.#bound = bound;
    this.state = openedState(bound);
    this.#lines = [...bound.opening];
    this.#reached = new Reached(bound.machine);
  }

  get program(): Program {
    const { machine, boot } = this.#bound;
    return { machine, boot, lines: [...this.#lines] };
  }

  /** Goes on by an act, with one of the outcomes that are allowed. */
  perform(act: Act, alternative: number): void {
    const line = this.#makers.lineOf(this.state, act);
    const outcome = outcomesOf(this.state, act, this.#bound.machine, this.#reached)[alternative];
    if (line === undefined || outcome === undefined)
      throw new Error(`${act.op} cannot be done here, or not with outcome ${alternative}`);
    this.#makers.note(this.#lines.length, act, this.state, outcome.next);
    this.#lines.push(line);
    this.state = outcome.next;
  }
}
