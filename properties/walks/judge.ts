import { isAnswer } from './answer.js';
import type { Dispute, Recorded, RecordedAnswer } from './recorded-case.js';

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
 * Of these disputes the recorded fact is the one that is wrong: the instruction lies across the end
 * of canonical addresses, and its first page, which is not mapped, is fetched from before the rest
 * is looked at. Both processors say so.
 */
const factIsWrong: ReadonlySet<string> = new Set(['bochs-split-icache']);

/** What may be answered where nothing hangs on what a processor remembers. */
export const acceptedOf = <Fact>({ fact, dispute }: Recorded<Fact>): readonly Fact[] =>
  dispute === undefined ? [fact] : [...settled(fact, dispute)];

function settled<Fact>(fact: Fact, { about, right, qemu, bochs }: Dispute<Fact>): Set<Fact> {
  if (factIsWrong.has(about) && qemu !== undefined) return new Set([qemu]);
  if (right !== 'either') return new Set([fact]);
  return new Set([fact, ...[qemu, bochs].filter((other) => other !== undefined)]);
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
