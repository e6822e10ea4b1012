import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const scenarios: Scenarios = {
  '[H1] [H3] a device model sees its guest’s page, and writes it': `
    0  d1    store        at=0x3 u64 0x1357           ok
    1  tool  map_foreign  w1 d1:0x3 rw                ok
    2  d0    load         at=0x801 u64                0x00001357
    3  d0    store        at=0x801+0x8 u32 0x2468     ok
    4  d0    cmpxchg      at=0x801+0x8 u32 expect=0x2468 put=0x1  0x00002468
    5  d0    cmpxchg      at=0x801+0x8 u32 expect=0x2468 put=0x2  0x00000001
    6  d1    load         at=0x3+0x8 u32              0x00000001`,
  '[H1.1] there is no such domain: a special id, or the control domain by its number': `
    0  tool  map_foreign  w1 d7:0x3 rw       -ESRCH
    1  tool  map_foreign  w1 d0:0x3 rw       -ESRCH
    2  tool  map_foreign  w1 invalid:0x3 rw  -ESRCH`,
  '[H1.2] there is no such window, whatever the page': `
    0  tool  map_foreign  w512 d1:0x3 rw   -EINVAL
    1  tool  map_foreign  w512 self:0x3 rw  -EINVAL`,
  '[H1.3] a page of a guest is not the control domain’s, nor memory of devices': `
    0  tool  map_foreign  w1 self:0x9 rw  -EBUSY
    1  tool  map_foreign  w1 io:0x3 ro    -EBUSY
    2  tool  map_foreign  w1 xen:0x3 ro   -EBUSY`,
  '[H1.4] a hole and a grant mapping are no pages of the domain’s own': `
    0  d2    grant        ref=3 to=d1 gfn=0x1 rw  ok
    1  d1    map          d2/3 at=0x30 rw         ok
    2  tool  map_foreign  w1 d1:0x30 ro           -EINVAL
    3  tool  map_foreign  w1 d1:0x9 ro            -EINVAL
    4  tool  map_foreign  w1 d1:0x20 ro           ok`,
  '[H1] a refusal leaves what was in the window, a success replaces it': `
    0  tool  map_foreign  w1 d1:0x3 rw    ok
    1  d1    store        at=0x3 u8 0x5   ok
    2  tool  map_foreign  w1 d1:0x9 rw    -EINVAL
    3  d0    load         at=0x801 u8     0x00000005
    4  tool  map_foreign  w1 d1:0x4 rw    ok
    5  d0    load         at=0x801 u8     0x00000000`,
  '[H2] [H3.1] an empty window faults, also where an access only ends in it': `
    0  tool  map_foreign   w1 d1:0x3 rw                ok
    1  d0    load          at=0x801+0xffc u64          #PF 0 va=0x802000
    2  d0    store         at=0x801+0xffc u64 0x1      #PF W va=0x802000
    3  tool  unmap_window  w1                          ok
    4  tool  unmap_window  w1                          ok
    5  d0    load          at=0x801+0xffc u64          #PF 0 va=0x801ffc`,
  '[H2.1] there is no such window to empty': `
    0  tool  unmap_window  w512  -EINVAL`,
  '[H3.2] a readonly window is not written, not even by a comparison that fails': `
    0  tool  map_foreign  w1 d1:0x3 ro                     ok
    1  d0    store        at=0x801 u32 0x1                 #PF P+W va=0x801000
    2  d0    cmpxchg      at=0x801 u32 expect=0x7 put=0x1  #PF P+W va=0x801000
    3  d0    load         at=0x801 u32                     0x00000000`,
  '[H4] what a window holds stays, though its guest gave it up, and was destroyed': `
     0  d1    store                 at=0x3 u32 0x99         ok
     1  tool  map_foreign           w1 d1:0x3 rw            ok
     2  tool  map_foreign           w2 d1:0x3 ro            ok
     3  d1    decrease_reservation  self gfns=0x3           1
     4  tool  domain_info           d1                      pages=8 maximum=14
     5  tool  destroy               d1                      ok
     6  tool  domain_info           d1                      pages=1 maximum=14 dying
     7  d0    load                  at=0x801 u32            0x00000099
     8  tool  unmap_window          w1                      ok
     9  d0    load                  at=0x802 u32            0x00000099
    10  tool  map_foreign           w2 d2:0x3 rw            ok
    11  tool  domain_info           d1                      -ESRCH`,
  '[H3] of a guest’s log what the device model writes is no exception [D8]': `
    0  tool  map_foreign  w1 d1:0x3 rw           ok
    1  tool  log_dirty    d1 enable              ok
    2  d0    store        at=0x801 u32 0x99      ok
    3  tool  log_dirty    d1 peek                dirty 0x3`,
  '[H5] the control domain’s pages are behind the windows, and named by machine frame': `
    machine whole domains=1 vcpus=1
    0  d0    store        at=0xa01 u32 0x99   ok
    1  tool  map_foreign  w1 self:0x1 ro      ok
    2  d0    load         at=0x801 u32        0x00000099
    3  d0    load         at=0xa03 u32        #PF 0 va=0xa03000`,
};

describe('the windows of the control domain', () => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
