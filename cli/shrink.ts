import { printTrace } from '../counterexamples/print.js';
import { identityOf } from '../properties/identity.js';
import { specAnswers } from '../properties/report.js';
import { run } from '../properties/run.js';
import { shrink } from '../properties/shrink.js';
import { isFailure } from '../properties/verdict.js';
import { exitCodes, type ExitCode } from './exit.js';
import { readTrace, writeNew } from './files.js';
import { subjectWith } from './options.js';

/** What `shrink` was asked for. */
export interface ShrinkOptions {
  readonly fault: readonly string[];
  readonly out: string | undefined;
  readonly json: boolean;
}

/**
 * Makes a failing trace as small as it goes while it fails in the same way, and prints it or writes
 * it to a new file.
 */
export async function shrinkFile(path: string, options: ShrinkOptions): Promise<ExitCode> {
  const trace = readTrace(path);
  const make = await subjectWith(options.fault);
  const verdict = run(trace.program, make);
  if (!isFailure(verdict)) {
    console.log(
      options.json ? JSON.stringify(verdict) : `${verdict.verdict}: there is nothing to shrink`,
    );
    return exitCodes.agree;
  }
  const identity = identityOf(verdict);
  console.error(`shrinking ${trace.program.lines.length} lines: ${identity}`);
  const shrunk = shrink(trace.program, identity, make);
  const program = shrunk?.program ?? trace.program;
  const text = printTrace({
    story: {
      ...trace.story,
      found: `${path}, ${trace.program.lines.length} lines shrunk to ${program.lines.length}.`,
    },
    program,
    expectations: specAnswers(program),
  });
  if (options.out !== undefined) writeNew(options.out, text);
  if (options.json)
    console.log(
      JSON.stringify({ identity, lines: program.lines.length, out: options.out, trace: text }),
    );
  else
    console.log(options.out === undefined ? text : `${program.lines.length} lines: ${options.out}`);
  return verdict.verdict === 'harness_error' ? exitCodes.harness : exitCodes.wrong;
}
