import type { Occasion } from './occasion.js';

/**
 * What one run of a program came to. Most severe last: `hang` and `crash` are the system's own
 * failures, `harness_error` says that not the system but this harness is wrong.
 */
export type Verdict = Agreement | Skip | Failure;
export interface Agreement {
  readonly verdict: 'agree';
  /** Lines that were run. */
  readonly lines: number;
}
export interface Skip {
  readonly verdict: 'skip';
  readonly because: string;
}

/** A run that did not agree, with all that a report needs. */
export interface Failure {
  readonly verdict: 'diverge' | 'violate' | 'crash' | 'hang' | 'harness_error';
  /** The line at which it showed; -1 while the program's own domains were being created. */
  readonly line: number;
  readonly occasion: Occasion;
  /** The id of the rule, the refusal or the claim that did not hold. */
  readonly claim: string;
  /** The place that differs, without numbers: 'elements.status', 'p2m.type', 'frame.count'. */
  readonly path: string;
  /** What had to be, in words. */
  readonly expected: string;
  /** What was, in words. */
  readonly actual: string;
}

export const severities = [
  'agree',
  'skip',
  'diverge',
  'violate',
  'crash',
  'hang',
  'harness_error',
] as const satisfies readonly Verdict['verdict'][];

export const isFailure = (verdict: Verdict): verdict is Failure =>
  verdict.verdict !== 'agree' && verdict.verdict !== 'skip';

/** The more severe of two verdicts, the first where they are equally severe. */
export const worse = (a: Verdict, b: Verdict): Verdict =>
  severities.indexOf(b.verdict) > severities.indexOf(a.verdict) ? b : a;
