import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/** On the machine `small` types change by two gfns, and resources are acquired by two frames. */
const byControl: Scenarios = {
  '[B2] [P14] a change of memory types stops where a number of gfns is done': `
    0  d0    interrupt        after=1                        done
    1  tool  set_memory_type  d1 gfn=0x1 count=5 type=1      preempted 2
    2  tool  memory_type      d1 gfn=0x2                     ram_ro
    3  tool  memory_type      d1 gfn=0x3                     ram_rw
    4  tool  set_memory_type  d1 gfn=0x6 count=1 type=1      busy
    5  tool  pod_target       d1                             busy
    6  tool  destroy          d1                             busy
    7  d0    interrupt        after=2                        done
    8  d0    resume                                          preempted 4
    9  d0    resume                                          0
   10  tool  memory_type      d1 gfn=0x5                     ram_ro
   11  tool  memory_type      d1 gfn=0x6                     ram_rw`,
  '[B2] [P14.3] [P14.6] a change of types that is refused is not stopped, one that goes on looks again': `
    0  d0    interrupt             after=1                     done
    1  tool  set_memory_type       d1 gfn=0x1 count=900 type=1  -EINVAL
    2  d0    interrupt             after=1                     done
    3  tool  set_memory_type       d1 gfn=0x1 count=2 type=1   ok
    4  d0    interrupt             after=1                     done
    5  tool  set_memory_type       d1 gfn=0x1 count=4 type=0   preempted 2
    6  d1    decrease_reservation  self gfns=0x4               1
    7  d0    resume                                            -EINVAL
    8  tool  memory_type           d1 gfn=0x3                  ram_rw`,
  '[B2] [P16] pages are kept one by one': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41,0x42 on_demand=1  3
    1  d0    interrupt         after=1                             done
    2  tool  pod_target        d1 pages=11                         preempted ok pages=9 kept=1 gfns=3
    3  tool  domain_info       d1                                  pages=9 maximum=14
    4  d1    load              at=0x40 u8                          0x00000000
    5  d0    resume                                                ok pages=11 kept=2 gfns=2
    6  d0    interrupt         after=3                             done
    7  tool  pod_target        d1 pages=11                         ok pages=11 kept=2 gfns=2`,
  '[B2] [P16] pages that are not needed any more are given up one by one': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41,0x42 on_demand=1  3
    1  tool  pod_target        d1 pages=11                         ok pages=11 kept=3 gfns=3
    2  d1    populate_physmap  self gfns=0x40,0x41                 2
    3  d0    interrupt         after=1                             done
    4  tool  pod_target        d1 pages=14                         preempted ok pages=12 kept=2 gfns=1
    5  d0    resume                                                ok pages=11 kept=1 gfns=1`,
  '[B2] [P18] [P18.7] frames of a table are acquired some at a time': `
    0  d0    interrupt         after=1                             done
    1  d0    acquire_resource  d1 id=0 frame=0 count=3 query=0     preempted ok count=2
    2  d1    query_size        self                                ok frames=2 maximum=3
    3  d0    resume                                                ok count=1
    4  d0    acquire_resource  d2 id=0 frame=0 count=4 query=0     -EINVAL count=4
    5  d2    query_size        self                                ok frames=2 maximum=3`,
  '[B2] [G18.1] mappings are replaced in batches': `
    0  d0    interrupt          after=1                            done
    1  d0    unmap_and_replace  #1 at=0x802 new=0x804 ; #1 at=0x802 new=0x804 ; #1 at=0x802 new=0x804 ; #1 at=0x802 new=0x804  preempted bad_handle ; bad_handle ; bad_handle
    2  d0    resume                                                bad_handle`,
};

const inMemory: Scenarios = {
  '[B2] [M2] copies of 32 bits are read together, and again when they go on': `
    machine paged
    0  d1    store       at=0x3 u64 0x707                                     ok
    1  d1    store       at=0x5 u64 0x1                                       ok
    2  d1    interrupt   after=1                                              done
    3  d1    marshalled  place=0x6 va=0x6000 compat : copy self:0x5 -> self:0x6+0x28 bytes=4 ; self:0x3 -> self:0x4 bytes=8  preempted ok of ok
    4  d1.1  load        at=0x6+0x14 u32                                      0x00000000
    5  d1    resume                                                           ok of ok
    6  d1    load        at=0x4 u64                                           0x00000007`,
  '[M2] one copy of 32 bits that cannot be read keeps those before it from being made': `
    0  d1    interrupt   after=1                                              done
    1  d1    marshalled  place=0x7+0xfe0 va=0x7fe0 compat : copy self:0x3 -> self:0x2 bytes=4 ; self:0x3 -> self:0x2 bytes=8  -EFAULT of none
    2  d1    resume                                                           idle`,
};

describe('more calls that are stopped', () => {
  test.each(Object.entries({ ...byControl, ...inMemory }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
