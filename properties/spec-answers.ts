import type { Program } from '../abi/program.js';
import { answerColumn } from '../counterexamples/answers.js';
import { printReply } from '../counterexamples/reply.js';
import { desugar, Handles, mayMap } from './desugar.js';
import { SpecSystem } from './spec-system.js';

/**
 * What the model answers to each line of a program: the right column of a trace. Where `like`, a
 * right column of the same program, lists all answers that are allowed, so does the result.
 * Undefined from the line on at which the model itself fails: that failure is reported by whoever runs
 * the program, as a mistake of the harness.
 */
export function specAnswers(
  program: Program,
  like: readonly (string | undefined)[] = [],
): readonly (string | undefined)[] {
  const handles = new Handles();
  const answers: (string | undefined)[] = program.lines.map(() => undefined);
  try {
    const spec = new SpecSystem(program.machine);
    for (const { domain, config } of program.boot) spec.perform({ op: 'create', domain, config });
    for (const [index, line] of program.lines.entries()) {
      const replies = desugar(line, program.machine, handles).map((step) => spec.perform(step));
      const reply = replies.at(-1);
      if (reply === undefined) continue;
      if (mayMap(line)) handles.note(index, reply);
      const allowed = spec.allowed.map((each) => printReply(each, line.op));
      answers[index] = answerColumn(allowed, like[index]);
    }
  } catch {
    // What the model throws is told by the run of this program; here its answers end.
  }
  return answers;
}
