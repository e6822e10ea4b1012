import { join } from 'node:path';
import { printTrace } from '../counterexamples/print.js';
import { fingerprint } from '../properties/canonical.js';
import type { Found } from '../properties/walker.js';
import { specAnswers, type FailureReport } from '../properties/report.js';
import { shrink } from '../properties/shrink.js';
import type { MakeSubject } from '../properties/subject.js';
import { writeNew } from './files.js';

/** Longest that one failure is shrunk, in milliseconds. */
const SHRINK_LIMIT = 120_000;

/** A failure made as small as it goes. */
export function shrunken(
  found: Omit<Found, 'seed'>,
  make: MakeSubject,
  fault: string | undefined,
  origin: string,
): FailureReport {
  const shrunk = shrink(found.program, found.identity, make, SHRINK_LIMIT);
  const isShrunk = shrunk !== undefined;
  return {
    identity: found.identity,
    failure: shrunk?.failure ?? found.failure,
    program: shrunk?.program ?? found.program,
    origin,
    ...(isShrunk ? { linesBefore: found.program.lines.length } : {}),
    ...(fault === undefined ? {} : { fault }),
  };
}

/**
 * Saves a failure as a trace in a directory, under a name that is the same for the same program;
 * answers the path. What is there already is never written over.
 */
export function saveFailure(directory: string, report: FailureReport): string {
  const { identity, program, origin, linesBefore } = report;
  const words = identity.replaceAll(/[^A-Za-z0-9]+/g, '-').toLowerCase();
  const path = join(directory, `${words}-${fingerprint(program).slice(0, 8)}.trace`);
  const lines = linesBefore === undefined ? 'not shrunk' : `${linesBefore} lines shrunk to`;
  const text = printTrace({
    story: {
      text: [`${identity}.`],
      broke: `[${report.failure.claim}] expected ${report.failure.expected}`,
      found: `${origin}, ${lines} ${program.lines.length}.`,
    },
    program,
    expectations: specAnswers(program),
  });
  writeNew(path, text);
  return path;
}
