import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const scenarios: Scenarios = {
  '[G16] [G17] the control domain maps a grant in a window, and unmaps it there': `
    0  d1  store  at=0x3 u32 0x1357          ok
    1  d1  grant  ref=3 to=d0 gfn=0x3 rw     ok
    2  d0  map    d1/3 at=0x802 rw           ok
    3  d0  load   at=0x802 u32               0x00001357
    4  d0  store  at=0x802 u32 0x2468        ok
    5  d1  load   at=0x3 u32                 0x00002468
    6  d1  load   at=0x20+0x18 u16           0x00000019
    7  d0  unmap  h2 at=0x802                ok
    8  d0  load   at=0x802 u32               #PF 0 va=0x802000
    9  d1  load   at=0x20+0x18 u16           0x00000001`,
  '[G16] [G17.3] a handle is unmapped where its frame is, and with the same right to write': `
    0  d1  grant  ref=3 to=d0 gfn=0x3 rw     ok
    1  d0  map    d1/3 at=0x802 rw           ok
    2  d0  map    d1/3 at=0x803 ro           ok
    3  d0  unmap  h1 at=0x803                general_error
    4  d0  unmap  h1 at=0x804                general_error
    5  d0  unmap  h2 at=0x803                ok
    6  d0  unmap  h1 at=0x802                ok`,
  '[G16] by the address of its entry a page is mapped and unmapped, and by no other': `
    0  d1  grant  ref=3 to=d0 gfn=0x3 rw              ok
    1  d0  map    d1/3 at=0x10000000+0x10 flags=0x12  ok
    2  d0  load   at=0x802 u32                        0x00000000
    3  d0  unmap  h1 at=0x802                         general_error
    4  d0  unmap  h1 at=0x10000000+0x10               ok`,
  '[G16] two parts of a mapping end one by one, and the grant is in use until both did [G17]': `
    0  d1  grant  ref=3 to=d0 gfn=0x3 rw     ok
    1  d0  map    d1/3 at=0x802 flags=0x3    ok
    2  d0  unmap  h1 at=0x802                ok
    3  d1  load   at=0x20+0x18 u16           0x00000019
    4  d0  unmap  h1 at=0x0                  ok
    5  d0  unmap  h1 at=0x803                ok
    6  d0  unmap  h1 at=0x0 dev=0x1          bad_dev_addr
    7  d1  swap   3 4                        eagain`,
  '[G17.2] the device address must be that of the frame, also for the host part': `
    0  d1  grant  ref=3 to=d0 gfn=0x3 rw     ok
    1  d0  map    d1/3 at=0x802 flags=0x3    ok
    2  d0  unmap  h1 at=0x802 dev=0x1        bad_dev_addr
    3  d0  load   at=0x802 u32               0x00000000`,
  '[G17.1] a handle that is over is none': `
    0  d1  grant  ref=3 to=d0 gfn=0x3 rw     ok
    1  d0  map    d1/3 at=0x802 rw           ok
    2  d0  unmap  h1 at=0x802                ok
    3  d0  unmap  h1 at=0x802                bad_handle`,
  '[G16] what is overwritten is let go, and its handle is left behind': `
     0  d1    grant                 ref=3 to=d0 gfn=0x3 rw  ok
     1  d0    map                   d1/3 at=0x802 rw        ok
     2  d0    map                   d1/3 at=0x802 rw        ok
     3  d0    unmap                 h1 at=0x802             ok
     4  d0    unmap                 h2 at=0x802             general_error
     5  d1    load                  at=0x20+0x18 u16        0x00000019
     6  tool  destroy               d1                      ok
     7  tool  domain_info           d1                      -ESRCH
     8  d0    unmap                 h2 at=0x802             bad_handle`,
  '[G16.1] a page that is gone is not mapped again, though its grant is in use [G4.7]': `
    0  d1    grant                 ref=3 to=d0 gfn=0x3 rw        ok
    1  d0    map                   d1/3 at=0x802 rw              ok
    2  tool  unmap_window          w2                            ok
    3  d1    decrease_reservation  self gfns=0x3                 1
    4  d0    map                   d1/3 at=0x802 rw              general_error
    5  d0    copy                  d1/3 -> d1/3 bytes=8          bad_domain
    6  d0    unmap                 h1 at=0x0                     ok`,
  '[G17.1] a handle that no page holds goes with its granter, where real Xen keeps it': `
    0  d1    grant                 ref=3 to=d0 gfn=0x3 rw    ok
    1  d0    map                   d1/3 at=0x802 rw          ok
    2  tool  unmap_window          w2                        ok
    3  tool  destroy               d1                        ok
    4  tool  domain_info           d1                        -ESRCH
    5  d0    unmap                 h1 at=0x802               bad_handle
    6  tool  create                d1                        ok
    7  d0    unmap                 h1 at=0x802               bad_handle`,
  '[G16.2] there is no linear page at the address, or no entry': `
    0  d1  grant  ref=3 to=d0 gfn=0x3 rw              ok
    1  d0  map    d1/3 at=0x1 rw                      general_error
    2  d0  map    d1/3 at=0x10000000+0x4 flags=0x12   general_error
    3  d1  load   at=0x20+0x18 u16                    0x00000001`,
  '[G18] another entry moves to where the mapping was': `
    0  d1    grant              ref=3 to=d0 gfn=0x3 rw    ok
    1  d1    store              at=0x4 u32 0x44           ok
    2  d0    map                d1/3 at=0x802 rw          ok
    3  tool  map_foreign        w4 d1:0x4 rw              ok
    4  d0    unmap_and_replace  h2 at=0x802 new=0x804     ok
    5  d0    load               at=0x802 u32              0x00000044
    6  d0    load               at=0x804 u32              #PF 0 va=0x804000
    7  d1    load               at=0x20+0x18 u16          0x00000001`,
  '[G18] without a new address it unmaps; of a device mapping nothing ends': `
    0  d1  grant              ref=3 to=d0 gfn=0x3 rw   ok
    1  d0  map                d1/3 at=0x802 flags=0x3  ok
    2  d0  unmap_and_replace  h1 at=0x0 new=0x804      ok
    3  d0  unmap_and_replace  h1 at=0x802 new=0x0      ok
    4  d0  load               at=0x802 u32             #PF 0 va=0x802000
    5  d0  unmap_and_replace  h1 at=0x802 new=0x0      ok
    6  d1  load               at=0x20+0x18 u16         0x00000019`,
  '[G18.1] a handle of nobody is not replaced': `
    0  d0  unmap_and_replace  #7 at=0x802 new=0x804  bad_handle`,
  '[G18.2] [G18.3] what was mapped by its entry is not replaced, nor by what has no entry': `
    0  d1  grant              ref=3 to=d0 gfn=0x3 rw              ok
    1  d0  map                d1/3 at=0x10000000+0x10 flags=0x12  ok
    2  d0  map                d1/3 at=0x803 rw                    ok
    3  d0  unmap_and_replace  h1 at=0x10000000+0x10 new=0x804     general_error
    4  d0  unmap_and_replace  h2 at=0x803 new=0x1                 general_error`,
  '[G18.4] an entry that was taken is lost where the mapping is not found': `
    0  d1    grant              ref=3 to=d0 gfn=0x3 rw    ok
    1  d0    map                d1/3 at=0x802 rw          ok
    2  tool  map_foreign        w4 d1:0x4 rw              ok
    3  d0    unmap_and_replace  h1 at=0x803 new=0x804     general_error
    4  d0    load               at=0x804 u32              #PF 0 va=0x804000
    5  d0    unmap_and_replace  h1 at=0x802 new=0x802     general_error
    6  d0    load               at=0x802 u32              #PF 0 va=0x802000`,
  '[G19] the control domain is told where status frames are': `
    0  d1  set_version        2                                                   ok v2
    1  d1  add_to_physmap     self space=grant_table index=0x80000000 gfn=0x28    ok
    2  d0  get_status_frames  d1 frames=1                                         ok 0x28
    3  d0  get_status_frames  d1 frames=0                                         ok`,
  '[G19.1] [G19.2] [G19.3] it asks for one table, that is there, for as many as there are': `
    0  d0  get_status_frames  d1 frames=0 count=2  -EINVAL
    1  d0  get_status_frames  d9 frames=0          bad_domain
    2  d0  get_status_frames  d1 frames=1          general_error`,
  '[G11] [G11.1] a guest has none of these calls': `
    0  d1  unmap_and_replace  #0 at=0x802 new=0x804  -ENOSYS
    1  d1  get_status_frames  self frames=0          -ENOSYS`,
  '[G6] [H5] the control domain grants pages of its own, from a table it sees in a window': `
    machine whole domains=1 vcpus=1
    0  d0    setup_table  self frames=1               ok 0x54
    1  tool  map_foreign  w5 self:0x54 rw             ok
    2  d0    grant        ref=3 to=d1 gfn=0x2 rw table=0x805  ok
    3  d0    store        at=0xa02 u32 0xd0           ok
    4  d1    map          d0/3 at=0x30 rw             ok
    5  d1    load         at=0x30 u32                 0x000000d0
    6  d1    store        at=0x30 u32 0xd1            ok
    7  d0    load         at=0xa02 u32                0x000000d1
    8  d0    load         at=0x805+0x18 u16           0x00000019
    9  tool  destroy      d1                          ok
   10  d0    load         at=0x805+0x18 u16           0x00000001`,
  '[G15] [G16] a mapping may lose its page to later elements of its batch, and keep its handle': `
    machine whole domains=1 vcpus=1
    0  tool  map_foreign           w5 self:0x54 rw                                      ok
    1  d0    grant                 ref=8 to=d0 gfn=0x1 rw table=0x805                   ok
    2  d1    grant                 ref=3 to=d0 gfn=0x3 rw                               ok
    3  d0    map                   d1/3 at=0x802 rw                                     ok
    4  d1    decrease_reservation  self gfns=0x3                                        1
    5  d0    map                   d1/3 at=0x803 rw ; d0/8 at=0x802 rw ; d0/8 at=0x803 rw  ok ; ok ; ok
    6  d0    map                   d1/3 at=0x804 rw                                     general_error
    7  d1    load                  at=0x20+0x18 u16                                     0x00000019`,
};

describe('grant mappings of the control domain', () => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
