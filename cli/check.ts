import { randomBytes } from 'node:crypto';
import type { Machine } from '../abi/machine.js';
import { campaign, type Campaign, type Progress } from '../properties/campaign.js';
import type { Coverage } from '../properties/coverage.js';
import { faultedSubjects } from '../properties/faulted.js';
import type { EmphasisName } from '../properties/generate/emphasis.js';
import type { GuestMode } from '../properties/generate/guest-mode.js';
import {
  campaignJson,
  campaignText,
  failureJson,
  failureText,
  type FailureReport,
} from '../properties/report.js';
import type { MakeSubject } from '../properties/subject.js';
import { exitCodes, type ExitCode } from './exit.js';
import { machineNamed, readFault, subjectWith } from './options.js';
import { painted } from './paint.js';
import { interruptible } from './interruptible.js';
import { ProgressLine } from './progress.js';
import { saveFailure, shrunken } from './save.js';

/** What `check` was asked for. */
export interface CheckOptions {
  readonly seed: string | undefined;
  readonly steps: number | undefined;
  /** States to sample, from each of which all is given back; undefined for a usual run. */
  readonly recover: number | undefined;
  readonly seconds: number | undefined;
  readonly machines: readonly Machine[];
  readonly guests: GuestMode | undefined;
  readonly emphasis: EmphasisName;
  readonly out: string;
  readonly fault: readonly string[];
  readonly failures: number;
  readonly json: boolean;
}

/** Steps on the machine `small` that take about twenty seconds on one core. */
export const USUAL_STEPS = 1_800_000;
/** On machines whose guests have page tables steps are slower: twenty seconds each. */
export const USUAL_PAGED_STEPS = 900_000;
/** Failures that are enough for one run: shrinking each takes a second or two. */
export const USUAL_FAILURES = 8;
/** The canary has to be dead by then. */
const CANARY_STEPS = 20_000;

/**
 * Checks the hypervisor against the spec on random programs, shrinks and saves what it finds, and
 * tells what was reached, machine by machine. First of all a canary has to die: a hypervisor that is
 * absurdly wrong.
 */
export async function check(options: CheckOptions): Promise<ExitCode> {
  const seed = options.seed ?? randomBytes(4).toString('hex');
  const make = await subjectWith(options.fault);
  const runs: Run[] = [];
  const code = await interruptible(async (signal): Promise<ExitCode> => {
    for (const machine of options.machines) {
      if (signal.aborted) break;
      if (!(await canaryDies(machine))) {
        console.error(
          `harness error: the canary lives: an absurdly wrong hypervisor went unnoticed`,
        );
        return exitCodes.harness;
      }
      const run = await checkOn(machine, options, seed, make, signal);
      if (!options.json) console.log(painted(asText(run, options)));
      runs.push(run);
    }
    return worstOf(runs);
  });
  if (options.json) console.log(JSON.stringify(asJson(runs, options, seed)));
  return code;
}

/** What came of the programs for one machine. */
interface Run {
  readonly machine: Machine;
  readonly result: Campaign;
  readonly seconds: number;
  readonly failures: readonly Saved[];
}

async function checkOn(
  machine: Machine,
  options: CheckOptions,
  seed: string,
  make: MakeSubject,
  signal: AbortSignal,
): Promise<Run> {
  const line = new ProgressLine(options.json);
  const result = await campaign({
    seed,
    make,
    signal,
    machine,
    emphasis: options.emphasis,
    ...(options.guests === undefined ? {} : { guests: options.guests }),
    failures: options.failures,
    clock: () => line.elapsed(),
    progress: (now) => {
      line.tell(() => liveText(now, line.elapsed(), options.recover));
    },
    ...(options.recover === undefined ? {} : { recover: options.recover }),
    ...boundsOf(machine, options),
  });
  const seconds = line.elapsed() / 1000;
  const told = result.found.slice(0, options.failures);
  const failures = told.map((found, i) => {
    line.tell(() => `shrinking ${i + 1} of ${told.length}: ${found.identity}`);
    const report = shrunken(found, make, faultNames(options), `seed ${found.seed}`);
    return { report, path: saveFailure(options.out, report) };
  });
  line.clear();
  return { machine, result, seconds, failures };
}

interface Saved {
  readonly report: FailureReport;
  readonly path: string;
}

async function canaryDies(machine: Machine): Promise<boolean> {
  const make: MakeSubject = await faultedSubjects(readFault('canary'));
  const { found } = await campaign({
    seed: 'canary',
    machine,
    make,
    lines: CANARY_STEPS,
    failures: 1,
  });
  return found.length > 0;
}

function boundsOf(
  { vcpus }: Machine,
  { steps, seconds, machines }: CheckOptions,
): { lines?: number; milliseconds?: number } {
  const milliseconds = ((seconds ?? 0) * 1000) / machines.length;
  if (seconds !== undefined && steps !== undefined) return { lines: steps, milliseconds };
  if (seconds !== undefined) return { milliseconds };
  return { lines: steps ?? (vcpus > 1 ? USUAL_PAGED_STEPS : USUAL_STEPS) };
}

function liveText(
  { lines, episodes, found, coverage }: Progress,
  milliseconds: number,
  recover: number | undefined,
): string {
  const rate = Math.round((coverage.steps / Math.max(milliseconds, 1)) * 1000);
  return [
    recover === undefined ? `${lines} steps` : `${episodes} of ${recover} states`,
    `${rate}/s`,
    `refusals ${reachedRefusals(coverage)}`,
    `goals ${coverage.goals.length - coverage.missedGoals().length}/${coverage.goals.length}`,
    found === 0 ? 'agree' : `${found} found`,
  ].join('   ');
}

const reachedRefusals = (coverage: Coverage): string => {
  const all = coverage.refusals.length;
  return `${all - coverage.missedRefusals().length}/${all}`;
};

const faultNames = ({ fault }: CheckOptions): string | undefined =>
  fault.length === 0 ? undefined : fault.join(', ');

function asText({ machine, result, seconds, failures }: Run, options: CheckOptions): string {
  const rate = Math.round(result.coverage.steps / seconds);
  return [
    ...failures.flatMap(({ report, path }) => [failureText(report), `saved     ${path}`, '']),
    campaignText(result),
    ...recoveredLines(result, options),
    // With failures, most of the time went into looking at them again.
    failures.length === 0
      ? `speed     ${rate} steps/s in ${seconds.toFixed(1)} s`
      : `time      ${seconds.toFixed(1)} s`,
    `again     xenolith check --seed ${result.seed}${otherOptions(machine, result, options)}`,
    ...(options.machines.length > 1 ? [''] : []),
  ].join('\n');
}

/** From how many of the sampled states everything came back. */
function recoveredLines({ episodes, recovered }: Campaign, { recover }: CheckOptions): string[] {
  if (recover === undefined) return [];
  return [`recovered ${recovered} of ${episodes} states [E7]`];
}

/** The options that a repetition needs; a run that was ended by time is repeated by its lines. */
function otherOptions(machine: Machine, result: Campaign, options: CheckOptions): string {
  const isUsual = options.seconds === undefined && options.steps === undefined && !result.aborted;
  return [
    options.recover === undefined ? '' : ` --recover ${options.recover}`,
    isUsual || options.recover !== undefined
      ? ''
      : ` --steps ${options.steps !== undefined && !result.aborted ? options.steps : result.lines}`,
    ` --machine ${machine.name}`,
    hasUsualPaging(machine) ? '' : ` --paging ${machine.paging}`,
    options.guests === undefined ? '' : ` --guests ${options.guests}`,
    options.emphasis === 'all' ? '' : ` --emphasis ${options.emphasis}`,
    options.failures === USUAL_FAILURES ? '' : ` --failures ${options.failures}`,
    ...options.fault.map((id) => ` --fault ${id}`),
  ].join('');
}

const hasUsualPaging = ({ name, paging }: Machine): boolean => machineNamed(name).paging === paging;

/** One run as an object, several as a list in one. */
function asJson(runs: readonly Run[], options: CheckOptions, seed: string): object {
  const objects = runs.map(({ machine, result, seconds, failures }) => ({
    ...campaignJson(result),
    machine: machine.name,
    paging: machine.paging,
    guests: options.guests ?? null,
    emphasis: options.emphasis,
    faults: options.fault,
    seconds,
    failures: failures.map(({ report, path }) => ({ ...failureJson(report), path })),
  }));
  const [only] = objects;
  return options.machines.length === 1 && only !== undefined ? only : { seed, runs: objects };
}

function worstOf(runs: readonly Run[]): ExitCode {
  const found = runs.flatMap(({ result }) => result.found);
  if (found.some(({ failure }) => failure.verdict === 'harness_error')) return exitCodes.harness;
  return found.length === 0 ? exitCodes.agree : exitCodes.wrong;
}
