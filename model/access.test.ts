import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const scenarios: Scenarios = {
  '[A1] a load answers the bytes at an address, least significant first': `
    0  d1  store  at=0x1+0x1 u64 0x8877665544332211  ok
    1  d1  load   at=0x1 u32                         0x33221100
    2  d1  load   at=0x1+0x2 b3                      0x00443322
    3  d1  load   at=0x1+0x4 b5                      0x0000008877665544
    4  d1  load   at=0x1+0x8 u8                      0x00000088`,
  '[A1] a load of a hole is all ones, byte for byte where it begins in RAM': `
    0  d1  load   at=0x9 u64                           0xffffffffffffffff
    1  d1  load   at=0x9 b3                            0x00ffffff
    2  d1  store  at=0x7+0xffd u64 0x0807060504030201  ok
    3  d1  load   at=0x7+0xffd u64                     0xffffffffff030201
    4  d1  load   at=0x1fffffffff+0xff8 u64            0xffffffffffffffff`,
  '[A1] a load across pages sees each of them, wherever its frame is': `
    0  d1  store  at=0x1+0xffe u16 0x2211  ok
    1  d1  store  at=0x2 u32 0x66554433    ok
    2  d1  load   at=0x1+0xffe u32         0x44332211`,
  '[A1] a load that spans a grant mapping and a hole sees neither': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d2  load   at=0x30+0xffc u64       0xffffffffffffffff
    3  d2  load   at=0x30+0xffc u32       0x00000000`,
  '[A2] a store changes the bytes stored and no others': `
    0  d1  store  at=0x1 u64 0x1111111111111111  ok
    1  d1  store  at=0x1+0x3 b3 0xaaccddee       ok
    2  d1  load   at=0x1 u64                     0x1111ccddee111111`,
  '[A2] a store across pages reaches each of them': `
    0  d1  store  at=0x1+0xffd u64 0x0807060504030201  ok
    1  d1  load   at=0x1+0xff8 u64                     0x0302010000000000
    2  d1  load   at=0x2 u64                           0x0000000807060504`,
  '[A2] a store to a hole or a readonly grant mapping vanishes': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro       ok
    1  d2  map    d1/3 at=0x8 ro               ok
    2  d2  store  at=0x9 u32 0x5               ok
    3  d2  store  at=0x8 u32 0x5               ok
    4  d2  store  at=0x7+0xffe u32 0x44332211  ok
    5  d2  load   at=0x7+0xffe u32             0x00002211
    6  d1  load   at=0x1 u64                   0x00000000`,
  '[A2] a store that spans a grant mapping and a page it may not write reaches RAM only': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw           ok
    1  d2  map    d1/3 at=0x8 rw ; d1/3 at=0x9 ro  ok ; ok
    2  d2  store  at=0x7+0xffe u32 0x44332211      ok
    3  d1  load   at=0x1 u32                       0x00004433
    4  d2  store  at=0x8+0xffe u32 0x44332211      ok
    5  d1  load   at=0x1+0xffc u32                 0x00000000`,
  '[A3] a compare and exchange answers the old value and stores if it was expected': `
    0  d1  store    at=0x1 u32 0x5                      ok
    1  d1  cmpxchg  at=0x1 u32 expect=0x5 put=0x6       0x00000005
    2  d1  cmpxchg  at=0x1 u32 expect=0x5 put=0x7       0x00000006
    3  d1  load     at=0x1 u32                          0x00000006
    4  d1  cmpxchg  at=0x1 u8 expect=0xff06 put=0xff08  0x00000006
    5  d1  load     at=0x1 u32                          0x00000008`,
  '[A3] an exchange and add answers the old value and stores the sum, within its size': `
    0  d1  store  at=0x1 u64 0x00000001ffffffff  ok
    1  d1  xadd   at=0x1 u64 0x2                 0x00000001ffffffff
    2  d1  load   at=0x1 u64                     0x0000000200000001
    3  d1  xadd   at=0x1 u8 0xff                 0x00000001
    4  d1  load   at=0x1 u64                     0x0000000200000000`,
  '[A3] an exchange and add carries from the low half to the high one': `
    0  d1  store  at=0x1 u64 0x00000001fffffffe  ok
    1  d1  xadd   at=0x1 u64 0x0000000300000001  0x00000001fffffffe
    2  d1  load   at=0x1 u64                     0x00000004ffffffff
    3  d1  xadd   at=0x1 u64 0x1                 0x00000004ffffffff
    4  d1  load   at=0x1 u64                     0x0000000500000000`,
  '[A3] an atomic that cannot store answers all ones, though a load sees the page': `
    0  d1  grant    ref=3 to=d2 gfn=0x1 ro                ok
    1  d1  store    at=0x1 u32 0x5                        ok
    2  d2  map      d1/3 at=0x30 ro                       ok
    3  d2  cmpxchg  at=0x30 u32 expect=0x5 put=0x6        0xffffffff
    4  d2  xadd     at=0x30 u16 0x1                       0x0000ffff
    5  d2  cmpxchg  at=0x9 u32 expect=0xffffffff put=0x6  0xffffffff
    6  d2  load     at=0x30 u32                           0x00000005`,
  '[A3] an atomic through a writable grant mapping changes the granter’s page': `
    0  d1  grant    ref=3 to=d2 gfn=0x1 rw         ok
    1  d2  map      d1/3 at=0x30 rw                ok
    2  d2  xadd     at=0x30 u32 0x5                0x00000000
    3  d1  cmpxchg  at=0x1 u32 expect=0x5 put=0x6  0x00000005
    4  d2  load     at=0x30 u32                    0x00000006`,
  '[A3] across RAM and a hole an exchange and add stores in the RAM, the other atomic nothing': `
    0  d1  xadd     at=0x7+0xffe u32 0x1                        0xffff0000
    1  d1  load     at=0x7+0xffe u16                            0x00000001
    2  d1  cmpxchg  at=0x7+0xffe u32 expect=0xffff0001 put=0x5  0xffff0001
    3  d1  load     at=0x7+0xffe u32                            0xffff0001`,
  '[A3.1] an exchange and add faults where it spans two pages, neither of them RAM': `
    0  d1  grant    ref=3 to=d2 gfn=0x1 rw               ok
    1  d2  map      d1/3 at=0x30 rw                      ok
    2  d2  xadd     at=0x30+0xffe u32 0x1                #GP
    3  d2  xadd     at=0x9+0xffe u32 0x1                 #GP
    4  d2  xadd     at=0x9+0xffc u32 0x1                 0xffffffff
    5  d2  cmpxchg  at=0x9+0xffe u32 expect=0x1 put=0x1  0xffffffff`,
  '[A4] a fetch from RAM answers the bytes there': `
    0  d1  store  at=0x1 u64 0x1122334455667788  ok
    1  d1  fetch  at=0x1                         0x1122334455667788`,
  '[A4.1] a fetch raises #GP where nothing is': `
    0  d1  fetch  at=0x9     #GP
    1  d1  load   at=0x1 u8  0x00000000`,
  '[A4.2] a fetch from a grant mapping crashes the domain': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d2  fetch  at=0x30                 crashed
    3  d2  load   at=0x1 u8               no_domain`,
  '[A5] a hypercall does not write its result through a grant mapping': `
    0  d1  grant        ref=3 to=d2 gfn=0x1 rw   ok
    1  d2  map          d1/3 at=0x30 rw          ok
    2  d2  setup_table  self frames=1 list=0x30  bad_virt_addr
    3  d1  load         at=0x1 u64               0x00000000`,
  '[A5] a hypercall does not write its result through a mapping of the caller’s own grant': `
    0  d1  grant        ref=3 to=d1 gfn=0x1 rw   ok
    1  d1  map          d1/3 at=0x30 rw          ok
    2  d1  setup_table  self frames=1 list=0x30  bad_virt_addr
    3  d1  load         at=0x30 u64              0x00000000`,
  '[A5] a hypercall writes its result across the end of the first page': `
    0  d1  setup_table  self frames=1 list=0x0+0xfff  ok 0x20
    1  d1  load         at=0x0+0xfff u64              0x00000020`,
  '[A5] a hypercall writes its result to the caller’s RAM, as far as that goes': `
    0  d1  setup_table  self frames=1 list=0x1+0xfff  ok 0x20
    1  d1  load         at=0x1+0xfff u64              0x00000020
    2  d1  setup_table  self frames=1 list=0x7+0xfff  bad_virt_addr
    3  d1  load         at=0x7+0xfff u8               0x00000020`,
};

describe('accesses', () => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
