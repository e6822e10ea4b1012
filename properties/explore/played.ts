import type { Program } from '../../abi/program.js';
import { Running } from '../running.js';
import type { MakeSubject } from '../subject.js';
import type { Failure } from '../verdict.js';
import type { Act, Bound } from './bound.js';
import { Makers } from './makers.js';

/** Spec and system side by side, act by act. */
export class Played {
  readonly running: Running;
  readonly openingFailure: Failure | undefined;
  readonly #bound: Bound;
  readonly #makers = new Makers();

  constructor(bound: Bound, make: MakeSubject) {
    this.#bound = bound;
    this.running = new Running(bound.machine, bound.boot, make);
    let failure = this.running.bootFailure;
    for (const line of bound.opening) failure ??= this.running.perform(line);
    this.openingFailure = failure;
  }

  get program(): Program {
    const { machine, boot } = this.#bound;
    return { machine, boot, lines: [...this.running.lines] };
  }

  isPossible(act: Act): boolean {
    return this.#makers.lineOf(this.running.state, act) !== undefined;
  }

  perform(act: Act): Failure | undefined {
    const before = this.running.state;
    const line = this.#makers.lineOf(before, act);
    if (line === undefined) throw new Error('there is nothing to unmap');
    const failure = this.running.perform(line);
    this.#makers.note(this.running.lines.length - 1, act, before, this.running.state);
    return failure;
  }
}
