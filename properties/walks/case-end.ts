import type { Word } from '../../abi/word.js';
import { areEqual } from '../../values/words.js';
import { OK } from './answer.js';
import { acceptedOf, AGREES, LOOSE, type Verdict } from './judge.js';
import type { Reach } from './reach.js';
import type { RecordedEnd, WalkCase } from './recorded-case.js';
import { hexOf, wordOf } from './words.js';

export type DwordAt = (address: number) => number;

/** What may stand at an address in the end besides what was recorded, and why. */
export interface Leeway {
  readonly allows: (found: Word, expected: Expected) => boolean;
  readonly verdict: Verdict;
}

/** An entry or another dword as it is in the end. */
export interface EndVerdict {
  readonly address: number;
  /** It is one of the case's table entries. */
  readonly isEntry: boolean;
  readonly found: Word;
  readonly verdict: Verdict;
}

/** Judges memory in the end: the recorded entries, and all else that a step can come to. */
export function endVerdicts(
  one: WalkCase,
  reach: Reach,
  dwordAt: DwordAt,
  leeway: Leeway | undefined,
): readonly EndVerdict[] {
  const judge = (isEntry: boolean, expected: Expected): EndVerdict => {
    const { address, width } = expected;
    const found = wordOf(dwordAt(address), width === 8 ? dwordAt(address + 4) : 0);
    return { address, isEntry, found, verdict: judged(expected, found, leeway) };
  };
  const entries = one.after.map((end) => judge(true, expectedEntry(end)));
  const inEntries = new Set(
    one.after.flatMap(({ address, width }) => (width === 8 ? [address, address + 4] : [address])),
  );
  const others = [...reach.dwords].filter(([address]) => !inEntries.has(address));
  const dwords = others.map(([address, start]) => judge(false, expectedDword(one, address, start)));
  return [...entries, ...dwords];
}

/** What may stand at an address by the recording. */
export interface Expected {
  readonly address: number;
  readonly width: 4 | 8;
  readonly values: readonly Word[];
  /** What it counts as where it is one of the values. */
  readonly verdict: Verdict;
}

const expectedEntry = (end: RecordedEnd): Expected => ({
  address: end.address,
  width: end.width,
  values: [...acceptedOf(end), ...(end.also === undefined ? [] : [end.also])],
  verdict: verdictOf(end.isLoose, end.dispute?.about),
});

/**
 * What was recorded of a dword outside the tables: what was written to it, or nothing. Where the
 * processors' writes differ, or both wrote wrongly, which answers are right is judged step by step;
 * here any of their writes will do, none at all, and what a step of the case writes.
 */
function expectedDword(one: WalkCase, address: number, start: number): Expected {
  const { dwords, qemu, isLoose, disputed } = one.writes;
  const fact = dwords.get(address) ?? start;
  const other = (qemu ?? dwords).get(address) ?? start;
  const values =
    isLoose || disputed !== undefined ? [fact, other, start, ...writtenBy(one)] : [fact];
  const differs = new Set([fact, other]).size > 1;
  return {
    address,
    width: 4,
    values: values.map((value) => wordOf(value)),
    verdict: verdictOf(isLoose && differs, differs ? disputed : undefined),
  };
}

const writtenBy = ({ steps }: WalkCase): readonly number[] =>
  steps.flatMap(({ operation, recorded }) =>
    operation.op === 'write' && recorded.fact === OK ? [operation.value.low] : [],
  );

function verdictOf(isLoose: boolean, about: string | undefined): Verdict {
  if (isLoose) return LOOSE;
  return about === undefined ? AGREES : { is: 'disputed', about };
}

function judged(expected: Expected, found: Word, leeway?: Leeway): Verdict {
  const { values, verdict } = expected;
  const isAllowed = leeway?.allows(found, expected) === true;
  // Of what hangs on a processor's memory the spec beside the target knows best.
  if (verdict.is === 'loose' && leeway !== undefined && !isAllowed)
    return { is: 'disagrees', expected: 'what the spec allows' };
  if (values.some((value) => areEqual(value, found))) return verdict;
  if (leeway !== undefined && isAllowed) return leeway.verdict;
  return { is: 'disagrees', expected: values.map(hexOf).join(' or ') };
}
