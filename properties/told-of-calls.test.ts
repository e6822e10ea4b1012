import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { presets, type Machine } from '../abi/machine.js';
import type { Reply } from '../abi/reply.js';
import { leavings } from '../abi/leavings.js';
import type { Step } from '../abi/step.js';
import type { State } from '../model/state.js';
import { leavingScenarios } from '../model/testing/leaving-scenarios.js';
import { leftBy } from '../model/testing/leftovers.js';
import { episodePlan, episodeSeed } from './campaign.js';
import { Coverage } from './coverage.js';
import { projectRoot } from './faulted.js';
import { ours } from './our-subject.js';
import { Episode } from './walker.js';

const EPISODES = 48;

const ruleOf = (id: string): string => id.replace(/\..*/, '');

/** Refusals with which a call ended that had changed something, and the rules of operations. */
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
    for (const id of leftBy(before, after, reached).untoldOf) this.left.add(id);
  }
}

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

  test('is told of no other: all that are told of are seen in these runs, or have a scenario', () => {
    const unseen = Object.keys(leavings).filter((id) => !left.has(id));
    expect(unseen.filter((id) => !(id in leavingScenarios))).toEqual([]);
    expect(Object.keys(leavingScenarios).filter((id) => !(id in leavings))).toEqual([]);
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
