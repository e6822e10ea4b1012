import { describe, expect, test } from 'vitest';
import { pagings, presets } from '../abi/machine.js';
import { campaign } from './campaign.js';
import { ours } from './our-subject.js';

describe('states that random walks of all lengths come to', () => {
  test.each(pagings)('[E7] from 60 of them everything is given back, %s', async (paging) => {
    const plan = { seed: 'recover', machine: { ...presets.whole, paging }, make: ours };
    const { episodes, found, lines } = await campaign({ ...plan, recover: 60 });
    expect(found.map(({ identity }) => identity)).toEqual([]);
    expect(episodes).toBe(60);
    expect(lines).toBeGreaterThan(10_000);
  });
});
