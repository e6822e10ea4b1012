import { beforeAll, describe, expect, test } from 'vitest';
import { campaign, type Campaign } from '../campaign.js';
import { faultedSubjects } from '../faulted.js';
import { machineOf, type Killer } from '../killer.js';
import { grantKillers } from '../killers-of-grants.js';
import { knownFault } from '../known-faults.js';
import { ours } from '../our-subject.js';
import { shrink } from '../shrink.js';
import type { MakeSubject } from '../subject.js';

/** The campaign that finds a fault, up to the end of the episode that does. */
const hunt = (make: MakeSubject, killer: Killer): Promise<Campaign> => {
  const { seed, linesAtMost } = killer;
  return campaign({ seed, machine: machineOf(killer), make, lines: linesAtMost, failures: 1 });
};

export const identities = ({ found }: Campaign): readonly string[] =>
  found.map(({ identity }) => identity);

/**
 * The tests that every fault of a table is found as it says, within its bound, and shrunk to the
 * pinned length; the canary comes first. And that the same campaigns find nothing where no fault is.
 */
export function describeHunts(killers: Readonly<Record<string, Killer>>): void {
  const table = Object.entries(killers);
  const rows = table.map(
    ([id, killer]) => [id, killer.by, killer.linesAtMost, killer.shrinksTo, killer] as const,
  );

  describe('a fault', () => {
    beforeAll(async () => {
      const { canary } = grantKillers;
      const found = identities(await hunt(await faultedSubjects(knownFault('canary')), canary));
      if (!found.includes(canary.by))
        throw new Error('the canary lives: nothing that follows means anything');
    });

    test.each(rows)(
      '%s is found by %s within %i lines and shrinks to %i lines',
      async (id, by, _linesAtMost, shrinksTo, killer) => {
        const make = await faultedSubjects(knownFault(id));
        const result = await hunt(make, killer);
        expect(identities(result)).toContain(by);

        const found = result.found.find(({ identity }) => identity === by);
        const shrunk = found === undefined ? undefined : shrink(found.program, by, make);
        expect(shrunk?.program.lines).toHaveLength(shrinksTo);
      },
    );
  });

  describe('no fault', () => {
    test('is found in the hypervisor by the campaigns that find the faults', async () => {
      const hunts = new Map(
        table.map(([, killer]) => [`${killer.seed} ${killer.paging} ${killer.surface}`, killer]),
      );
      for (const killer of hunts.values()) {
        const { seed } = killer;
        const plan = { seed, machine: machineOf(killer), make: ours, lines: 2000 };
        expect([seed, ...identities(await campaign(plan))]).toEqual([seed]);
      }
    });
  });
}
