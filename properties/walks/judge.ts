import { isAnswer } from './answer.js';
import type { Recorded, RecordedAnswer } from './recorded-case.js';

/** How an answer stands to what was recorded. */
export type Verdict =
  /** As recorded, where the recorded processors agree. */
  | { readonly is: 'agrees' }
  /** Hangs on what a processor remembers: the spec allows it. */
  | { readonly is: 'loose' }
  /** The recorded processors differ: as the one that is right, or as either of both. */
  | { readonly is: 'disputed'; readonly about: string }
  /** The target's processor lacks a feature, and answers as the spec says one without it does. */
  | { readonly is: 'not_offered'; readonly feature: string }
  | { readonly is: 'disagrees'; readonly expected: string };

export const AGREES: Verdict = { is: 'agrees' };
export const LOOSE: Verdict = { is: 'loose' };

/**
 * Disputes that are open, though the recording names one as right. Here a fetch lies across the end of
 * canonical addresses and its first page is not mapped: the fact is #GP, both processors say #PF.
 */
const openDisputes: ReadonlySet<string> = new Set(['bochs-split-icache']);

/** What may be answered where nothing hangs on what a processor remembers. */
export function acceptedOf<Fact>({ fact, dispute }: Recorded<Fact>): readonly Fact[] {
  if (dispute === undefined) return [fact];
  const { about, right, qemu, bochs } = dispute;
  if (right !== 'either' && !openDisputes.has(about)) return [fact];
  return [...new Set([fact, ...[qemu, bochs].filter((other) => other !== undefined)])];
}

/**
 * Judges the answer of a target. `allowed` says what the spec allows on the target's own processor;
 * it is asked only where the recording does not settle the matter.
 */
export function judged(
  recorded: RecordedAnswer,
  given: string,
  missing: string | undefined,
  allowed: () => Iterable<string>,
): Verdict {
  const accepted = acceptedOf(recorded);
  const isAllowed = (): boolean => [...allowed()].includes(given);
  if (recorded.isLoose) {
    if (isAllowed()) return LOOSE;
    return { is: 'disagrees', expected: `one of ${[...allowed()].join(', ')}` };
  }
  if (accepted.some((answer) => isAnswer(answer, given)))
    return recorded.dispute === undefined
      ? AGREES
      : { is: 'disputed', about: recorded.dispute.about };
  if (missing !== undefined && isAllowed()) return { is: 'not_offered', feature: missing };
  return { is: 'disagrees', expected: accepted.join(' or ') };
}

/**
 * Judges the spec itself by what it allows: where nothing hangs on what a processor remembers it
 * must allow what was recorded and nothing else; else it must allow whatever was recorded.
 */
export function judgedSpec(recorded: RecordedAnswer, allowed: readonly string[]): Verdict {
  const has = (answer: string): boolean => allowed.some((one) => isAnswer(answer, one));
  if (recorded.isLoose) {
    const facts = [recorded.fact, recorded.also ?? recorded.fact];
    return facts.every(has) ? LOOSE : { is: 'disagrees', expected: facts.join(' and ') };
  }
  const accepted = acceptedOf(recorded);
  const isRight = allowed.every((one) => accepted.some((answer) => isAnswer(answer, one)));
  if (!isRight) return { is: 'disagrees', expected: `only ${accepted.join(' or ')}` };
  const { dispute } = recorded;
  return dispute === undefined ? AGREES : { is: 'disputed', about: dispute.about };
}
