import { saysTheSame } from '../counterexamples/answers.js';
import type { Trace } from '../counterexamples/trace.js';
import { identityOf } from '../properties/identity.js';
import { failureJson, failureText, specAnswers } from '../properties/report.js';
import { run } from '../properties/run.js';
import type { MakeSubject } from '../properties/subject.js';
import { isFailure, type Verdict } from '../properties/verdict.js';
import { exitCodes, type ExitCode } from './exit.js';
import { readTrace, tracePaths } from './files.js';
import { subjectWith } from './options.js';
import { painted } from './paint.js';
import { ProgressLine } from './progress.js';

/** What `replay` was asked for. */
export interface ReplayOptions {
  readonly fault: readonly string[];
  readonly json: boolean;
}

interface Replayed {
  readonly path: string;
  readonly verdict: Verdict;
  /** Lines whose right column is not what the spec answers. */
  readonly differing: readonly string[];
}

/**
 * Replays traces in lock-step, everything checked after every line. The right column has to be what
 * the spec answers, or all that it allows where the trace lists several answers: where it is not, the
 * spec has changed or the trace is wrong, and the system under test is not to blame.
 */
export async function replay(named: readonly string[], options: ReplayOptions): Promise<ExitCode> {
  const make = await subjectWith(options.fault);
  const traces = tracePaths(named).map((path) => ({ path, trace: readTrace(path) }));
  const line = new ProgressLine(options.json);
  const replayed = traces.map(({ path, trace }, i) => {
    line.tell(() => `${i} of ${traces.length} replayed`);
    return replayOne(path, trace, make);
  });
  line.clear();
  console.log(
    options.json
      ? JSON.stringify({ traces: traces.map(({ trace }, i) => asJson(trace, replayed[i])) })
      : painted(replayed.map((one, i) => asText(one, traces[i]?.trace)).join('\n')),
  );
  return codeOf(replayed);
}

function replayOne(path: string, trace: Trace, make: MakeSubject): Replayed {
  const answers = specAnswers(trace.program, trace.expectations);
  const differing = trace.expectations.flatMap((expected, index) => {
    const answer = answers[index] ?? 'nothing';
    return expected === undefined || saysTheSame(expected, answer)
      ? []
      : [`line ${index}: the trace says '${expected}', the spec '${answer}'`];
  });
  return { path, verdict: run(trace.program, make), differing };
}

function asText({ path, verdict, differing }: Replayed, trace: Trace | undefined): string {
  const spec = differing.map((text) => `  ${text}`);
  if (!isFailure(verdict) || trace === undefined)
    return [`${differing.length === 0 ? verdict.verdict : 'differs'}   ${path}`, ...spec].join(
      '\n',
    );
  const report = { identity: identityOf(verdict), failure: verdict, program: trace.program };
  return [failureText({ ...report, origin: path }), ...spec, ''].join('\n');
}

function asJson(trace: Trace, replayed: Replayed | undefined): object {
  if (replayed === undefined) return {};
  const { path, verdict, differing } = replayed;
  if (!isFailure(verdict)) return { path, ...verdict, differing };
  const report = { identity: identityOf(verdict), failure: verdict, program: trace.program };
  return { path, ...failureJson({ ...report, origin: path }), differing };
}

function codeOf(replayed: readonly Replayed[]): ExitCode {
  const isHarness = ({ verdict, differing }: Replayed): boolean =>
    verdict.verdict === 'harness_error' || differing.length > 0;
  if (replayed.some(isHarness)) return exitCodes.harness;
  return replayed.some(({ verdict }) => isFailure(verdict)) ? exitCodes.wrong : exitCodes.agree;
}
