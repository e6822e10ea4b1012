import fc from 'fast-check';
import type { Machine } from '../abi/machine.js';
import type { Line } from '../abi/program.js';
import { printLine } from '../counterexamples/lines.js';
import { isRunning } from '../model/derived.js';
import { get } from '../values/keyed.js';
import { lineOf } from './command-lines.js';
import { desugar, Handles } from './desugar.js';
import { LockStep } from './lock-step.js';
import type { Subject } from './subject.js';
import { defaultBoot } from './walker.js';

/**
 * The same kinds of lines the way fast-check's own model-based testing has it: arbitraries for the
 * arguments, commands, `modelRun`. It is the peer that the walker is timed against.
 */
export interface Sides {
  readonly lockStep: LockStep;
  /** Steps carried out so far. */
  steps: number;
}

/** A machine with its domains, on both sides; replies are compared, nothing else is looked at. */
export function sides(machine: Machine, subject: Subject): Sides {
  const lockStep = new LockStep(machine, () => ({ ...subject, observer: undefined }));
  for (const { domain, config } of defaultBoot(machine))
    lockStep.perform({ op: 'create', domain, config });
  return { lockStep, steps: 0 };
}

/** One line as a command; it can be made while its caller runs. */
class LineCommand implements fc.Command<Sides, Sides> {
  readonly #line: Line;
  readonly #machine: Machine;

  constructor(line: Line, machine: Machine) {
    this.#line = line;
    this.#machine = machine;
  }

  check({ lockStep }: Readonly<Sides>): boolean {
    const line = this.#line;
    return !('caller' in line) || isRunning(get(lockStep.state.domains, line.caller));
  }

  run(model: Sides): void {
    for (const step of desugar(this.#line, this.#machine, new Handles())) {
      model.steps++;
      const failure = model.lockStep.perform(step);
      if (failure !== undefined) throw new Error(`${failure.claim}: ${failure.actual}`);
    }
  }

  toString(): string {
    return printLine(this.#line, this.#machine);
  }
}

/** Up to `limit` commands on a machine. */
export const lineCommands = (
  machine: Machine,
  limit: number,
): fc.Arbitrary<Iterable<fc.Command<Sides, Sides>>> =>
  fc.commands([lineOf(machine).map((line) => new LineCommand(line, machine))], {
    maxCommands: limit,
    size: 'max',
  });
