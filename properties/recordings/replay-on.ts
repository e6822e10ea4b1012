import type { Machine, Paging } from '../../abi/machine.js';
import type { Step } from '../../abi/step.js';
import type { Recording } from './decode.js';
import { divergenceAt, divergenceFor, type Divergence } from '../../divergences/divergence.js';
import { expectedText } from './expected.js';
import type { Respondent } from './respondent.js';
import { translate, type Judged, type Translation } from './translate.js';

/** How far a system and the recorded hypervisor agree, over one file. */
export interface FileReport extends Tally {
  readonly file: string;
  readonly xen: string;
  readonly traces: readonly TraceReport[];
}

export interface TraceReport extends Tally {
  readonly trace: string;
}

export interface Tally {
  /** Recorded results that were compared. */
  readonly judged: number;
  /** Recorded results that were not: from the first operation of a trace that is not built on. */
  readonly notJudged: number;
  /** Why judging stopped, with how many traces stopped for it, most frequent first. */
  readonly stops: ReadonlyMap<string, number>;
  readonly disagreementCount: number;
  /** By declared divergence: results that differ, or traces whose judging ended. */
  readonly diverged: ReadonlyMap<Divergence, number>;
  /** The first few. */
  readonly disagreements: readonly Disagreement[];
}

export interface Disagreement {
  readonly trace: string;
  /** Step of the recorded trace; `boot` and `teardown` stand before and after all of them. */
  readonly index: number | 'boot' | 'teardown';
  readonly step: string;
  readonly expected: string;
  readonly got: string;
}

export interface ReplayOptions {
  /** Disagreements kept of each trace and of the file; all are counted. */
  readonly keep?: number;
  /** Only traces whose name contains this. */
  readonly only?: string;
  /** How the recorded host served its guests' page tables; nested paging where nothing is said. */
  readonly paging?: Paging;
  /** Where the recorded host is known to differ. */
  readonly divergences?: readonly Divergence[];
  /** Called after each trace. */
  readonly progress?: (done: number, of: number, trace: string) => void;
}

/**
 * Replays a recording on anything; `start` is called for each trace. Every trace is translated
 * before the first is run, so a `RecordingError` comes before any result.
 */
export function replayOn(
  recording: Recording,
  start: (machine: Machine) => Respondent,
  options: ReplayOptions = {},
): FileReport {
  const keep = options.keep ?? 10;
  const divergences = (options.divergences ?? []).filter(
    (one) => !('file' in one) || one.file === recording.file.split('.')[0],
  );
  const only = options.only ?? '';
  const translations = recording.traces
    .filter((trace) => trace.name.includes(only))
    .map((trace) => translate(trace, options.paging));
  const traces: TraceReport[] = [];
  for (const translation of translations) {
    traces.push(replayTrace(translation, start, keep, divergences));
    options.progress?.(traces.length, translations.length, translation.name);
  }
  return { file: recording.file, xen: recording.xen, traces, ...totalOf(traces, keep) };
}

/** Sums tallies, of traces or of files. */
export function totalOf(parts: readonly Tally[], keep: number): Tally {
  const stops = summed(parts.map((part) => part.stops));
  const sum = (pick: (part: Tally) => number): number =>
    parts.reduce((total, part) => total + pick(part), 0);
  return {
    judged: sum((part) => part.judged),
    notJudged: sum((part) => part.notJudged),
    stops: new Map([...stops].toSorted(([, a], [, b]) => b - a)),
    disagreementCount: sum((part) => part.disagreementCount),
    diverged: summed(parts.map((part) => part.diverged)),
    disagreements: parts.flatMap((part) => part.disagreements).slice(0, keep),
  };
}

function summed<Key>(maps: readonly ReadonlyMap<Key, number>[]): ReadonlyMap<Key, number> {
  const sums = new Map<Key, number>();
  for (const map of maps)
    for (const [key, count] of map) sums.set(key, (sums.get(key) ?? 0) + count);
  return sums;
}

function replayTrace(
  translation: Translation,
  start: (machine: Machine) => Respondent,
  keep: number,
  divergences: readonly Divergence[],
): TraceReport {
  const { name, obstacle, results } = translation;
  if (obstacle !== undefined) return stopped(name, obstacle, results.length, divergences);
  const run = new TraceRun(name, start(translation.machine), keep, divergences);
  run.all('boot', translation.boot);
  let judged = 0;
  for (const result of results) {
    const stop = run.lost ?? ('notBuilt' in result ? result.notBuilt : undefined);
    if (stop !== undefined || 'notBuilt' in result)
      return run.report(judged, results.length - judged, stop);
    run.all(result.index, result.judged);
    judged++;
  }
  run.all('teardown', translation.teardown);
  if (translation.leftNothing) run.expectNothingLeft();
  return run.report(judged, 0, undefined);
}

const stopped = (
  trace: string,
  why: string,
  notJudged: number,
  divergences: readonly Divergence[],
): TraceReport => ({
  trace,
  judged: 0,
  notJudged,
  stops: new Map([[why, 1]]),
  disagreementCount: 0,
  diverged: stopsAt(divergences, trace, why),
  disagreements: [],
});

const stopsAt = (
  divergences: readonly Divergence[],
  trace: string,
  stop: string | undefined,
): ReadonlyMap<Divergence, number> => {
  const found = stop === undefined ? undefined : divergenceFor(divergences, trace, stop);
  return found === undefined ? new Map() : new Map([[found, 1]]);
};

class TraceRun {
  /** Why the trace cannot go on; undefined while it can. */
  lost: string | undefined;
  readonly #trace: string;
  readonly #respondent: Respondent;
  readonly #keep: number;
  readonly #divergences: readonly Divergence[];
  readonly #diverged = new Map<Divergence, number>();
  readonly #kept: Disagreement[] = [];
  #count = 0;

  constructor(
    trace: string,
    respondent: Respondent,
    keep: number,
    divergences: readonly Divergence[],
  ) {
    this.#divergences = divergences;
    this.#trace = trace;
    this.#respondent = respondent;
    this.#keep = keep;
  }

  /** Carries out the steps that one recorded operation stands for; it disagrees at most once. */
  all(index: Disagreement['index'], steps: readonly Judged[]): void {
    let agreed = true;
    for (const { step, expected } of steps) {
      if (this.lost !== undefined) return;
      const answer = this.#respondent.answer(step, expected);
      if (answer.agreed) continue;
      if (answer.lost) this.lost = 'no way on after a disagreement';
      if (!agreed && index !== 'boot' && index !== 'teardown') continue;
      agreed = false;
      if (this.#isDeclared(index, step, expectedText(expected), answer.got)) continue;
      this.#disagree({
        index,
        step: JSON.stringify(step),
        expected: expectedText(expected),
        got: answer.got,
      });
    }
  }

  /** Notes a divergence that is declared; true if it is. */
  #isDeclared(index: Disagreement['index'], step: Step, recorded: string, ours: string): boolean {
    const found = divergenceAt(this.#divergences, this.#trace, index, step, recorded, ours);
    if (found === undefined) return false;
    this.#diverged.set(found, (this.#diverged.get(found) ?? 0) + 1);
    if (found.ends) this.lost = `what diverges as ${found.id}`;
    return true;
  }

  /** The recorded host had all its pages back. */
  expectNothingLeft(): void {
    if (this.lost !== undefined) return;
    for (const left of this.#respondent.leftovers())
      this.#disagree({ index: 'teardown', step: 'nothing', expected: 'nothing left', got: left });
  }

  #disagree(disagreement: Omit<Disagreement, 'trace'>): void {
    this.#count++;
    if (this.#kept.length < this.#keep) this.#kept.push({ trace: this.#trace, ...disagreement });
  }

  report(judged: number, notJudged: number, stop: string | undefined): TraceReport {
    return {
      trace: this.#trace,
      judged,
      notJudged,
      stops: stop === undefined || notJudged === 0 ? new Map() : new Map([[stop, 1]]),
      disagreementCount: this.#count,
      diverged: summed([this.#diverged, stopsAt(this.#divergences, this.#trace, stop)]),
      disagreements: this.#kept,
    };
  }
}
