import { printTrace } from '../counterexamples/print.js';
import type { Program } from '../abi/program.js';
import { refusals, rules } from '../abi/rules.js';
import { verdictOf, type Campaign } from './campaign.js';
import { claims } from './claims.js';
import type { Coverage } from './coverage.js';
import { identityOf, type Identity } from './identity.js';
import { invariants } from './invariants/all.js';
import { specAnswers } from './spec-answers.js';
import type { Failure } from './verdict.js';

/** What is told about one failure, shrunk or not. */
export interface FailureReport {
  readonly identity: Identity;
  readonly failure: Failure;
  readonly program: Program;
  /** How the failing program came to be: the episode's seed, or a file's name. */
  readonly origin: string;
  /** Lines before shrinking, where it was shrunk. */
  readonly linesBefore?: number;
  readonly fault?: string;
}

/** One failure for people: what, where, the program with the spec's answers, how to see it again. */
export function failureText(report: FailureReport): string {
  const { failure, program } = report;
  const size =
    report.linesBefore === undefined
      ? `${program.lines.length} lines`
      : `${report.linesBefore} lines shrunk to ${program.lines.length}`;
  const fault = report.fault === undefined ? '' : `   fault: ${report.fault}`;
  return [
    `${failure.verdict} at line ${failure.line} (of 0..${program.lines.length - 1})   ${claimOf(failure)}`,
    `${report.origin}   ${size}${fault}`,
    '',
    ...markedLines(program, failure.line),
    '',
    ...ruleLines(failure),
    `expected  ${failure.expected}`,
    `actual    ${failure.actual}`,
    `identity  ${report.identity}`,
  ].join('\n');
}

export { specAnswers };

/** The same for programs. */
export const failureJson = (report: FailureReport): object => ({
  ...report,
  identity: identityOf(report.failure),
  trace: traceText(report.program),
});

/** The program in trace syntax with the spec's answers in its right column. */
export const traceText = (program: Program): string =>
  printTrace({ story: { text: [] }, program, expectations: specAnswers(program) });

/** What is claimed, and was not so: of all replies [E1], else the claim that was violated. */
function claimOf({ claim, verdict }: Failure): string {
  const id = verdict === 'violate' || verdict === 'harness_error' ? claim : 'E1';
  const sentence = sentences[id];
  return sentence === undefined ? `[${id}] an invariant of the system` : `[${id}] ${sentence}`;
}

const sentences: Readonly<Record<string, string | undefined>> = {
  ...claims,
  ...Object.fromEntries(invariants.map(({ id, name }) => [id, name])),
};

/** The rule that says what had to be, where a reply was another one. */
function ruleLines({ claim, verdict }: Failure): readonly string[] {
  if (verdict !== 'diverge') return [];
  const refusal = Object.entries(refusals).find(([id]) => id === claim)?.[1];
  const rule = Object.entries(rules).find(([id]) => id === claim)?.[1];
  const text = refusal === undefined ? rule : `${refusal[0]}: ${refusal[1]}`;
  return text === undefined ? [] : [`rule      [${claim}] ${text}`];
}

/** The printed lines, the failing one behind a mark. */
function markedLines(program: Program, failing: number): readonly string[] {
  const lines = traceText(program).trimEnd().split('\n');
  const first = lines.length - program.lines.length;
  return lines.map((line, i) => `${i - first === failing ? '>' : ' '} ${line}`.trimEnd());
}

/** What a campaign came to, for people. The same campaign gives the same text. */
export function campaignText(result: Campaign): string {
  const { coverage, found } = result;
  const verdict = found.length === 0 ? verdictOf(result).verdict : `${found.length} found`;
  const size = `${result.lines} lines in ${result.episodes} episodes`;
  return [
    `${verdict}   seed ${result.seed}   ${size}${result.aborted ? '   stopped early' : ''}`,
    ...found.map(({ identity, seed }) => `  ${identity}   seed ${seed}`),
    // What a run has not reached says something only where nothing stopped it.
    ...(found.length === 0 ? coverageLines(coverage) : []),
  ].join('\n');
}

const meanings: ReadonlyMap<string, string> = new Map(
  Object.entries(refusals).map(([id, [, when]]) => [id, when]),
);

function coverageLines(coverage: Coverage): readonly string[] {
  const unseen = coverage.missedRules();
  const missed = coverage.missedRefusals();
  const open = coverage.missedGoals();
  const ruleCount = coverage.rules.length;
  const all = coverage.refusals.length;
  return [
    `steps     ${coverage.steps}`,
    `rules     ${ruleCount - unseen.length} of ${ruleCount} reached`,
    ...unseen.map((id) => `  never  rule [${id}]`),
    `refusals  ${all - missed.length} of ${all} reached`,
    ...missed.map((id) => `  never  [${id}] ${meanings.get(id) ?? ''}`),
    `goals     ${coverage.goals.length - open.length} of ${coverage.goals.length} reached`,
    ...open.map(({ id, sentence }) => `  never  [${id}] ${sentence}`),
    `loose     ${coverage.countOf('G1')} handles and frames left to the hypervisor [G15], \
${coverage.looseSteps} accesses by what was remembered [T1]`,
  ];
}

/** The same for programs. */
export const campaignJson = (result: Campaign): object => ({
  verdict: verdictOf(result).verdict,
  seed: result.seed,
  lines: result.lines,
  steps: result.coverage.steps,
  episodes: result.episodes,
  aborted: result.aborted,
  found: result.found.map(({ identity, failure, seed, program }) => ({
    identity,
    failure,
    seed,
    lines: program.lines.length,
  })),
  reached: Object.fromEntries(result.coverage.reached()),
  missedRules: result.coverage.missedRules(),
  missedRefusals: result.coverage.missedRefusals(),
  missedGoals: result.coverage.missedGoals().map(({ id, sentence }) => ({ id, sentence })),
  looseSteps: result.coverage.looseSteps,
});
