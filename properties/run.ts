import type { Program } from '../abi/program.js';
import type { Coverage } from './coverage.js';
import { leftover } from './farewell.js';
import { Running } from './running.js';
import type { MakeSubject } from './subject.js';
import type { Verdict } from './verdict.js';

/** How closely a run looks; replies, frame rule and cheap audit are checked after every step. */
export interface Checks {
  /** Every how many lines everything is checked; 0 for never before the end. */
  readonly stride: number;
  /** The number of lines that are known to be sound: no stride check before. */
  readonly soundLines?: number;
  readonly atEnd: boolean;
}

export const everyLine: Checks = { stride: 1, atEnd: true };
export const onlyAtEnd: Checks = { stride: 0, atEnd: true };

/** Runs a program on the model and a fresh system in lock-step, up to the first failure. */
export function run(
  program: Program,
  make: MakeSubject,
  checks: Checks = everyLine,
  coverage?: Coverage,
): Verdict {
  const running = new Running(program.machine, program.boot, make, coverage);
  if (running.bootFailure !== undefined) return running.bootFailure;
  const sound = checks.soundLines ?? 0;
  for (const [index, line] of program.lines.entries()) {
    const failure = running.perform(line);
    if (failure !== undefined) return failure;
    if (checks.stride > 0 && index >= sound && (index + 1) % checks.stride === 0) {
      const found = running.checkAll();
      if (found !== undefined) return found;
    }
  }
  const last = checks.atEnd
    ? (running.checkAll() ?? leftover(running.state, program.lines.length - 1))
    : undefined;
  return last ?? { verdict: 'agree', lines: program.lines.length };
}
