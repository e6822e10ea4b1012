import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/** On the machine `small` an unmap is complete after each three elements. */
const grants: Scenarios = {
  '[B1] interrupt stops a map after so many elements, and [B3] resume maps the others': `
    0  d1  grant      ref=3 to=d2 gfn=0x1 rw                 ok
    1  d1  grant      ref=4 to=d2 gfn=0x2 rw                 ok
    2  d2  interrupt  after=1                                done
    3  d2  map        d1/3 at=0x30 rw ; d1/4 at=0x31 rw ; d1/9 at=0x32 rw  preempted ok
    4  d1  load       at=0x20+0x18 u16                       0x00000019
    5  d1  load       at=0x20+0x20 u16                       0x00000001
    6  d1  store      at=0x2 u64 0x77                        ok
    7  d2  resume                                            ok ; general_error
    8  d2  load       at=0x31 u64                            0x00000077
    9  d2  unmap      h3 at=0x30 ; h7 at=0x31                ok ; ok`,
  '[B2] a map that was stopped meets the entries as they are when it goes on': `
    0  d1  grant      ref=3 to=d2 gfn=0x1 rw                 ok
    1  d1  grant      ref=4 to=d2 gfn=0x2 rw                 ok
    2  d2  interrupt  after=1                                done
    3  d2  map        d1/3 at=0x30 rw ; d1/4 at=0x31 rw      preempted ok
    4  d1  grant      ref=4 to=d3 gfn=0x2 rw                 ok
    5  d2  resume                                            general_error`,
  '[B2] an unmap stops only where a batch of them is complete': `
    0  d2  interrupt  after=1                                done
    1  d2  unmap      #1 at=0x30 ; #2 at=0x30 ; #3 at=0x30   bad_handle ; bad_handle ; bad_handle
    2  d2  interrupt  after=1                                done
    3  d2  unmap      #1 at=0x30 ; #2 at=0x30 ; #3 at=0x30 ; #4 at=0x30  preempted bad_handle ; bad_handle ; bad_handle
    4  d2  resume                                            bad_handle
    5  d2  interrupt  after=4                                done
    6  d2  unmap      #1 at=0x1 ; #2 at=0x1 ; #3 at=0x1 ; #4 at=0x1  bad_handle ; bad_handle ; bad_handle ; bad_handle`,
  '[B2] a copy that was stopped has given its buffers back: what was granted meanwhile counts': `
    0  d1  grant      ref=3 to=d2 gfn=0x1 rw                 ok
    1  d1  store      at=0x1 u64 0x11                        ok
    2  d1  store      at=0x2 u64 0x22                        ok
    3  d2  interrupt  after=1                                done
    4  d2  copy       d1/3 -> self:0x5 bytes=8 ; d1/3 -> self:0x5+0x8 bytes=8  preempted ok
    5  d1  load       at=0x20+0x18 u16                       0x00000001
    6  d1  grant      ref=3 to=d2 gfn=0x2 rw                 ok
    7  d2  resume                                            ok
    8  d2  load       at=0x5 u64                             0x00000011
    9  d2  load       at=0x5+0x8 u64                         0x00000022`,
  '[B2] a swap that was stopped swaps what is there when it goes on': `
    0  d1  grant      ref=3 to=d2 gfn=0x1 rw                 ok
    1  d1  interrupt  after=1                                done
    2  d1  swap       3 4 ; 4 5 ; 5 6                        preempted ok
    3  d1  interrupt  after=1                                done
    4  d1  resume                                            preempted ok
    5  d1  resume                                            ok
    6  d1  load       at=0x20+0x30 u64                       0x0000000100020001`,
};

const memory: Scenarios = {
  '[B2] a populate that was stopped answers all extents it has done since it was made': `
    0  d1  interrupt         after=2                             done
    1  d1  populate_physmap  self gfns=0x50,0x51,0x52,0x53    preempted 2
    2  d1  interrupt         after=1                             done
    3  d1  resume                                                preempted 3
    4  d1  resume                                                4`,
  '[B3] a populate that goes on stops where the domain may not own more, with all it did': `
    0  d1    interrupt         after=1                           done
    1  d1    populate_physmap  self gfns=0x50,0x51,0x52       preempted 1
    2  tool  set_memory_limit  d1 pages=10                       ok
    3  d1    resume                                              2`,
  '[B3] a call that goes on looks its domain up again': `
    machine paged
    0  d0.1  interrupt             after=1                       done
    1  d0.1  decrease_reservation  d1 gfns=0x1,0x2            preempted 1
    2  tool  destroy               d1                            ok
    3  d0.1  resume                                              1
    4  d0.1  interrupt             after=1                       done
    5  d0.1  add_to_physmap_batch  d2 space=gmfn ; 0x1 at=0x51 ; 0x2 at=0x52 ; 0x3 at=0x53  preempted ok each ok
    6  tool  destroy               d2                            ok
    7  d0.1  resume                                              -ESRCH each untouched,untouched`,
  '[B2] a range that was stopped answers the pages it has moved, and goes on with the others': `
    0  d1  interrupt       after=2                                     done
    1  d1  add_to_physmap  self space=gmfn_range index=0x1 gfn=0x51 size=3  preempted 2
    2  d1  resume                                                      0
    3  d1  load            at=0x53 u8                                  0x00000000
    4  d1  load            at=0x3 u8                                  0x000000ff`,
  '[B2] increase and decrease are stopped between extents': `
    0  d1  interrupt             after=1                         done
    1  d1  increase_reservation  self count=3                    preempted 1
    2  d1  resume                                                3
    3  d1  interrupt             after=2                         done
    4  d1  decrease_reservation  self gfns=0x1,0x2,0x3        preempted 2
    5  d1  populate_physmap      self gfns=0x1                busy
    6  d1  resume                                                3`,
};

const order: Scenarios = {
  '[B1] the next call that can be stopped is, however late it comes, and only that one': `
    0  d1  interrupt             after=0                         done
    1  d1  load                  at=0x1 u8                       0x00000000
    2  d1  query_size            self                            ok frames=1 maximum=3
    3  d1  decrease_reservation  self gfns=0x1                1
    4  d1  decrease_reservation  self gfns=0x2,0x3            2`,
  '[B1] what ends before it was to stop is not stopped': `
    0  d1  interrupt         after=1                             done
    1  d1  populate_physmap  self gfns=~0,0x50                0
    2  d1  interrupt         after=9                             done
    3  d1  populate_physmap  self gfns=0x50,0x51              2`,
  '[B2.1] a vcpu in the middle of a call does nothing else; others of its domain do': `
    machine paged
    0  d1    interrupt             after=1                       done
    1  d1    decrease_reservation  self gfns=0x1,0x2          preempted 1
    2  d1    load                  at=0x3 u8                     busy
    3  d1    cr4                   value=pse                     busy
    4  d1.1  load                  at=0x1 u8                     0x000000ff
    5  d1.1  resume                                              idle
    6  d1    resume                                              2
    7  d1    load                  at=0x3 u8                     0x00000000`,
  '[B3.1] resume refuses idle where no call was stopped': `
    0  d1  resume  idle
    1  d0  resume  idle`,
  '[D3] a domain that crashed or died goes on with nothing': `
    0  d1    interrupt             after=1                       done
    1  d1    decrease_reservation  self gfns=0x1,0x2          preempted 1
    2  tool  destroy               d1                            ok
    3  d1    resume                                              no_domain
    4  tool  create                d1                            ok
    5  d1    resume                                              idle
    6  d1    crash                                               crashed
    7  d1    interrupt             after=1                       no_domain`,
};

const inMemory: Scenarios = {
  '[B2] a batch in memory that was stopped goes on with the elements that are there by then': `
    0  d1  grant       ref=3 to=d2 gfn=0x1 rw                                            ok
    1  d1  grant       ref=4 to=d2 gfn=0x2 rw                                            ok
    2  d2  interrupt   after=1                                                           done
    3  d2  marshalled  place=0x6 va=0x6000 : map d1/3 at=0x30 rw ; d1/9 at=0x31 rw       preempted ok of ok
    4  d2  load        at=0x6+0x32 u16                                                   busy
    5  d0  populate_physmap  d2 gfns=0x50                                                1
    6  d2  resume                                                                        ok of general_error
    7  d2  load        at=0x30 u8                                                        0x00000000
    8  d2  load        at=0x6+0x32 u16                                                   0x0000ffff
    9  d2  unmap       h3 at=0x30                                                        ok`,
  '[B2] arguments that cannot be read any more when a call goes on end it': `
    0  d2  interrupt             after=1                                                 done
    1  d2  marshalled            place=0x7+0xff4 va=0x7ff4 : swap 9 9 ; 9 9 ; 9 9        preempted ok of ok
    2  d0  decrease_reservation  d2 gfns=0x8                                             0
    3  d2  resume                                                                        -EFAULT of none
    4  d2  interrupt             after=1                                                 done
    5  d2  marshalled            place=0x6+0xff4 va=0x6ff4 : swap 9 9 ; 9 9              preempted ok of ok
    6  d0  decrease_reservation  d2 gfns=0x7                                             1
    7  d2  resume                                                                        -EFAULT of none`,
  '[B2] a memory call in memory goes on from an extent, of what its list says by then': `
    0  d2  interrupt   after=1                                                      done
    1  d2  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x50,0x51,0x52  preempted 1 of 1
    2  d2  interrupt   after=1                                                      done
    3  d2  resume                                                                   preempted 2 of 2
    4  d2  resume                                                                   3 of 3
    5  d2  interrupt   after=2                                                      done
    6  d2  marshalled  place=0x6 va=0x6000 : add_to_physmap self space=gmfn_range index=0x50 gfn=0x60 size=3  preempted 2 of 2
    7  d2  resume                                                                   ok of 0
    8  d2  interrupt   after=1                                                      done
    9  d2  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x60 at=0x50 ; 0x61 at=0x51  preempted ok of ok each ok
   10  d2  resume                                                                   ok of ok each ok`,
  '[B1] [P11.11] who is crashed by what it did before it is to stop has nothing left to do': `
    0  d0  populate_physmap  d2 gfns=0x40 on_demand=1  1
    1  d2  interrupt   after=1                                                      done
    2  d2  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x40 at=0x50 ; 0x1 at=0x51  crashed
    3  d2  resume                                                                   no_domain
    4  tool  memory_type  d2 gfn=0x1                                                ram_rw`,
  '[B1] what is refused is not stopped': `
    0  d2  interrupt   after=1                                           done
    1  d2  hypercall   number=20 command=11 va=0x6000 count=9 user       -EPERM
    2  d2  hypercall   number=20 command=11 va=0x6000 count=2            ok of ok ; ok`,
};

const destruction: Scenarios = {
  '[B4] a destruction ends mappings from the highest handle on, and [D2] the rest at once': `
     0  d1    grant        ref=3 to=d2 gfn=0x1 rw                  ok
     1  d1    grant        ref=4 to=d2 gfn=0x2 ro                  ok
     2  d2    map          d1/3 at=0x30 rw ; d1/4 at=0x31 ro       ok ; ok
     3  d0    interrupt    after=1                                 done
     4  tool  destroy      d2                                      preempted released d1/4:ro
     5  d1    load         at=0x20+0x18 u16                        0x00000019
     6  d1    load         at=0x20+0x20 u16                        0x00000005
     7  tool  domain_info  d2                                      pages=8 maximum=14 dying
     8  d2    load         at=0x0 u8                               no_domain
     9  tool  create       d2                                      -EEXIST
    10  d0    resume                                               0
    11  d1    load         at=0x20+0x18 u16                        0x00000001
    12  tool  create       d2                                      ok`,
  '[B4] a domain that is being destroyed has its pages at their gfns, but no grant mapping': `
     0  d1    grant        ref=3 to=d2 gfn=0x1 rw                  ok
     1  d2    grant        ref=3 to=d3 gfn=0x5 rw                  ok
     2  d2    map          d1/3 at=0x30 rw                         ok
     3  d0    interrupt    after=1                                 done
     4  tool  destroy      d2                                      preempted released d1/3:rw
     5  tool  inspect_gfn  d2 gfn=0x30                             mmio_dm
     6  tool  inspect_gfn  d2 gfn=0x5                              ram_rw mapped 0x0000000000000000
     7  d3    map          d2/3 at=0x30 rw                         ok
     8  d0    resume                                               0
     9  d3    map          d2/3 at=0x31 rw                         ok
    10  d3    unmap        h7 at=0x30 ; h9 at=0x31                 ok ; ok
    11  tool  domain_info  d2                                      -ESRCH`,
  '[B4] a mapping of its own page does not keep a dying domain, nor let it go too soon': `
     0  d1    grant        ref=3 to=d1 gfn=0x1 rw                  ok
     1  d1    map          d1/3 at=0x30 rw ; d1/3 at=0x31 ro       ok ; ok
     2  d0    interrupt    after=1                                 done
     3  tool  destroy      d1                                      preempted released d1/3:ro
     4  d0    decrease_reservation  d1 gfns=0x1                    busy
     5  d0    interrupt    after=1                                 done
     6  d0    resume                                               preempted released d1/3:rw
     7  tool  domain_info  d1                                      pages=8 maximum=14 dying
     8  d0    resume                                               0
     9  tool  domain_info  d1                                      -ESRCH`,
  '[B2.1] while one domain is being destroyed no other one is, but all else goes on': `
     0  d1    grant        ref=3 to=d2 gfn=0x1 rw                  ok
     1  d2    map          d1/3 at=0x30 rw                         ok
     2  d0    interrupt    after=1                                 done
     3  tool  destroy      d2                                      preempted released d1/3:rw
     4  tool  destroy      d1                                      busy
     5  tool  destroy      d2                                      busy
     6  d1    load         at=0x0 u8                               0x00000000
     7  d0    resume                                               0
     8  tool  destroy      d1                                      ok`,
};

describe('calls that are stopped', () => {
  test.each(Object.entries({ ...grants, ...memory, ...order, ...inMemory, ...destruction }))(
    '%s',
    (title, script) => {
      const { text, reached } = play(script);
      expect(text).toBe(script);
      expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
    },
  );
});
