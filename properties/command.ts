import fc from 'fast-check';
import type { Line } from '../abi/program.js';
import type { Machine } from '../abi/machine.js';
import { printLine } from '../counterexamples/lines.js';
import type { Choose } from './choose.js';
import { desugar, Handles } from './desugar.js';
import { chooseEmphasis } from './generate/emphasis.js';
import { nextLine } from './generate/line.js';
import { Scene } from './generate/scene.js';
import { LockStep } from './lock-step.js';
import type { Subject } from './subject.js';
import { defaultBoot } from './walker.js';

/**
 * The same lines as fast-check's own model-based testing runs them: the peer that the walker is
 * timed against, and a second way to the same claims.
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

/** One line, chosen from a seed and the model's state when its turn has come. */
class LineCommand implements fc.Command<Sides, Sides> {
  readonly #seed: number;
  readonly #machine: Machine;
  #line: Line | undefined;

  constructor(seed: number, machine: Machine) {
    this.#seed = seed;
    this.#machine = machine;
  }

  check(): boolean {
    return true;
  }

  run(model: Sides): void {
    const choose = congruent(this.#seed);
    const emphasis = chooseEmphasis(choose, 'all');
    const scene = new Scene(choose, this.#machine, emphasis, model.lockStep.state);
    this.#line = nextLine(scene);
    for (const step of desugar(this.#line, this.#machine, new Handles())) {
      model.steps++;
      const failure = model.lockStep.perform(step);
      if (failure !== undefined) throw new Error(`${failure.claim}: ${failure.actual}`);
    }
  }

  toString(): string {
    return this.#line === undefined ? '(not run)' : printLine(this.#line, this.#machine);
  }
}

/** Up to `limit` commands on a machine. */
export const lineCommands = (
  machine: Machine,
  limit: number,
): fc.Arbitrary<Iterable<fc.Command<Sides, Sides>>> =>
  fc.commands([fc.nat(0x7fff_ffff).map((seed) => new LineCommand(seed, machine))], {
    maxCommands: limit,
    size: 'max',
  });

/** A stream that costs next to nothing to start: a linear congruential one. */
function congruent(seed: number): Choose {
  let state = seed;
  return {
    below: (n) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    },
  };
}
