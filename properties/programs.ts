import fc from 'fast-check';
import { presets, type Machine } from '../abi/machine.js';
import type { Program } from '../abi/program.js';
import type { Choose } from './choose.js';
import { chooseEmphasis, type EmphasisName } from './generate/emphasis.js';
import { usualGuests } from './generate/guest-mode.js';
import { nextLine, openingLines } from './generate/line.js';
import { Scene } from './generate/scene.js';
import { Running } from './running.js';
import { smaller, type Cursor } from './shrink/edits.js';
import { specSubject } from './spec-system.js';
import { defaultBoot } from './walker.js';

/** What programs are made up of. */
export interface ProgramPlan {
  readonly machine: Machine;
  readonly emphasis: EmphasisName;
  /** The most lines a program has. */
  readonly lines: number;
}

/**
 * Programs as fast-check sees them: made up line by line along the model's state, and shrunk with
 * what is known about programs.
 */
export const programs = (plan: Partial<ProgramPlan> = {}): fc.Arbitrary<Program> =>
  new Programs({ machine: presets.small, emphasis: 'all', lines: 120, ...plan });

class Programs extends fc.Arbitrary<Program> {
  readonly #plan: ProgramPlan;

  constructor(plan: ProgramPlan) {
    super();
    this.#plan = plan;
  }

  override generate(random: fc.Random): fc.Value<Program> {
    const choose: Choose = { below: (n) => random.nextInt(0, n - 1) };
    return new fc.Value(madeUp(choose, this.#plan), undefined);
  }

  override canShrinkWithoutContext(value: unknown): value is Program {
    return typeof value === 'object' && value !== null && 'lines' in value;
  }

  override shrink(program: Program, context: unknown): fc.Stream<fc.Value<Program>> {
    const from = isCursor(context) ? context : { pass: 0, at: 0 };
    return fc.stream(values(program, from));
  }
}

function* values(program: Program, from: Cursor): IterableIterator<fc.Value<Program>> {
  for (const { program: candidate, cursor } of smaller(program, from))
    yield new fc.Value(candidate, cursor);
}

const isCursor = (context: unknown): context is Cursor =>
  typeof context === 'object' && context !== null && 'pass' in context;

/** A program whose lines make sense one after the other, going by the model alone. */
export function madeUp(choose: Choose, plan: ProgramPlan): Program {
  const { machine } = plan;
  const boot = defaultBoot(machine);
  const running = new Running(machine, boot, specSubject);
  const emphasis = chooseEmphasis(choose, plan.emphasis, usualGuests(machine), machine.surface);
  const scene = new Scene(choose, machine, emphasis, running.state);
  const opening = openingLines(
    scene,
    boot.map(({ domain }) => domain),
  );
  for (let index = 0; index < plan.lines; index++) {
    const next = opening.next();
    const line = next.done === true ? nextLine(scene) : next.value;
    if (running.perform(line) !== undefined) break;
    scene.state = running.state;
    scene.noteHandles(line, index, running.reply);
  }
  return { machine, boot, lines: running.lines };
}
