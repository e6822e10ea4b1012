import fc from 'fast-check';
import type { Program } from '../abi/program.js';
import { canonical } from './canonical.js';
import { identityOf, type Identity } from './identity.js';
import { everyLine, onlyAtEnd, run } from './run.js';
import { cut } from './running.js';
import { simplerLines, sumOfNumbers } from './shrink/arguments.js';
import { withoutDomains, withoutElements, withoutLines } from './shrink/deletions.js';
import { simplerMachines } from './shrink/machines.js';
import type { MakeSubject } from './subject.js';
import { isFailure, type Failure } from './verdict.js';

/** A program as small as the edits make it, with the failure that it still ends in. */
export interface Shrunk {
  readonly program: Program;
  readonly failure: Failure;
  /** Edits that were kept. */
  readonly kept: number;
  /** Identities of other failures that smaller programs ended in. */
  readonly others: readonly Identity[];
}

/** Programs longer than this are looked at in full only after their last line. */
const LOOK_CLOSELY = 80;

/**
 * Makes a failing program smaller while it fails with the same identity. fast-check drives; the
 * result cannot be made smaller by any single edit, and the same program always shrinks to the same.
 * Undefined where the program does not fail with this identity at all.
 */
export function shrink(
  program: Program,
  identity: Identity,
  make: MakeSubject,
  milliseconds?: number,
): Shrunk | undefined {
  const others = new Set<Identity>();
  const failureOf = (candidate: Program): Failure | undefined => {
    const checks = candidate.lines.length > LOOK_CLOSELY ? onlyAtEnd : everyLine;
    const verdict = run(candidate, make, checks);
    if (!isFailure(verdict)) return undefined;
    const found = identityOf(verdict);
    if (found === identity) return verdict;
    others.add(found);
    return undefined;
  };
  const property = fc.property(new Programs(), (candidate) => failureOf(candidate) === undefined);
  const details = fc.check(property, {
    examples: [[program]],
    numRuns: 1,
    ...(milliseconds === undefined ? {} : { interruptAfterTimeLimit: milliseconds }),
  });
  const smallest = details.counterexample?.[0];
  if (smallest === undefined) return undefined;
  const failure = failureOf(smallest);
  if (failure === undefined) return undefined;
  const ended = cut(smallest, failure.line + 1);
  return { program: ended, failure, kept: details.numShrinks, others: [...others] };
}

/** Where in the list of edits a program was found, so that the next search goes on from there. */
interface Cursor {
  readonly pass: number;
  readonly at: number;
}

type Pass = (program: Program) => Iterable<Program>;

/** The edits, in the order in which they are tried; after a success the search goes on where it was. */
const passes: readonly Pass[] = [
  ...[2, 4, 8, 16, 32, 64].map(
    (parts): Pass =>
      (program) =>
        withoutRanges(program, parts),
  ),
  (program) => withoutRanges(program, program.lines.length),
  withoutDomains,
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
  if (program.lines.length > LOOK_CLOSELY) return;
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

/** Programs as fast-check sees them: it is given one, and asks what would be smaller. */
class Programs extends fc.Arbitrary<Program> {
  override generate(): fc.Value<Program> {
    throw new Error('programs to shrink are given, not made up');
  }
  override canShrinkWithoutContext(value: unknown): value is Program {
    return typeof value === 'object' && value !== null && 'lines' in value;
  }
  override shrink(program: Program, context: unknown): fc.Stream<fc.Value<Program>> {
    const cursor = isCursor(context) ? context : { pass: 0, at: 0 };
    return fc.stream(smaller(program, cursor));
  }
}

const isCursor = (context: unknown): context is Cursor =>
  typeof context === 'object' && context !== null && 'pass' in context;

/** Every smaller program once: from the cursor to the last edit, then from the first on. */
function* smaller(program: Program, from: Cursor): IterableIterator<fc.Value<Program>> {
  yield* edits(program, from.pass, passes.length, from.at);
  yield* edits(program, 0, Math.min(from.pass + 1, passes.length), 0);
}

function* edits(
  program: Program,
  first: number,
  end: number,
  skip: number,
): IterableIterator<fc.Value<Program>> {
  for (let pass = first; pass < end; pass++) {
    let at = 0;
    for (const candidate of passes[pass]?.(program) ?? []) {
      if (pass !== first || at >= skip) {
        const cursor: Cursor = { pass, at: Math.max(0, at - STEP_BACK) };
        yield new fc.Value(candidate, cursor);
      }
      at++;
    }
  }
}

/** An edit of an argument opens simpler ones just before it. */
const STEP_BACK = 8;
