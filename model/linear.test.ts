import { describe, expect, test } from 'vitest';
import { playPaged, rowsOf, type PagedScenarios, type Tables } from './testing/tables.js';

const two: Tables = { mode: '2-level' };
const pae: Tables = { mode: 'pae' };
const four: Tables = { mode: '4-level' };

const pages: PagedScenarios = {
  '[A6] [A1] [A2] [A3] a linear access is as one to the page that its walk finds': [
    pae,
    `
    0  d1  pte      table=0x9 index=1 width=8 gfn=0x3 p+rw  ok
    1  d1  store    va=0x1008 u64 0x1122334455667788        ok
    2  d1  load     at=0x3+0x8 u64                          0x1122334455667788
    3  d1  xadd     va=0x1008 u8 0x88                       0x00000088
    4  d1  cmpxchg  va=0x1008 u16 expect=0x7710 put=0x1     0x00007710
    5  d1  cmpxchg  va=0x1008 u16 expect=0x5 put=0x6        0x00000001
    6  d1  load     va=0x1008 b3                            0x00660001
    7  d1  fetch    va=0x1009 b5                            0x0000003344556600`,
  ],
  '[A6] [A1] [A2] a page that no entry of the p2m is for is as a hole': [
    four,
    `
    0  d1  pte      table=0x9 index=1 width=8 gfn=0x15 p+rw       ok
    1  d1  pte      table=0x9 index=2 width=8 gfn=0xfffffff p+rw  ok
    2  d1  load     va=0x1000 u32                                 0xffffffff
    3  d1  store    va=0x1000 u32 0x5                             ok
    4  d1  load     va=0x2000 u64                                 0xffffffffffffffff
    5  d1  cmpxchg  va=0x1000 u32 expect=0xffffffff put=0x1       0xffffffff
    6  d1  load     at=0x9+0x8 u32                                0x00015063`,
  ],
  '[A6] [A1] [A2] a grant mapping is reached by any entries, superpages included': [
    two,
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 rw                     ok
    1  d2  store  at=0x4 u32 0x7                             ok
    2  d1  map    d2/3 at=0x30 rw                            ok
    3  d1  pte    table=0x8 index=1 width=4 gfn=0x0 p+rw+ps  ok
    4  d1  load   va=0x430000 u32                            0x00000007
    5  d1  load   va=0x401000 u32                            0x00000011
    6  d1  load   va=0x431000 u32                            0xffffffff
    7  d1  store  va=0x430000 u32 0x8                        ok
    8  d2  load   at=0x4 u32                                 0x00000008
    9  d1  load   at=0x8+0x4 u32                             0x000000e3`,
  ],
  '[A6] [A2] [A3] a store through a readonly grant mapping vanishes, whatever the entries allow': [
    { ...pae, cr0: 'pe+et+pg' },
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 ro                   ok
    1  d2  store  at=0x4 u32 0x7                           ok
    2  d1  map    d2/3 at=0x30 ro                          ok
    3  d1  pte    table=0x9 index=1 width=8 gfn=0x30 p+rw  ok
    4  d1  store  va=0x1000 u32 0x8                        ok
    5  d1  xadd   va=0x1000 u32 0x1                        0xffffffff
    6  d1  load   va=0x1000 u32                            0x00000007
    7  d1  load   at=0x9+0x8 u32                           0x00030063`,
  ],
  '[A6] [A2] without CR0.WP the kernel stores to a grant through a readonly entry': [
    { ...two, cr0: 'pe+et+pg' },
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 rw                ok
    1  d1  map    d2/3 at=0x30 rw                       ok
    2  d1  pte    table=0x9 index=1 width=4 gfn=0x30 p  ok
    3  d1  store  va=0x1000 u32 0x8                     ok
    4  d2  load   at=0x4 u32                            0x00000008`,
  ],
};

const crossings: PagedScenarios = {
  '[A6] an access across pages reaches the pages of both walks': [
    two,
    `
    0  d1  pte    table=0x9 index=1 width=4 gfn=0x3 p+rw  ok
    1  d1  pte    table=0x9 index=2 width=4 gfn=0x1 p+rw  ok
    2  d1  store  va=0x1ffe u32 0x44332211                ok
    3  d1  load   at=0x3+0xffe u16                        0x00002211
    4  d1  load   at=0x1 u32                              0x00004433
    5  d1  xadd   va=0x1ffe u32 0x10000                   0x44332211
    6  d1  load   va=0x1ffe u32                           0x44342211
    7  d1  fetch  va=0x1fff b3                            0x00443422`,
  ],
  '[A6] in 32-bit modes an access goes around the end of the address space': [
    two,
    `
    0  d1  pte    table=0x8 index=1023 width=4 gfn=0xc p+rw  ok
    1  d1  pte    table=0xc index=1023 width=4 gfn=0x3 p+rw  ok
    2  d1  pte    table=0x9 index=0 width=4 gfn=0x1 p+rw     ok
    3  d1  store  va=0xfffffffe u32 0x44332211               ok
    4  d1  load   at=0x3+0xffe u16                           0x00002211
    5  d1  load   at=0x1 u16                                 0x00004433`,
  ],
  '[W4] [A6] a fault of the first page names the operand, one of the second page its start': [
    four,
    `
    0  d1  store   va=0x1ffe u32 user 0x1                     #PF W+U va=0x1ffe
    1  d1  pte     table=0x9 index=1 width=8 gfn=0x1 p+rw+us  ok
    2  d1  store   va=0x1ffe u32 user 0x1                     #PF W+U va=0x2000
    3  d1  pte     table=0x9 index=2 width=8 gfn=0x2 p+us     ok
    4  d1  store   va=0x1ffe u32 user 0x1                     #PF P+W+U va=0x2000
    5  d1  load    va=0x1ffc u64                              0x0000002200000000
    6  d1  pte     table=0x9 index=1 width=8 gfn=0x1 p+rw     ok
    7  d1  invlpg  va=0x1000                                  done
    8  d1  store   va=0x1ffe u32 user 0x1                     #PF P+W+U va=0x1ffe`,
  ],
  'W6: where the second page faults the first one is neither marked nor written': [
    four,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw  ok
    1  d1  store  va=0x1ffe u32 0x44332211                #PF W va=0x2000
    2  d1  load   at=0x9+0x8 u32                          0x00001003
    3  d1  load   at=0x1+0xffe u16                        0x00000000
    4  d1  load   at=0x8 u32                              0x0000b007`,
  ],
  '[W6] where both are allowed the entries of both are marked': [
    four,
    `
    0  d1  pte    table=0x9 index=511 width=8 gfn=0x1 p+rw  ok
    1  d1  pte    table=0xa index=1 width=8 gfn=0xc p+rw    ok
    2  d1  pte    table=0xc index=0 width=8 gfn=0x2 p+rw    ok
    3  d1  store  va=0x1ffffe u32 0x44332211                ok
    4  d1  load   at=0x9+0xff8 u32                          0x00001063
    5  d1  load   at=0xc u32                                0x00002063
    6  d1  load   at=0xa u32                                0x00009027
    7  d1  load   at=0xa+0x8 u32                            0x0000c023`,
  ],
  '[A6] [A3.1] an addition that spans two grant mappings is an access of them both': [
    two,
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 ro                   ok
    1  d1  map    d2/3 at=0x30 ro                          ok
    2  d1  pte    table=0x9 index=1 width=4 gfn=0x30 p+rw  ok
    3  d1  pte    table=0x9 index=2 width=4 gfn=0x15 p+rw  ok
    4  d1  xadd   va=0x1ffe u32 0x1                        #GP
    5  d1  load   at=0x9+0x4 u64                           0x0001506300030063`,
  ],
};

const marks: PagedScenarios = {
  '[W6] a load marks every entry of its walk accessed, a store the last one dirty too': [
    four,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw  ok
    1  d1  load   va=0x1000 u32                           0x00000011
    2  d1  load   at=0x8 u32                              0x0000b027
    3  d1  load   at=0xb u32                              0x0000a027
    4  d1  load   at=0xa u32                              0x00009027
    5  d1  load   at=0x9+0x8 u32                          0x00001023
    6  d1  store  va=0x1000 u32 0x5                       ok
    7  d1  load   at=0x9+0x8 u32                          0x00001063
    8  d1  load   at=0xa u32                              0x00009027`,
  ],
  '[W6] the entry of a superpage is dirty, those above it are not': [
    pae,
    `
    0  d1  pte    table=0xa index=1 width=8 gfn=0x0 p+rw+ps  ok
    1  d1  store  va=0x201000 u32 0x5                        ok
    2  d1  load   at=0xa+0x8 u32                             0x000000e3
    3  d1  load   at=0x8 u32                                 0x0000a001`,
  ],
  '[W6] a compare and exchange that does not store marks the entry dirty': [
    two,
    `
    0  d1  pte      table=0x9 index=1 width=4 gfn=0x1 p+rw  ok
    1  d1  cmpxchg  va=0x1000 u32 expect=0x5 put=0x6        0x00000011
    2  d1  load     at=0x9+0x4 u32                          0x00001063`,
  ],
  'W6: nothing is marked where an access faults, whatever it faults for': [
    pae,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us  ok
    1  d1  store  va=0x1000 u32 0x5                       #PF P+W va=0x1000
    2  d1  load   va=0x2000 u32                           #PF 0 va=0x2000
    3  d1  load   at=0xa u32                              0x00009007
    4  d1  load   at=0x9+0x8 u32                          0x00001005`,
  ],
  '[W6] a page of tables that are mapped is marked like any other, while it is walked': [
    two,
    `
    0  d1  pte    table=0x9 index=9 width=4 gfn=0x9 p+rw  ok
    1  d1  load   va=0x9024 u32                           0x00009023
    2  d1  store  va=0x9004 u32 0x1003                    ok
    3  d1  load   va=0x9024 u32                           0x00009063
    4  d1  load   va=0x1000 u32                           0x00000011
    5  d1  xadd   va=0x9024 u32 0x0                       0x00009063`,
  ],
};

const fetches: PagedScenarios = {
  '[A4] [A6] without nested paging code runs in a grant mapping': [
    { ...pae, paging: 'shadow', efer: 'nxe' },
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 rw                   ok
    1  d2  store  at=0x4 u32 0x7                           ok
    2  d1  map    d2/3 at=0x30 rw                          ok
    3  d1  pte    table=0x9 index=1 width=8 gfn=0x30 p     ok
    4  d1  pte    table=0x9 index=2 width=8 gfn=0x30 p+nx  ok
    5  d1  fetch  va=0x1000 u32                            0x00000007
    6  d1  fetch  va=0x2000 u32                            #PF P+I va=0x2000
    7  d1  fetch  at=0x30                                  0x00000007`,
  ],
  '[A4.2] [A6] with nested paging code in a grant mapping crashes the domain': [
    { ...pae, paging: 'hap' },
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 rw                ok
    1  d1  map    d2/3 at=0x30 rw                       ok
    2  d1  pte    table=0x9 index=1 width=8 gfn=0x30 p  ok
    3  d1  fetch  va=0x1000 u32                         crashed
    4  d1  load   at=0x9+0x8 u32                        no_domain`,
  ],
  '[A4.3] without nested paging a fetch from a hole is a page fault': [
    { ...pae, paging: 'shadow', efer: 'nxe' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x15 p+us  ok
    1  d1  fetch  va=0x1234 u32 user                       #PF P+U+I va=0x1234
    2  d1  fetch  va=0x1234 u32                            #PF P+I va=0x1234
    3  d1  efer   value=0x0                                done
    4  d1  fetch  va=0x1234 u32                            #PF P+I va=0x1234
    5  d1  fetch  at=0x15+0x234                            #PF P+I va=0x15234
    6  d1  load   at=0x9+0x8 u32                           0x00015025`,
  ],
  '[A4.1] with nested paging a fetch from a hole is a general fault': [
    { ...pae, paging: 'hap', efer: 'nxe' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x15 p+us  ok
    1  d1  fetch  va=0x1234 u32 user                       #GP
    2  d1  load   at=0x9+0x8 u32                           0x00015025`,
  ],
};

const all = { pages, crossings, marks, fetches };

describe.each(Object.entries(all))('linear accesses: %s', (_, scenarios) => {
  test.each(rowsOf(scenarios))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});
