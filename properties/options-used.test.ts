import { beforeAll, describe, expect, test } from 'vitest';
import { pagings, presets, type Paging } from '../abi/machine.js';
import type { Program } from '../abi/program.js';
import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import { defaultOptions, type Options } from '../impl/options.js';
import { seeded } from './choose.js';
import { ours, subjectsOf } from './our-subject.js';
import { madeUp } from './programs.js';
import { run } from './run.js';
import type { MakeSubject, Subject } from './subject.js';

type Name = keyof Options;
type Counts = Readonly<Record<string, number>>;

/** Programs that the spec alone made up, so that every setting gets the same. */
const programsOn = (paging: Paging): readonly Program[] =>
  Array.from({ length: 16 }, (_, i) =>
    madeUp(seeded(`options ${i}`), {
      machine: { ...presets.paged, paging },
      emphasis: 'all',
      lines: 200,
    }),
  );

/** What a hypervisor counted in all of the programs, on which it agrees with the spec. */
function countsIn(programs: readonly Program[], make: MakeSubject): Counts {
  const total: Record<string, number> = {};
  for (const program of programs) {
    let subject: Subject | undefined;
    const verdict = run(program, (machine) => (subject = make(machine)), {
      stride: 0,
      atEnd: true,
    });
    expect(verdict.verdict).toBe('agree');
    for (const [name, count] of Object.entries(subject?.counters?.() ?? {}))
      total[name] = (total[name] ?? 0) + count;
  }
  return total;
}

const of = (counts: Counts, name: string): number => counts[name] ?? 0;
/** Each access of a processor has walked, unless its TLB knew the page; two pages are two walks. */
const tlbHits = (counts: Counts): number =>
  of(counts, 'linearAccesses') + of(counts, 'exits') - of(counts, 'hardwareWalks');

/** How often the path of an option was taken; the paths that only shadow paging has. */
const taken: Readonly<Record<Name, (counts: Counts) => number>> = {
  p2mCache: (counts) => of(counts, 'p2mCacheHits'),
  wordAccess: (counts) => of(counts, 'wordAccesses'),
  tlb: (counts) => Math.max(0, tlbHits(counts)),
  outOfSync: (counts) => of(counts, 'oosEntered'),
  reverseMap: (counts) => of(counts, 'slotsListed'),
  splinterCache: (counts) => of(counts, 'splintersShared'),
  prefetch: (counts) => of(counts, 'prefetched'),
  superpages: (counts) => of(counts, 'superpagesMade'),
};
const always: readonly Name[] = ['p2mCache', 'wordAccess', 'tlb'];
const names: readonly Name[] = [...always, 'outOfSync', 'reverseMap', 'splinterCache', 'prefetch'];
/** Whose path no extent of this machine is large enough for: `superpages.test.ts` has one. */
const elsewhere: readonly Name[] = ['superpages'];

test('every option is looked at', () => {
  expect([...names, ...elsewhere].toSorted()).toEqual(Object.keys(defaultOptions).toSorted());
});

describe.each(pagings)('[E2] with %s, the path of an option', (paging) => {
  let programs: readonly Program[];
  let on: Counts;
  beforeAll(() => {
    programs = programsOn(paging);
    on = countsIn(programs, ours);
  });

  test.each(names)('%s is taken when it is on, and never when it is off', (name) => {
    const off = countsIn(programs, subjectsOf({ Hypervisor, observe }, { [name]: false }));
    const isThere = paging === 'shadow' || always.includes(name);
    expect(taken[name](on) > 0).toBe(isThere);
    expect(taken[name](off)).toBe(0);
  });
});
