import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import { defaultOptions, type Options } from '../impl/options.js';
import { pagings, presets } from '../abi/machine.js';
import type { Program } from '../abi/program.js';
import { campaign } from './campaign.js';
import { emphasisNames } from './generate/emphasis.js';
import { identityOf } from './identity.js';
import { ours, subjectsOf } from './our-subject.js';
import { programs, type ProgramPlan } from './programs.js';
import { failureText } from './report.js';
import { run } from './run.js';
import { isFailure } from './verdict.js';
import type { MakeSubject } from './subject.js';

/** A report of the smallest program that a system answers otherwise, or undefined. */
function disagreement(
  make: MakeSubject,
  plan: Partial<ProgramPlan>,
  seed: number,
  numRuns: number,
): string | undefined {
  const verdictOf = (program: Program) => run(program, make, { stride: 40, atEnd: true });
  const property = fc.property(programs(plan), (program) => !isFailure(verdictOf(program)));
  const [program] = fc.check(property, { seed, numRuns }).counterexample ?? [];
  if (program === undefined) return undefined;
  const failure = verdictOf(program);
  const origin = `fast-check seed ${seed}`;
  return isFailure(failure)
    ? failureText({ identity: identityOf(failure), failure, program, origin })
    : 'another time the same program agrees';
}

const off = Object.fromEntries(Object.keys(defaultOptions).map((option) => [option, false]));

describe('equivalence', () => {
  test.each(emphasisNames)(
    '[E1] impl answers every program about %s as the model does',
    (emphasis) => {
      expect(disagreement(ours, { emphasis }, 1, 60)).toBeUndefined();
    },
  );

  test.each(Object.keys(defaultOptions))(
    '[E2] impl without %s answers as the model does',
    (option) => {
      const make = subjectsOf({ Hypervisor, observe }, { [option]: false });
      expect(disagreement(make, {}, 2, 60)).toBeUndefined();
    },
  );

  test('[E2] impl with every optimisation off answers as the model does', () => {
    const make = subjectsOf({ Hypervisor, observe }, off);
    expect(disagreement(make, {}, 3, 60)).toBeUndefined();
  });

  const settings: readonly (readonly [string, Partial<Options>])[] = [
    ['every optimisation on', {}],
    ['every optimisation off', off],
    ...Object.keys(defaultOptions).map(
      (option) => [`only ${option} off`, { [option]: false }] as const,
    ),
  ];
  const rows = pagings.flatMap((paging) => settings.map((row) => [paging, ...row] as const));
  test.each(rows)(
    '[E2] guests that page (%s), %s: impl answers as the model does',
    (paging, _, options) => {
      const machine = { ...presets.paged, paging };
      const make = subjectsOf({ Hypervisor, observe }, options);
      expect(disagreement(make, { machine }, 5, 30)).toBeUndefined();
    },
  );

  test('[E1] a tiny machine and a machine of Xen’s size agree as well', () => {
    for (const machine of [presets.tiny, presets.xen])
      expect(disagreement(ours, { machine, lines: 60 }, 4, 5)).toBeUndefined();
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
