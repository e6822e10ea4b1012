import type { Program } from '../abi/program.js';
import { printReply } from '../counterexamples/reply.js';
import { desugar, Handles } from './desugar.js';
import { SpecSystem } from './spec-system.js';

/**
 * What the model answers to each line of a program: the right column of a trace. Undefined for all
 * lines where the model itself fails on the way.
 */
export function specAnswers(program: Program): readonly (string | undefined)[] {
  const handles = new Handles();
  try {
    const spec = new SpecSystem(program.machine);
    for (const { domain, config } of program.boot) spec.perform({ op: 'create', domain, config });
    return program.lines.map((line, index) => {
      const replies = desugar(line, program.machine, handles).map((step) => spec.perform(step));
      const reply = replies.at(-1);
      if (line.op === 'map' && reply !== undefined) handles.note(index, reply);
      return reply === undefined ? undefined : printReply(reply, line.op);
    });
  } catch {
    return program.lines.map(() => undefined);
  }
}
