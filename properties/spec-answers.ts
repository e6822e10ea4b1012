import type { Program } from '../abi/program.js';
import { answerColumn } from '../counterexamples/answers.js';
import { printReply } from '../counterexamples/reply.js';
import { desugar, Handles } from './desugar.js';
import { SpecSystem } from './spec-system.js';

/**
 * What the model answers to each line of a program: the right column of a trace. Where `like`, a
 * right column of the same program, lists all answers that are allowed, so does the result.
 * Undefined for all lines where the model itself fails on the way.
 */
export function specAnswers(
  program: Program,
  like: readonly (string | undefined)[] = [],
): readonly (string | undefined)[] {
  const handles = new Handles();
  try {
    const spec = new SpecSystem(program.machine);
    for (const { domain, config } of program.boot) spec.perform({ op: 'create', domain, config });
    return program.lines.map((line, index) => {
      const replies = desugar(line, program.machine, handles).map((step) => spec.perform(step));
      const reply = replies.at(-1);
      if (reply === undefined) return undefined;
      if (line.op === 'map') handles.note(index, reply);
      const allowed = spec.allowed.map((each) => printReply(each, line.op));
      return answerColumn(allowed, like[index]);
    });
  } catch {
    return program.lines.map(() => undefined);
  }
}
