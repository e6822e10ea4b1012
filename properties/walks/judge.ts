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

/** Whether an answer is one of those that were recorded and are not wrong. */
export const isRecorded = (recorded: RecordedAnswer, given: string): boolean =>
  [...acceptedOf(recorded), recorded.also ?? recorded.fact].some((one) => isAnswer(one, given));

/** What the spec allows for a step, beside a target. */
export interface Beside {
  /** On the target's own processor. */
  readonly here: ReadonlySet<string>;
  /** Where the target's processor lacks a feature that the case needs: the feature, ... */
  readonly missing: string | undefined;
  /** ... and what is allowed on a processor that has it. */
  readonly there: ReadonlySet<string>;
}

/**
 * Judges the answer of a target. What the spec allows decides where the recording does not: where
 * the answer is loose, and where it may hang on a feature that the target's processor lacks.
 */
export function judged(
  recorded: RecordedAnswer,
  given: string,
  beside: Beside | undefined,
): Verdict {
  const { dispute, isLoose } = recorded;
  const missing = beside?.missing;
  if ((isLoose || missing !== undefined) && beside?.here.has(given) !== true)
    return { is: 'disagrees', expected: `one of ${[...(beside?.here ?? [])].join(', ')}` };
  if (isLoose) return LOOSE;
  const accepted = acceptedOf(recorded);
  const isAccepted = (answer: string): boolean => accepted.some((one) => isAnswer(one, answer));
  if (isAccepted(given))
    return dispute === undefined ? AGREES : { is: 'disputed', about: dispute.about };
  if (missing !== undefined && [...(beside?.there ?? [])].some(isAccepted))
    return { is: 'not_offered', feature: missing };
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
