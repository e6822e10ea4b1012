import type { Program } from '../../abi/program.js';
import { canonical } from '../canonical.js';
import { simplerLines, sumOfNumbers } from './arguments.js';
import { withoutDomains, withoutElements, withoutLines, withoutVcpus } from './deletions.js';
import { simplerMachines } from './machines.js';

/** A program one edit smaller, and where to go on if it is taken. */
export interface Smaller {
  readonly program: Program;
  readonly cursor: Cursor;
}

/** Where in the list of edits a program was found, so that the next search goes on from there. */
export interface Cursor {
  readonly pass: number;
  readonly at: number;
}

type Pass = (program: Program) => Iterable<Program>;

/** The edits, in the order in which they are tried; after a success the search goes on where it was. */
const passes: readonly Pass[] = [
  ...[2, 4, 8, 16, 32, 64, 128, 256, 512].map(
    (parts): Pass =>
      (program) =>
        withoutRanges(program, parts),
  ),
  (program) => withoutRanges(program, program.lines.length),
  withoutDomains,
  withoutVcpus,
  withoutElements,
  withoutPairs,
  withSimplerLines,
  simplerMachines,
  withSmallerNames,
];

function* withoutRanges(program: Program, parts: number): IterableIterator<Program> {
  const { length } = program.lines;
  if (length < parts || length === 0) return;
  const size = Math.ceil(length / parts);
  // From the end: what comes late is rarely needed by what comes before.
  for (let to = length; to > 0; to -= size) yield withoutLines(program, Math.max(0, to - size), to);
}

/** Two lines that only make sense together. */
function* withoutPairs(program: Program): IterableIterator<Program> {
  const { length } = program.lines;
  if (length > 24) return;
  for (let second = length - 1; second > 0; second--)
    for (let first = second - 1; first >= 0; first--)
      yield withoutLines(withoutLines(program, second, second + 1), first, first + 1);
}

function* withSimplerLines(program: Program): IterableIterator<Program> {
  if (program.lines.length > SIMPLIFY_UP_TO) return;
  for (const [index, line] of program.lines.entries())
    for (const simpler of simplerLines(line))
      yield { ...program, lines: program.lines.with(index, simpler) };
}

/** The canonical form, where it is the smaller one: else the two would take turns for ever. */
function* withSmallerNames(program: Program): IterableIterator<Program> {
  const named = canonical(program);
  if (comesBefore(named, program)) yield named;
}

function comesBefore(a: Program, b: Program): boolean {
  const difference = weight(a) - weight(b);
  if (difference !== 0) return difference < 0;
  return JSON.stringify([a.lines, a.boot]) < JSON.stringify([b.lines, b.boot]);
}

const weight = ({ lines }: Program): number =>
  lines.reduce((sum, line) => sum + sumOfNumbers(line), 0);

/** Every smaller program once: from the cursor to the last edit, then from the first on. */
export function* smaller(program: Program, from: Cursor): IterableIterator<Smaller> {
  yield* edits(program, from.pass, passes.length, from.at);
  yield* edits(program, 0, Math.min(from.pass + 1, passes.length), 0);
}

function* edits(
  program: Program,
  first: number,
  end: number,
  skip: number,
): IterableIterator<Smaller> {
  for (let pass = first; pass < end; pass++) {
    let at = 0;
    for (const candidate of passes[pass]?.(program) ?? []) {
      if (pass !== first || at >= skip) {
        const cursor: Cursor = { pass, at: Math.max(0, at - STEP_BACK) };
        yield { program: candidate, cursor };
      }
      at++;
    }
  }
}

/** An edit of an argument opens simpler ones just before it. */
const STEP_BACK = 8;

/** Arguments are simplified once the lines that matter are left. */
const SIMPLIFY_UP_TO = 80;
