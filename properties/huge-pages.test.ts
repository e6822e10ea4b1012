import { describe, expect, test } from 'vitest';
import { parseTrace } from '../counterexamples/parse.js';
import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import type { Options } from '../impl/options.js';
import { subjectsOf } from './our-subject.js';
import { Running } from './running.js';

/**
 * What is done to 1 GiB at gfn 0x40000: each line changes a part of it, or looks at one. The pool runs out
 * of tables on the way, and gets one back where a superpage of 2 MiB takes its place.
 */
const program = `xenolith-trace 1
machine whole paging=hap guest_frames=266000 \
control_order=18 guest_order=9 p2m_table_frames=9 control_pages=0
  0  tool  destroy               d1
  1  tool  destroy               d2
  2  tool  destroy               d3
  3  tool  create                d1 pages=266000 ram=none table=none
  4  d0    populate_physmap      d1 gfns=0x40000 order=18
  5  tool  create                d2
  6  d1    setup_table           self frames=1
  7  d1    add_to_physmap        self space=grant_table index=0x0 gfn=0x20
  8  d0    populate_physmap      d1 gfns=0x0,0x1,0x2
  9  d1    store                 at=0x48305 u32 0x4d
 10  d1    load                  va=0x48305000 u32
 11  d1    store                 va=0x7ffff008 u64 0x5
 12  d1    load                  at=0x7ffff+0x8 u64
 13  tool  log_dirty             d1 enable
 14  d1    store                 va=0x50000008 u32 0x5
 15  d1    store                 va=0x50001008 u32 0x5
 16  d1    store                 va=0x50000008 u32 0x6
 17  tool  log_dirty             d1 disable
 18  tool  fail_next             table after=2
 19  d1    decrease_reservation  self gfns=0x40005
 20  d1    load                  va=0x40005000 u32
 21  tool  fail_next             entry after=1
 22  d1    decrease_reservation  self gfns=0x40005
 23  d1    decrease_reservation  self gfns=0x40005
 24  d1    load                  va=0x40005000 u32
 25  d1    load                  va=0x40006000 u32
 26  d1    grant                 ref=3 to=d2 gfn=0x40207 rw
 27  d2    map                   d1/3 at=0x30 rw
 28  d2    store                 at=0x30 u32 0x77
 29  d1    load                  va=0x40207000 u32
 30  d2    grant                 ref=4 to=d1 gfn=0x1 rw
 31  d1    map                   d2/4 at=0x60009 rw
 32  d1    store                 va=0x60009010 u32 0x9
 33  d1    load                  va=0x6000a010 u32
 34  tool  set_memory_type       d1 gfn=0x603ff count=2 type=1
 35  d1    store                 va=0x603ff000 u32 0x3
 36  d1    add_to_physmap        self space=gmfn index=0x60800 gfn=0x10000
 37  d1    add_to_physmap        self space=gmfn index=0x1 gfn=0x60a00
 38  d1    populate_physmap      self gfns=0x60200 order=9
 39  d1    populate_physmap      self gfns=0x60200
 40  d1    load                  va=0x60009010 u32
 41  d1    load                  va=0x48305000 u32
 42  d1    unmap                 h31 at=0x60009
 43  d2    unmap                 h27 at=0x30
 44  d0    populate_physmap      d1 gfns=0x40005 on_demand=1
 45  tool  pod_target            d1 pages=262660
 46  d1    load                  va=0x40005000 u32
 47  d1    decrease_reservation  self gfns=0x60200 order=9
 48  tool  destroy               d1`;

const rows: readonly (readonly [string, Partial<Options>, readonly number[]])[] = [
  ['with superpages', {}, [2, 7]],
  ['with tables that are lent', { superpages: false }, [0, 0]],
];

describe('[E2] [P2] 1 GiB of RAM at once', () => {
  test.each(rows)('%s: changes of parts agree with the spec', (_, options, counts) => {
    const { program: read } = parseTrace(program, 'program');
    const subjects = subjectsOf({ Hypervisor, observe }, options);
    const running = new Running(read.machine, read.boot, subjects);
    for (const line of read.lines) expect(running.perform(line)).toBeUndefined();
    expect(running.checkAll()).toBeUndefined();
    const counted = running.lockStep.subject.counters?.() ?? {};
    expect([counted['superpagesMade'], counted['superpagesSplit']]).toEqual(counts);
  });
});
