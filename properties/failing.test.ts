import { describe, expect, test } from 'vitest';
import { pagings, presets, type Machine } from '../abi/machine.js';
import { fallible, type Fallible } from '../abi/step.js';
import { parseTrace } from '../counterexamples/parse.js';
import { ours } from './our-subject.js';
import { Running } from './running.js';
import { recover } from './testing/recover.js';

/** Two domains that use all that allocates or updates, twice over; the third is made on the way. */
const story = `xenolith-trace 1
machine whole
domain d1
domain d2

 0  tool  fail_next             page after=0
 1  d1    populate_physmap      self gfns=0x40,0x42,0x200 order=1
 2  d1    increase_reservation  self count=2
 3  d1    setup_table           self frames=2
 4  d1    set_version           2
 5  d1    setup_table           self frames=3
 6  d1    add_to_physmap        self space=grant_table index=0x80000000 gfn=0x28
 7  d1    add_to_physmap        self space=grant_table index=0x1 gfn=0x21
 8  d1    grant                 ref=3 to=d2 gfn=0x1 rw v2
 9  d1    grant                 ref=4 to=d1 gfn=0x2 ro v2
10  d2    map                   d1/3 at=0x30 rw ; d1/3 at=0x4000000 ro
11  d1    map                   d1/4 at=0xa ro
12  d1    decrease_reservation  self gfns=0x40,0x3,0x5 order=0
13  d1    remove_from_physmap   self gfn=0x4
14  d1    add_to_physmap        self space=gmfn index=0x6 gfn=0x7
15  d1    add_to_physmap_batch  self space=gmfn ; 0x8 at=0x9 ; 0x201 at=0x44
16  d1    add_to_physmap        self space=shared_info index=0x0 gfn=0x20
17  tool  create                d3
18  d2    unmap                 h10 at=0x30 ; h10.1 at=0x4000000
19  d1    unmap                 h11 at=0xa
20  d1    set_version           1
21  tool  destroy               d3
22  tool  create                d3 table=0x8000000
23  d1    populate_physmap      self gfns=0x3,0x4
24  d1    decrease_reservation  self gfns=0x3,0x4,0x5
`;

/** Where the n-th try of a kind fails; false once it never comes to that. */
function strikes(what: Fallible, after: number, machine: Machine): boolean {
  const { program } = parseTrace(story, 'story');
  const running = new Running(machine, program.boot, ours);
  const [, ...lines] = program.lines;
  for (const line of [{ op: 'fail_next', what, after } as const, ...lines]) {
    const failure = running.perform(line);
    expect(failure, `${what} ${after}, line ${running.lines.length - 1}`).toBeUndefined();
  }
  const hasStruck = running.state.failing[what] === 0;
  expect(recover(running), `farewell after ${what} ${after}`).toBeUndefined();
  return hasStruck;
}

describe.each(pagings)('a sequence in which one try fails, %s', (paging) => {
  const machine = { ...presets.whole, paging };

  test.each(fallible)('[D9] [E7] whichever %s it is, nothing is left', (what) => {
    let tries = 1;
    while (strikes(what, tries, machine)) tries++;
    // Each domain created has, without nested paging, a pool of shadows besides.
    const pools = what === 'table' && paging === 'shadow' ? 2 : 0;
    expect(tries - 1).toBe(counts[what] + pools);
  });
});

/** The tries of the sequence. */
const counts: Readonly<Record<Fallible, number>> = {
  page: 39,
  table: 14,
  grant_frame: 8,
  entry: 68,
};
