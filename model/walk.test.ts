import { describe, expect, test } from 'vitest';
import { play } from './testing/scenario.js';
import { playPaged, rowsOf, type PagedScenarios, type Tables } from './testing/tables.js';

const two: Tables = { mode: '2-level' };
const pae: Tables = { mode: 'pae' };
const four: Tables = { mode: '4-level' };

const modes: PagedScenarios = {
  '[W1] 2-level: ten bits, ten bits, and twelve within the page': [
    two,
    `
    0  d1  pte   table=0x9 index=1023 width=4 gfn=0x2 p  ok
    1  d1  pte   table=0x8 index=513 width=4 gfn=0xc p   ok
    2  d1  pte   table=0xc index=3 width=4 gfn=0x3 p     ok
    3  d1  load  va=0x3ff000 u32                         0x00000022
    4  d1  load  va=0x80403000 u32                       0x00000033
    5  d1  load  va=0x80403001 u16                       0x00000000`,
  ],
  '[W1] without long mode the high half of a linear address is ignored': [
    two,
    `
    0  d1  pte   table=0x9 index=1 width=4 gfn=0x2 p  ok
    1  d1  load  va=0x1234567800001000 u32            0x00000022`,
  ],
  '[W1] PAE: two bits, nine, nine, and twelve within the page': [
    pae,
    `
    0  d1  pte   table=0x9 index=511 width=8 gfn=0x2 p  ok
    1  d1  pte   table=0xa index=511 width=8 gfn=0xc p  ok
    2  d1  pte   table=0xc index=3 width=8 gfn=0x3 p    ok
    3  d1  load  va=0x1ff000 u32                        0x00000022
    4  d1  load  va=0x3fe03000 u32                      0x00000033
    5  d1  load  va=0x13fe03000 u32                     0x00000033`,
  ],
  '[W1] 4-level: four times nine bits, and twelve within the page': [
    four,
    `
    0  d1  pte   table=0x8 index=511 width=8 gfn=0xb p  ok
    1  d1  pte   table=0xb index=510 width=8 gfn=0xa p  ok
    2  d1  pte   table=0xa index=509 width=8 gfn=0xc p  ok
    3  d1  pte   table=0xc index=508 width=8 gfn=0x3 p  ok
    4  d1  load  va=0xffffffffbfbfc000 u32              0x00000033`,
  ],
  '[W1] a 2-level table that names itself is its own pages’ table': [
    two,
    `
    0  d1  pte   table=0x9 index=5 width=4 gfn=0x3 p+0xe00  ok
    1  d1  pte   table=0x8 index=1023 width=4 gfn=0x8 p+rw  ok
    2  d1  load  va=0xffc00014 u32                          0x00003e01
    3  d1  load  va=0xfffff000 u32                          0x00009027`,
  ],
  '[W1] a table of four levels that names itself is its own pages’ table': [
    four,
    `
    0  d1  pte   table=0x9 index=5 width=8 gfn=0x3 p+0xe00  ok
    1  d1  pte   table=0x8 index=256 width=8 gfn=0x8 p+rw   ok
    2  d1  load  va=0xffff800000000028 u64                  0x00003e01
    3  d1  load  va=0xffff804020100800 u64                  0x00008023`,
  ],
  '[W1.1] in long mode every byte of an access has a canonical address, or it is refused at once': [
    four,
    `
    0  d1  load   va=0x800000000000 u8               #GP
    1  d1  load   va=0xffff7fffffffffff u8           #GP
    2  d1  store  va=0x7ffffffffffd u32 0x1          #GP
    3  d1  fetch  va=0x7ffffffffffd b3               #PF 0 va=0x7ffffffffffd
    4  d1  load   va=0xfffffffffffffffd u32          #PF 0 va=0xfffffffffffffffd
    5  d1  xadd   va=0x8000000000001000 u8 user 0x1  #GP
    6  d1  load   va=0x7fffffffffff u8               #PF 0 va=0x7fffffffffff
    7  d1  load   va=0xffff800000000000 u8           #PF 0 va=0xffff800000000000`,
  ],
};

const tables: PagedScenarios = {
  '[W5.1] a walk ends where there is no table, as if nothing were present': [
    four,
    `
    0  d1  pte    table=0xa index=1 width=8 gfn=0x1000 p+rw+us     ok
    1  d1  pte    table=0xb index=1 width=8 gfn=0xfffffff p+rw+us  ok
    2  d1  load   va=0x200000 u32                                  #PF 0 va=0x200000
    3  d1  store  va=0x40000000 u32 user 0x1                       #PF W+U va=0x40000000`,
  ],
  '[W5.1] without nested paging there is no table behind a grant mapping': [
    { ...two, paging: 'shadow' },
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 rw                ok
    1  d2  pte    table=0x4 index=1 width=4 gfn=0x2 p   ok
    2  d1  map    d2/3 at=0x30 rw                       ok
    3  d1  pte    table=0x8 index=1 width=4 gfn=0x30 p  ok
    4  d1  load   va=0x401000 u32                       #PF 0 va=0x401000
    5  d1  load   at=0x30+0x4 u32                       0x00002001`,
  ],
  '[W5] nested hardware walks a table behind a grant mapping, and marks it': [
    { ...two, paging: 'hap' },
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 rw                ok
    1  d2  pte    table=0x4 index=1 width=4 gfn=0x2 p   ok
    2  d1  map    d2/3 at=0x30 rw                       ok
    3  d1  pte    table=0x8 index=1 width=4 gfn=0x30 p  ok
    4  d1  load   va=0x401000 u32                       0x00000022
    5  d2  load   at=0x4+0x4 u32                        0x00002021`,
  ],
  '[W5.2] behind a readonly grant mapping an entry must be marked already': [
    { ...two, paging: 'hap' },
    `
     0  d2  grant  ref=3 to=d1 gfn=0x4 ro                      ok
     1  d2  pte    table=0x4 index=1 width=4 gfn=0x2 p+rw      ok
     2  d1  map    d2/3 at=0x30 ro                             ok
     3  d1  pte    table=0x8 index=1 width=4 gfn=0x30 p+rw     ok
     4  d1  load   va=0x401000 u32                             #PF 0 va=0x401000
     5  d1  load   at=0x8+0x4 u32                              0x00030003
     6  d2  pte    table=0x4 index=1 width=4 gfn=0x2 p+rw+a    ok
     7  d1  load   va=0x401000 u32                             0x00000022
     8  d1  store  va=0x401000 u32 0x5                         #PF W va=0x401000
     9  d2  pte    table=0x4 index=1 width=4 gfn=0x2 p+rw+a+d  ok
    10  d1  store  va=0x401000 u32 0x5                         ok`,
  ],
  '[W5] the hypervisor’s own pages are RAM of the domain, and can be read as tables': [
    pae,
    `
    0  d1  store  at=0x20+0x8 u64 0x2001                ok
    1  d1  pte    table=0xa index=1 width=8 gfn=0x20 p  ok
    2  d1  load   va=0x201000 u32                       0x00000022
    3  d1  load   at=0x20+0x8 u32                       0x00002021`,
  ],
  '[W7] [C7] PAE: the top level is as it was when CR3 was loaded': [
    pae,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p    ok
    1  d1  pte   table=0x8 index=3 width=8 gfn=0xa p    ok
    2  d1  pte   table=0x8 index=0 width=8 gfn=0x7 0x0  ok
    3  d1  load  va=0x1000 u32                          0x00000011
    4  d1  load  va=0xc0001000 u32                      #PF 0 va=0xc0001000
    5  d1  cr3   value=0x8000                           done
    6  d1  load  va=0x1000 u32                          #PF 0 va=0x1000
    7  d1  load  va=0xc0001000 u32                      0x00000011`,
  ],
  '[W7.1] [W7] PAE: an entry of the top level that is not present faults; none is marked': [
    pae,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p  ok
    1  d1  store  va=0x40000000 u32 user 0x1           #PF W+U va=0x40000000
    2  d1  load   va=0x1000 u32                        0x00000011
    3  d1  load   at=0x8 u64                           0x0000a001
    4  d1  load   at=0xa u64                           0x00009027`,
  ],
};

const all = { modes, tables };

describe.each(Object.entries(all))('walks: %s', (_, scenarios) => {
  test.each(rowsOf(scenarios))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});

describe('without paging', () => {
  test('[W1] a linear address is a physical one, modulo 4 GiB', () => {
    const script = `
    0  d1  store  va=0x1010 u32 0x44         ok
    1  d1  load   at=0x1+0x10 u32            0x00000044
    2  d1  load   va=0x7700001010 u32 user   0x00000044
    3  d1  load   va=0xffffffff u16          0x000000ff
    4  d1  efer   value=lme                  done
    5  d1  load   va=0x8000000000001010 u32  0x00000044`;
    expect(play(script).text).toBe(script);
  });
});
