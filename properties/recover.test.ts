import { describe, expect, test } from 'vitest';
import { pagings, presets } from '../abi/machine.js';
import { campaign } from './campaign.js';
import { faultedSubjects } from './faulted.js';
import { knownFault } from './known-faults.js';
import { ours } from './our-subject.js';

describe('states that random walks of all lengths come to', () => {
  test.each(pagings)('[E7] from 60 of them everything is given back, %s', async (paging) => {
    const plan = { seed: 'recover', machine: { ...presets.whole, paging }, make: ours };
    const { episodes, recovered, found, lines } = await campaign({ ...plan, recover: 60 });
    expect(found.map(({ identity }) => identity)).toEqual([]);
    expect(episodes).toBe(60);
    expect(recovered).toBe(60);
    expect(lines).toBeGreaterThan(10_000);
  });

  test('[E7] is not counted where not everything comes back, be the failure known or not', async () => {
    const make = await faultedSubjects(knownFault('helper-holds-nothing'));
    const plan = { seed: 'i', machine: { ...presets.whole, paging: 'hap' as const }, make };
    const { episodes, recovered, found } = await campaign({ ...plan, recover: 4 });
    expect(episodes).toBe(4);
    expect(new Set(found.map(({ seed }) => seed)).size).toBeLessThan(episodes - recovered);
  });
});
