import fc from 'fast-check';
import type { Program } from '../abi/program.js';
import { canonical } from './canonical.js';
import { identityOf, type Identity } from './identity.js';
import { everyLine, onlyAtEnd, run, type Checks } from './run.js';
import { programs } from './programs.js';
import { cut } from './running.js';
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

/** A program this short must fail with the same identity when everything is checked each line. */
const LOOK_CLOSELY = 80;

/**
 * Makes a failing program smaller while it fails with the same identity. fast-check drives; the
 * result cannot be made smaller by any single edit, and the same program always shrinks to the same.
 * It is in canonical form wherever that form fails with this identity too.
 * Undefined where the program does not fail with this identity at all.
 */
export function shrink(
  program: Program,
  identity: Identity,
  make: MakeSubject,
  milliseconds?: number,
): Shrunk | undefined {
  const others = new Set<Identity>();
  const failureUnder = (candidate: Program, checks: Checks): Failure | undefined => {
    const verdict = run(candidate, make, checks);
    if (!isFailure(verdict)) return undefined;
    const found = identityOf(verdict);
    if (found === identity) return verdict;
    others.add(found);
    return undefined;
  };
  // Most candidates do not fail at all: those are told quickly, and only the others looked at.
  const failureOf = (candidate: Program): Failure | undefined => {
    const failure = failureUnder(candidate, onlyAtEnd);
    if (failure === undefined || candidate.lines.length > LOOK_CLOSELY) return failure;
    return failureUnder(candidate, everyLine);
  };
  const property = fc.property(programs(), (candidate) => failureOf(candidate) === undefined);
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
  const named = canonical(ended);
  const asNamed = failureOf(named);
  const result =
    asNamed === undefined
      ? { program: ended, failure }
      : { program: cut(named, asNamed.line + 1), failure: asNamed };
  return { ...result, kept: details.numShrinks, others: [...others] };
}
