import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { presets } from '../abi/machine.js';
import { refusals, rules } from '../abi/rules.js';
import type { Fault } from '../faults/fault.js';
import { campaign } from './campaign.js';
import { claims } from './claims.js';
import { faultedSubjects, projectRoot } from './faulted.js';
import type { Killer } from './killer.js';
import { killers, type FaultId } from './killers.js';
import { knownFault, knownFaultIds, together } from './known-faults.js';
import { identities } from './testing/hunts.js';

const table: readonly (readonly [id: string, killer: Killer])[] = Object.entries(killers);
const named = table.map(([id, killer]) => ({ id, ...killer }));

describe('a fault', () => {
  test('does not hide another one: one campaign finds both', async () => {
    const ids: readonly [FaultId, FaultId] = ['moved-frame-stays', 'page-not-scrubbed'];
    const [one, other] = ids;
    const make = await faultedSubjects(together(knownFault(one), knownFault(other)));
    const result = await campaign({ seed: 'both', machine: presets.small, make, lines: 6000 });
    expect(identities(result)).toEqual(
      expect.arrayContaining([killers[one].by, killers[other].by]),
    );
  });
});

describe('no fault', () => {
  test('is without a killer, and no killer without its fault', () => {
    expect(table.map(([id]) => id).toSorted()).toEqual(knownFaultIds());
  });

  test.each(table)(
    '%s breaks what has an id, and is found by that or by a claim',
    (name, { by }) => {
      const fault: Fault = knownFault(name);
      for (const id of fault.breaks) expect(isKnown(id) ? '' : id).toBe('');
      const claim = by.split(' ')[1] ?? '';
      expect([...fault.breaks, ...Object.keys(claims)]).toContain(claim);
    },
  );

  test('is untold: the README has a row for each, with what is pinned here', () => {
    const readme = readFileSync(join(projectRoot(), 'faults', 'README.md'), 'utf8');
    for (const { id, by, shrinksTo } of named) {
      const { kin } = knownFault(id);
      const row = readme.split('\n').find((line) => line.startsWith(`| \`${id}\` `));
      const cells = row?.split('|').map((cell) => cell.trim());
      expect([id, cells?.[2], cells?.[3], cells?.at(-2)]).toEqual([
        id,
        kin.startsWith('none') ? '' : kin,
        `\`${by}\``,
        String(shrinksTo),
      ]);
    }
  });
});

/** Rules and refusals have their ids in the contract; invariants are a letter and a number. */
const isKnown = (id: string): boolean =>
  Object.hasOwn(rules, id) || Object.hasOwn(refusals, id) || /^[FIPDST][0-9]+$/.test(id);
