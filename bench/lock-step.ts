import fc from 'fast-check';
import { presets } from '../abi/machine.js';
import type { Reply } from '../abi/reply.js';
import type { Step } from '../abi/step.js';
import { Hypervisor } from '../impl/hypervisor.js';
import { boot, isObjection, step as spec } from '../model/model.js';
import { campaign } from '../properties/campaign.js';
import { lineCommands, sides } from '../properties/command.js';
import { ours } from '../properties/our-subject.js';
import type { MakeSubject } from '../properties/subject.js';

/** What is timed here, each on the steps of the same campaign on preset `small`, one core. */
export interface Timings {
  readonly steps: number;
  /** Microseconds a step: the whole of lock-step with the default checks. */
  readonly lockStep: number;
  readonly model: number;
  readonly hypervisor: number;
  /** Microseconds a step of fast-check's modelRun with the same generators, replies compared only. */
  readonly modelRun: number;
}

const machine = presets.small;
const LINES = 60_000;
const COMMANDS = 1000;
const RUNS = 12;

interface Recorded {
  readonly steps: Step[];
  readonly replies: Reply[];
}

/** The campaign's steps, episode by episode, with what was answered. */
export async function recorded(seed: string): Promise<readonly Recorded[]> {
  const episodes: Recorded[] = [];
  const make: MakeSubject = (small) => {
    const subject = ours(small);
    const episode: Recorded = { steps: [], replies: [] };
    episodes.push(episode);
    const perform = (step: Step): Reply => {
      const reply = subject.system.perform(step);
      episode.steps.push(step);
      episode.replies.push(reply);
      return reply;
    };
    return { ...subject, system: { name: subject.system.name, perform } };
  };
  await campaign({ seed, machine, make, lines: LINES });
  return episodes;
}

/** One round of all timings, one after the other. */
export async function timeLockStep(seed: string, episodes: readonly Recorded[]): Promise<Timings> {
  const steps = episodes.reduce((sum, { steps: made }) => sum + made.length, 0);
  const lockStep = await perStep(steps, () =>
    campaign({ seed, machine, make: ours, lines: LINES }),
  );
  const hypervisor = await perStep(steps, () => {
    for (const episode of episodes) performAll(episode);
  });
  const model = await perStep(steps, () => {
    for (const episode of episodes) followAll(episode);
  });
  let ran = 0;
  const start = performance.now();
  fc.assert(
    fc.property(lineCommands(machine, COMMANDS), (commands) => {
      const both = sides(machine, ours(machine));
      fc.modelRun(() => ({ model: both, real: both }), commands);
      ran += both.steps;
    }),
    { seed: 1, numRuns: RUNS },
  );
  const modelRun = ((performance.now() - start) * 1000) / Math.max(1, ran);
  return { steps, lockStep, model, hypervisor, modelRun };
}

function performAll({ steps }: Recorded): void {
  const hypervisor = new Hypervisor(machine);
  for (const step of steps) hypervisor.perform(step);
}

function followAll({ steps, replies }: Recorded): void {
  let state = boot(machine);
  for (const [i, step] of steps.entries()) {
    const reply = replies[i];
    const [alternative] = spec(state, step);
    if (alternative === undefined || reply === undefined) throw new Error('a step has no outcome');
    const next = alternative.next(reply);
    if (isObjection(next)) throw new Error(next.objection);
    state = next;
  }
}

async function perStep(steps: number, run: () => unknown): Promise<number> {
  const start = performance.now();
  await run();
  return ((performance.now() - start) * 1000) / steps;
}
