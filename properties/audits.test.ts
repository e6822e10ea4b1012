import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DomainId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import { faultedModule, projectRoot } from './faulted.js';
import { killers } from './killers.js';
import { knownFault } from './known-faults.js';
import { subjectsOf } from './our-subject.js';
import { campaign } from './campaign.js';

/** Claims that the tables cannot break while their own code is right: that code is changed. */
const broken = [
  [
    'F4',
    'impl/tables/frame-table.ts',
    '(IN_USE | ALLOCATED | 1) >>> 0;',
    '(IN_USE | ALLOCATED | REFERENCES) >>> 0;',
  ],
  ['F6', 'impl/tables/frame-table.ts', '(WRITABLE | VALIDATED | 1) >>> 0', '(WRITABLE | 1) >>> 0'],
  ['F8', 'impl/tables/frame-table.ts', '(WRITABLE | VALIDATED | 1) >>> 0', 'VALIDATED'],
  ['F9', 'impl/tables/frame-table.ts', '(WRITABLE | VALIDATED | 1) >>> 0', 'VALIDATED | 1'],
  [
    'P13',
    'impl/tables/p2m-table.ts',
    'entry.highWord(mfn, type));\n    if (gfn > this.#highest) this.#highest = gfn;',
    'entry.highWord(mfn, type));',
  ],
  ['P14', 'impl/tables/table-tree.ts', 'gfn - (gfn % (SPAN[level] ?? 1))', 'gfn + 1'],
] as const;

describe('an audit', () => {
  test.each(broken)('[%s] sees a change of %s', async (id, file, find, put) => {
    const fault = { id: `${id}-broken`, title: id, kin: 'none', breaks: [id] };
    const { Hypervisor, observe } = await faultedModule({
      ...fault,
      changes: [{ file, find, put }],
    });
    const hypervisor = new Hypervisor(presets.small);
    const config = presets.small.defaults;
    hypervisor.perform({ op: 'create', domain: DomainId(1), config });
    const ids = observe(hypervisor)
      .audit()
      .map((violation) => violation.id);
    expect(ids).toContain(id);
  });

  test('is there for no claim that nothing has been shown to break', () => {
    const folder = join(projectRoot(), 'impl');
    const textOf = (name: string): string => readFileSync(join(folder, name), 'utf8');
    const inside: readonly string[] = readdirSync(join(folder, 'audit'));
    const audits = inside.map((name) => join('audit', name));
    const sources = audits.filter((name) => !name.endsWith('.test.ts'));
    const idsIn = (names: readonly string[], pattern: RegExp) =>
      names.flatMap((name) => [...textOf(name).matchAll(pattern)].map(([, id]) => id));
    const audited = idsIn(sources, /'([FIPDTS][0-9]+)'/g);
    const tests = ['audit.test.ts', ...audits.filter((name) => name.endsWith('.test.ts'))];
    const damaged = idsIn(tests, /(?:\[\s*|toContain\()'([FIPDTS][0-9]+)'/g);
    const shown = new Set([...damaged, ...broken.map(([id]) => id)]);
    expect(audited.length).toBeGreaterThan(40);
    expect([...new Set(audited)].filter((id) => id === undefined || !shown.has(id))).toEqual([]);
  });
});

describe('[E2] a fault in an optimisation', () => {
  test('is found while it is on, and is not there while it is off', async () => {
    const module = await faultedModule(knownFault('p2m-cache-keeps-entry'));
    const { seed, linesAtMost, by } = killers['p2m-cache-keeps-entry'];
    const found = async (p2mCache: boolean): Promise<readonly string[]> => {
      const make = subjectsOf(module, { p2mCache });
      const plan = { seed, machine: presets.small, make, lines: linesAtMost, failures: 1 };
      return (await campaign(plan)).found.map(({ identity }) => identity);
    };
    expect(await found(true)).toContain(by);
    expect(await found(false)).toEqual([]);
  });
});
