import { describe, expect, test } from 'vitest';
import { pagings, presets } from '../abi/machine.js';
import { campaign } from './campaign.js';
import { guestModes } from './generate/guest-mode.js';
import { ours } from './our-subject.js';

const rows = pagings.flatMap((paging) =>
  guestModes.filter((guests) => guests !== 'unpaged').map((guests) => [guests, paging] as const),
);

describe('random episodes of guests that page', () => {
  test.each(rows)('[E1] [E7] %s (%s) agree, and leave nothing behind', async (guests, paging) => {
    const result = await campaign({
      seed: `paged ${guests} ${paging}`,
      machine: { ...presets.paged, paging },
      make: ours,
      guests,
      lines: 6000,
      linesPerEpisode: 1500,
      stride: 500,
    });
    expect(result.found.map(({ identity }) => identity)).toEqual([]);
    expect(result.lines).toBeGreaterThanOrEqual(6000);
  });
});
