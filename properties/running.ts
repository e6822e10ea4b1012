import type { Machine } from '../abi/machine.js';
import type { Boot, Line, Program } from '../abi/program.js';
import type { Reply } from '../abi/reply.js';
import type { Step } from '../abi/step.js';
import type { State } from '../model/state.js';
import type { Coverage } from './coverage.js';
import { desugar, Handles, mayMap } from './desugar.js';
import { LockStep, type StepFailure } from './lock-step.js';
import type { MakeSubject } from './subject.js';
import { occasionOf, type Occasion } from './occasion.js';
import type { Failure } from './verdict.js';

/** A program while it runs, line by line, on the model and on a system. */
export class Running {
  readonly machine: Machine;
  readonly lockStep: LockStep;
  /** The lines that were performed. */
  readonly lines: Line[] = [];
  /** What went wrong while the first domains were created, if something did. */
  readonly bootFailure: Failure | undefined;
  readonly #handles = new Handles();

  constructor(machine: Machine, boot: readonly Boot[], make: MakeSubject, coverage?: Coverage) {
    this.machine = machine;
    this.lockStep = new LockStep(machine, make, coverage);
    for (const { domain, config } of boot) {
      const failure = this.#guarded({ op: 'create', domain, config });
      if (failure === undefined) continue;
      this.bootFailure = { ...failure, line: -1, occasion: 'create' };
      break;
    }
  }

  get state(): State {
    return this.lockStep.state;
  }

  /** The system's answer to the last step of the last line. */
  get reply(): Reply {
    return this.lockStep.reply;
  }

  /** Performs the next line; a failure is the end of this run. */
  perform(line: Line): Failure | undefined {
    const index = this.lines.length;
    this.lines.push(line);
    for (const step of desugar(line, this.machine, this.#handles)) {
      const failure = this.#guarded(step);
      if (failure !== undefined) return this.#at(failure, index, occasionOf(line));
    }
    if (mayMap(line)) this.#handles.note(index, this.reply);
    return undefined;
  }

  /** Looks at everything there is, after the last line. */
  checkAll(): Failure | undefined {
    const index = this.lines.length - 1;
    const line = this.lines[index];
    const occasion = line === undefined ? 'create' : occasionOf(line);
    try {
      const failure = this.lockStep.checkAll();
      return failure === undefined ? undefined : this.#at(failure, index, occasion);
    } catch (thrown) {
      return this.#at(ourFault(thrown), index, occasion);
    }
  }

  #guarded(step: Step): StepFailure | undefined {
    try {
      return this.lockStep.perform(step);
    } catch (thrown) {
      return ourFault(thrown);
    }
  }

  #at(failure: StepFailure, line: number, occasion: Occasion): Failure {
    return { ...failure, line, occasion };
  }
}

/** What the system throws is caught where it is asked; anything else is a bug of model or harness. */
function ourFault(thrown: unknown): StepFailure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return {
    verdict: 'harness_error',
    claim: 'E1',
    path: `thrown.${error.name}`,
    expected: 'the model and the harness answer',
    actual: error.stack ?? error.message,
  };
}

/** The first lines of a program. */
export const cut = (program: Program, lines: number): Program => ({
  ...program,
  lines: program.lines.slice(0, lines),
});
