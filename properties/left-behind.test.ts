import { beforeAll, describe, expect, test } from 'vitest';
import { presets, type Machine } from '../abi/machine.js';
import type { Reply } from '../abi/reply.js';
import { leavings } from '../abi/leavings.js';
import { refusals } from '../abi/rules.js';
import type { Step } from '../abi/step.js';
import type { Domain, Page, State, Vcpu } from '../model/state.js';
import { isSameContent } from '../values/content.js';
import { episodePlan, episodeSeed } from './campaign.js';
import { Coverage } from './coverage.js';
import { differences } from './keyed-differences.js';
import { ours } from './our-subject.js';
import { Episode } from './walker.js';

const EPISODES = 12;

/** Refusals with which a call ended that had changed something, and those with which one had not. */
class Watching extends Coverage {
  readonly left = new Set<string>();

  override note(
    before: State,
    step: Step,
    reply: Reply,
    after: State,
    reached: readonly string[],
    taken: number,
  ): void {
    super.note(before, step, reply, after, reached, taken);
    const [only, ...more] = reached;
    if (only !== undefined && more.length === 0 && only in refusals && leaves(before, after))
      this.left.add(only);
  }
}

/** Whether anything is otherwise but what was armed to happen, and what vcpus may remember. */
function leaves(before: State, after: State): boolean {
  let found = before.nextPage !== after.nextPage || before.windows !== after.windows;
  differences(before.pages, after.pages, (_, one, other) => {
    found ||= !isSamePage(one, other);
  });
  differences(before.domains, after.domains, (_, one, other) => {
    found ||= one === undefined || other === undefined || !isSameDomain(one, other);
  });
  return found;
}

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

describe('what a refused call leaves behind', () => {
  const machines: readonly Machine[] = [
    presets.small,
    presets.whole,
    { ...presets.whole, paging: 'hap' },
  ];
  const left = new Set<string>();

  beforeAll(() => {
    for (const machine of machines) {
      const watching = new Watching(machine);
      const plan = episodePlan({ seed: 'left', machine, make: ours });
      for (let i = 0; i < EPISODES; i++)
        new Episode(episodeSeed('left', i), plan, new Set(), watching).walk();
      for (const id of watching.left) left.add(id);
    }
  });

  test('is told of every refusal that leaves something', () => {
    expect([...left].filter((id) => !(id in leavings))).toEqual([]);
  });

  test('is told of no other: most that are told of are seen in these runs', () => {
    const unseen = Object.keys(leavings).filter((id) => !left.has(id));
    expect(unseen).toEqual([]);
  });
});
