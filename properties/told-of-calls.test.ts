import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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
import { projectRoot } from './faulted.js';
import { differences } from './keyed-differences.js';
import { ours } from './our-subject.js';
import { Episode } from './walker.js';

const EPISODES = 48;

/** What takes more than these runs to be seen. */
const rare: ReadonlySet<string> = new Set(
  'G1.4 G3.5 G3.9 G3.10 G4.3 G4.5 G4.6 G5.1 G5.2 G5.3 P11.13 P11.15 P14.8 P15.1 M4.3 M4.6 G1.7 G16.1 G16.2'.split(
    ' ',
  ),
);

const ruleOf = (id: string): string => id.replace(/\..*/, '');

/** Refusals with which a call ended that had changed something, and those with which one had not. */
class Watching extends Coverage {
  readonly left = new Set<string>();
  readonly rulesOf = new Map<string, Set<string>>();

  override note(
    before: State,
    step: Step,
    reply: Reply,
    after: State,
    reached: readonly string[],
    taken: number,
  ): void {
    super.note(before, step, reply, after, reached, taken);
    const own = this.rulesOf.get(step.op) ?? new Set();
    this.rulesOf.set(step.op, own);
    for (const id of reached) own.add(ruleOf(id));
    const [only, ...more] = reached;
    if (only !== undefined && more.length === 0 && only in refusals && leaves(before, after))
      this.left.add(only);
  }
}

/**
 * Whether anything is otherwise but what was armed to happen, what vcpus may remember, and what comes
 * of looking at gfns that are populated on demand.
 */
function leaves(before: State, after: State): boolean {
  let found = before.nextPage !== after.nextPage || before.windows !== after.windows;
  let demanded = false;
  differences(before.pages, after.pages, (_, one, other) => {
    found ||= !isSamePage(one, other);
  });
  differences(before.domains, after.domains, (_, one, other) => {
    found ||= one === undefined || other === undefined || !isSameDomain(one, other);
    demanded ||= one !== undefined && other !== undefined && isAfterDemand(one, other);
  });
  return found && !demanded;
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

const machines: readonly Machine[] = [
  presets.small,
  presets.whole,
  { ...presets.whole, paging: 'hap' },
];
const left = new Set<string>();
const rulesOf: (readonly [operation: string, rules: ReadonlySet<string>])[] = [];

beforeAll(() => {
  for (const machine of machines) {
    const watching = new Watching(machine);
    const plan = episodePlan({ seed: 'left', machine, make: ours });
    for (let i = 0; i < EPISODES; i++)
      new Episode(episodeSeed('left', i), plan, new Set(), watching).walk();
    for (const id of watching.left) left.add(id);
    rulesOf.push(...watching.rulesOf);
  }
});

describe('what a refused call leaves behind', () => {
  test('is told of every refusal that leaves something', () => {
    expect([...left].filter((id) => !(id in leavings))).toEqual([]);
  });

  test('is told of no other: all but the rarest that are told of are seen in these runs', () => {
    const unseen = Object.keys(leavings).filter((id) => !left.has(id));
    expect(unseen.filter((id) => !rare.has(id))).toEqual([]);
  });
});

describe('the operations of the README of the spec', () => {
  const readme = readFileSync(join(projectRoot(), 'model', 'README.md'), 'utf8');
  const section = readme.split('\n## Operations\n')[1]?.split('\n## ')[0] ?? '';
  const rows = new Map(
    [...section.matchAll(/^\| `(\w+)` +\|[^|]*\|([^|]*)\|$/gm)].map(([, name = '', cell = '']) => [
      name,
      cell.trim(),
    ]),
  );
  const inAnyCase = ['D3', 'D12', 'B2', 'P15', 'T1'];
  const walks = ['W1', 'W2', 'W3', 'W4', 'W5', 'W6', 'W7'];

  test('are those that random programs have, with the rules that these come to', () => {
    for (const [operation, rules] of rulesOf) {
      const cell = rows.get(operation) ?? 'no row';
      if (cell.includes('that call’s')) continue;
      const told = [...(cell.match(/[A-Z]\d+/g) ?? []), ...(cell.includes('same') ? walks : [])];
      const untold = [...rules].filter((id) => ![...told, ...inAnyCase].includes(id));
      expect([operation, cell === 'no row', untold]).toEqual([operation, false, []]);
    }
  });

  test('are no others', () => {
    const seen = new Set(rulesOf.map(([operation]) => operation));
    expect([...rows.keys()].filter((operation) => !seen.has(operation))).toEqual([]);
  });
});
