import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import { defaultOptions } from '../impl/options.js';
import { presets } from '../abi/machine.js';
import { campaign } from './campaign.js';
import { emphasisNames, type EmphasisName } from './generate/emphasis.js';
import { ours, subjectsOf } from './our-subject.js';
import { programs } from './programs.js';
import { failureText } from './report.js';
import { run } from './run.js';
import { isFailure } from './verdict.js';
import type { MakeSubject } from './subject.js';

/** Fails with a report that can be read, after fast-check has made the program small. */
function expectAgreement(
  make: MakeSubject,
  emphasis: EmphasisName,
  seed: number,
  numRuns: number,
): void {
  fc.assert(
    fc.property(programs({ emphasis }), (program) => {
      const verdict = run(program, make, { stride: 40, atEnd: true });
      const origin = `fast-check seed ${seed}`;
      expect(
        isFailure(verdict) && failureText({ identity: '', failure: verdict, program, origin }),
      ).toBe(false);
    }),
    { seed, numRuns, interruptAfterTimeLimit: 60_000, markInterruptAsFailure: false },
  );
}

describe('equivalence', () => {
  test.each(emphasisNames)(
    '[E1] impl answers every program about %s as the model does',
    (emphasis) => expectAgreement(ours, emphasis, 1, 60),
  );

  test.each(Object.keys(defaultOptions))(
    '[E2] impl without %s answers as the model does',
    (option) => {
      const make = subjectsOf({ Hypervisor, observe }, { [option]: false });
      expectAgreement(make, 'all', 2, 60);
    },
  );

  test('[E2] impl with every optimisation off answers as the model does', () => {
    const off = Object.fromEntries(Object.keys(defaultOptions).map((option) => [option, false]));
    expectAgreement(subjectsOf({ Hypervisor, observe }, off), 'all', 3, 60);
  });

  test('[E1] a tiny machine and a machine of Xen’s size agree as well', () => {
    for (const machine of [presets.tiny, presets.xen])
      fc.assert(
        fc.property(programs({ machine, lines: 60 }), (program) => {
          expect(run(program, ours, { stride: 0, atEnd: true })).toMatchObject({
            verdict: 'agree',
          });
        }),
        { seed: 4, numRuns: 5 },
      );
  });

  test('[E1] [E7] long random episodes agree, and leave nothing behind', async () => {
    const result = await campaign({
      seed: 'equivalence',
      machine: presets.small,
      make: ours,
      lines: 40_000,
    });
    expect(result.found.map(({ identity }) => identity)).toEqual([]);
    expect(result.lines).toBeGreaterThanOrEqual(40_000);
  });
});
