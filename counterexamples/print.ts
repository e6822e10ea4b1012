import { bootLines } from './boot-lines.js';
import { lineColumns } from './lines.js';
import { machineText } from './machine-line.js';
import { storyLines } from './story.js';
import { TRACE_VERSION, type Trace } from './trace.js';

/**
 * A trace as text, which `parseTrace` reads back to the same value. The name of the machine, the
 * story and the expectations are printed as they are: they are to be one word, lines of words,
 * and one line each without spaces at its ends.
 */
export function printTrace(trace: Trace): string {
  const { program } = trace;
  const head = [`xenolith-trace ${TRACE_VERSION}`, `machine ${machineText(program.machine)}`];
  const sections = [storyLines(trace.story), [...head, ...bootLines(program)], bodyLines(trace)];
  const texts = sections.filter((lines) => lines.length > 0).map((lines) => lines.join('\n'));
  return `${texts.join('\n\n')}\n`;
}

/** Longer arguments do not push the right column of the others out of sight. */
const ARGUMENTS_WIDTH = 48;

function bodyLines({ program, expectations }: Trace): readonly string[] {
  const rows = program.lines.map((line) => lineColumns(line, program.machine));
  const numbers = String(rows.length - 1).length;
  const actors = widest(rows.map((row) => row.actor));
  const operations = widest(rows.map((row) => row.operation));
  const given = rows.map((row) => row.arguments);
  const short = widest(given.filter((text) => text.length <= ARGUMENTS_WIDTH));
  return rows.map((row, index) =>
    [
      String(index).padStart(numbers),
      row.actor.padEnd(actors),
      row.operation.padEnd(operations),
      row.arguments.padEnd(short),
      expectations[index] ?? '',
    ]
      .join('  ')
      .trimEnd(),
  );
}

const widest = (texts: readonly string[]): number =>
  texts.reduce((width, text) => Math.max(width, text.length), 0);
