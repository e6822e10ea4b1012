import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';
import { playPaged, rowsOf, type PagedScenarios } from './testing/tables.js';

const scenarios: Scenarios = {
  '[D8] a log names the gfns that were written since it was enabled or cleaned': `
     0  d1    store      at=0x1 u32 0x5               ok
     1  tool  log_dirty  d1 enable                    ok
     2  tool  log_dirty  d1 peek                      dirty none
     3  d1    store      at=0x2 u32 0x5               ok
     4  d1    store      at=0x3+0xffe u32 0x55555555  ok
     5  d1    load       at=0x6 u32                   0x00000000
     6  tool  log_dirty  d1 peek                      dirty 0x2,0x3,0x4
     7  tool  log_dirty  d1 clean                     dirty 0x2,0x3,0x4
     8  d1    xadd       at=0x4 u32 0x1               0x00005555
     9  tool  log_dirty  d1 clean                     dirty 0x4
    10  tool  log_dirty  d1 clean                     dirty none
    11  tool  log_dirty  d1 disable                   ok`,
  '[D8] a log is of one domain, and begins anew when it is enabled anew': `
    0  tool  log_dirty  d1 enable       ok
    1  d1    store      at=0x1 u32 0x5  ok
    2  d2    store      at=0x2 u32 0x5  ok
    3  tool  log_dirty  d1 peek         dirty 0x1
    4  tool  log_dirty  d1 disable      ok
    5  d1    store      at=0x3 u32 0x5  ok
    6  tool  log_dirty  d1 enable       ok
    7  tool  log_dirty  d1 peek         dirty none`,
  '[D8] what the hypervisor writes is in the log: results, copies, a grant that is in use': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw    ok
    1  d2    store        at=0x5 u32 0x7            ok
    2  tool  log_dirty    d1 enable                 ok
    3  d1    setup_table  self frames=1 list=0x2    ok 0x20
    4  tool  log_dirty    d1 clean                  dirty 0x2
    5  d2    copy         self:0x5 -> d1/3 bytes=8  ok
    6  tool  log_dirty    d1 clean                  dirty 0x1
    7  d2    map          d1/3 at=0x30 ro           ok
    8  tool  log_dirty    d1 clean                  dirty 0x20`,
  '[D8] what another domain writes is in the log when its mapping has ended': `
    0  d1    grant      ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map        d1/3 at=0x30 rw         ok
    2  tool  log_dirty  d1 enable               ok
    3  d2    store      at=0x30 u32 0x5         ok
    4  tool  log_dirty  d1 peek                 dirty none
    5  d2    unmap      h1 at=0x30              ok
    6  tool  log_dirty  d1 peek                 dirty 0x1,0x20`,
  '[D8] so it is where the log was cleaned between the write and the end of the mapping': `
    0  tool  log_dirty  d1 enable               ok
    1  d1    grant      ref=3 to=d2 gfn=0x1 rw  ok
    2  d2    map        d1/3 at=0x30 rw         ok
    3  d2    store      at=0x30 u32 0x5         ok
    4  tool  log_dirty  d1 clean                dirty 0x20
    5  d2    unmap      h2 at=0x30              ok
    6  tool  log_dirty  d1 clean                dirty 0x1,0x20
    7  tool  log_dirty  d1 clean                dirty none`,
  '[D8] a page that was put at a gfn is in the log, a grant mapping and a hole are not': `
    0  d2    grant                 ref=3 to=d1 gfn=0x1 rw             ok
    1  tool  log_dirty             d1 enable                          ok
    2  d1    populate_physmap      self gfns=0x9                      1
    3  d1    add_to_physmap        self space=gmfn index=0x2 gfn=0xa  ok
    4  d1    decrease_reservation  self gfns=0x3                      1
    5  d1    map                   d2/3 at=0x30 rw                    ok
    6  d1    store                 at=0x30 u32 0x5                    ok
    7  tool  log_dirty             d1 peek                            dirty 0x9,0xa`,
  '[D8.1] [D8.2] a log is enabled once, of a domain that lives, and asked while enabled': `
     0  tool  log_dirty  d9 peek                 -ESRCH
     1  tool  log_dirty  d0 enable               -ESRCH
     2  tool  log_dirty  d1 peek                 -EINVAL
     3  tool  log_dirty  d1 clean                -EINVAL
     4  tool  log_dirty  d1 disable              -EINVAL
     5  tool  log_dirty  d1 enable               ok
     6  tool  log_dirty  d1 enable               -EINVAL
     7  d1    crash      crashed
     8  tool  log_dirty  d1 peek                 dirty none
     9  d2    grant      ref=3 to=d3 gfn=0x1 rw  ok
    10  d3    map        d2/3 at=0x30 rw         ok
    11  tool  destroy    d2                      ok
    12  tool  log_dirty  d2 enable               -ESRCH
    13  d3    load       at=0x30 u32             0x00000000`,
};

const paged: PagedScenarios = {
  '[D8] [W6] a walk that marks entries writes their tables': [
    { mode: '4-level' },
    `
     0  d1    pte        table=0x9 index=1 width=8 gfn=0x1 p+rw  ok
     1  tool  log_dirty  d1 enable                               ok
     2  d1    load       va=0x1000 u32                           0x00000011
     3  tool  log_dirty  d1 clean                                dirty 0x8,0x9,0xa,0xb
     4  d1    load       va=0x1000 u32                           0x00000011
     5  tool  log_dirty  d1 clean                                dirty none
     6  d1    store      va=0x1000 u32 0x5                       ok
     7  tool  log_dirty  d1 clean                                dirty 0x1,0x9
     8  d1    store      va=0x1000 u32 0x6                       ok
     9  tool  log_dirty  d1 clean                                dirty 0x1
    10  d1    store      va=0x1000 u32 user 0x7                  #PF P+W+U va=0x1000
    11  d1    store      va=0x2000 u32 0x7                       #PF W va=0x2000
    12  tool  log_dirty  d1 clean                                dirty none`,
  ],
};

describe('the log of writes', () => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });

  test.each(rowsOf(paged))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});
