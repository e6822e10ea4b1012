import { isRefusal, type RefusalId } from '../../abi/rules.js';
import { differences } from '../../properties/keyed-differences.js';
import { isSameContent } from '../../values/content.js';
import type { Domain, Page, State, Vcpu } from '../state.js';

/** What a step left behind that a single refusal was reached in. For tests only. */
export interface Leftovers {
  /** The refusal, if anything is otherwise than before. */
  readonly shownOf: readonly RefusalId[];
  /** The same, if it does not come of looking at gfns that are populated on demand ([P15]). */
  readonly untoldOf: readonly RefusalId[];
}

/**
 * What is armed to happen, and what vcpus may remember, is not counted. A call by registers also
 * leaves its answer in memory, of which nothing is told.
 */
export function leftBy(before: State, after: State, reached: readonly string[]): Leftovers {
  const [only, ...more] = reached.filter((id) => id !== 'M1');
  if (only === undefined || more.length > 0 || !isRefusal(only))
    return { shownOf: [], untoldOf: [] };
  let found = before.nextPage !== after.nextPage || before.windows !== after.windows;
  let demanded = false;
  differences(before.pages, after.pages, (_, one, other) => {
    found ||= !isSamePage(one, other);
  });
  differences(before.domains, after.domains, (_, one, other) => {
    found ||= one === undefined || other === undefined || !isSameDomain(one, other);
    demanded ||= one !== undefined && other !== undefined && isAfterDemand(one, other);
  });
  const shownOf = found ? [only] : [];
  return { shownOf, untoldOf: demanded || reached.includes('M1') ? [] : shownOf };
}

/** A gfn got its page on demand, or did not: its page is kept on, or there was none and it is crashed. */
const isAfterDemand = (one: Domain, other: Domain): boolean =>
  one.demands !== other.demands ||
  (one.kept !== other.kept && one.kept.length === other.kept.length) ||
  (one.crashed !== other.crashed && one.onDemand !== undefined);

const isSamePage = (one: Page | undefined, other: Page | undefined): boolean =>
  one !== undefined &&
  other !== undefined &&
  one.allocated === other.allocated &&
  isSameContent(one.content, other.content);

const isSameDomain = (one: Domain, other: Domain): boolean =>
  sameBut(one, other, ['vcpus', 'p2m', 'loggedSince']) &&
  !differ(one, other) &&
  one.vcpus.every((vcpu, i) => isSameVcpu(vcpu, other.vcpus[i] ?? vcpu));

/** Whether the p2ms hold other entries. */
function differ(one: Domain, other: Domain): boolean {
  let found = false;
  differences(one.p2m, other.p2m, (_, a, b) => {
    found ||= a?.page !== b?.page || a?.type !== b?.type;
  });
  return found;
}

const isSameVcpu = (one: Vcpu, other: Vcpu): boolean =>
  sameBut(one, other, ['past', 'interrupt', 'pending']);

const sameBut = <Value extends object>(
  one: Value,
  other: Value,
  but: readonly (keyof Value & string)[],
): boolean => {
  const others = new Map<string, unknown>(Object.entries(other));
  return Object.entries(one).every(
    ([key, value]) => but.some((each) => each === key) || others.get(key) === value,
  );
};
