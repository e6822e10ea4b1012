import { describe, expect, test } from 'vitest';
import { playPaged, rowsOf, type PagedScenarios, type Tables } from './testing/tables.js';

const two: Tables = { mode: '2-level' };
const pae: Tables = { mode: 'pae' };
const four: Tables = { mode: '4-level' };
const nested = {
  paging: 'hap',
  ram: '0x0+16,0x40000+2,0x100000+2',
  machine: 'guest_frames=96',
} as const;

const superpages: PagedScenarios = {
  '[W1] 2-level with CR4.PSE: an entry of 4 MiB maps 1024 pages': [
    two,
    `
    0  d1  pte   table=0x8 index=2 width=4 gfn=0x0 p+rw+ps  ok
    1  d1  load  va=0x801000 u32                            0x00000011
    2  d1  load  va=0x803000 u32                            0x00000033
    3  d1  load  va=0xbff000 u32                            0xffffffff
    4  d1  load  at=0x8+0x8 u32                             0x000000a3`,
  ],
  '[W1] 2-level without CR4.PSE: the same entry names a table, and no bit of it is reserved': [
    two,
    `
    0  d1  cr4   value=0x0                                  done
    1  d1  pte   table=0x8 index=2 width=4 gfn=0xd p+rw+ps  ok
    2  d1  pte   table=0xd index=1 width=4 gfn=0x2 p        ok
    3  d1  load  va=0x801000 u32                            0x00000022
    4  d1  load  at=0x8+0x8 u32                             0x0000d0a3`,
  ],
  '[W2.2] 2-level without PSE36: bits 13 to 21 of a 4 MiB entry are reserved, bit 12 is not': [
    { ...two, machine: 'pse36=off' },
    `
    0  d1  pte   table=0x8 index=2 width=4 gfn=0x1 p+ps    ok
    1  d1  pte   table=0x8 index=3 width=4 gfn=0x2 p+ps    ok
    2  d1  pte   table=0x8 index=4 width=4 gfn=0x200 p+ps  ok
    3  d1  pte   table=0x8 index=5 width=4 gfn=0x400 p+ps  ok
    4  d1  load  va=0x801000 u32                           0x00000011
    5  d1  load  va=0xc01000 u32                           #PF P+RSVD va=0xc01000
    6  d1  load  va=0x1001000 u32                          #PF P+RSVD va=0x1001000
    7  d1  load  va=0x1401000 u32                          0xffffffff`,
  ],
  '[W2.2] without nested paging a guest is offered no PSE36': [
    { ...two, paging: 'shadow' },
    `
    0  d1  pte    table=0x8 index=2 width=4 gfn=0x2 p+ps  ok
    1  d1  store  va=0x801000 u32 user 0x1                #PF P+W+U+RSVD va=0x801000`,
  ],
  '[W2.2] 2-level with PSE36: bits 13 to 20 are address bits from 32 on, bit 21 is reserved': [
    { ...two, ...nested },
    `
    0  d1  store  at=0x100001 u32 0x77                      ok
    1  d1  pte    table=0x8 index=2 width=4 gfn=0x2 p+ps    ok
    2  d1  pte    table=0x8 index=3 width=4 gfn=0x200 p+ps  ok
    3  d1  pte    table=0x8 index=4 width=4 gfn=0x100 p+ps  ok
    4  d1  load   va=0x801000 u32                           0x00000077
    5  d1  load   va=0xc01000 u32                           #PF P+RSVD va=0xc01000
    6  d1  load   va=0x1001000 u32                          0xffffffff`,
  ],
  '[W2.2] PSE36 has no more address bits than the processor': [
    { ...two, ...nested, machine: 'guest_frames=96 address_bits=34' },
    `
    0  d1  store  at=0x100001 u32 0x77                    ok
    1  d1  pte    table=0x8 index=2 width=4 gfn=0x2 p+ps  ok
    2  d1  pte    table=0x8 index=3 width=4 gfn=0x8 p+ps  ok
    3  d1  load   va=0x801000 u32                         0x00000077
    4  d1  load   va=0xc01000 u32                         #PF P+RSVD va=0xc01000`,
  ],
  '[W1] [W2.2] PAE: an entry of 2 MiB maps 512 pages; its bits 13 to 20 are reserved': [
    pae,
    `
    0  d1  pte   table=0xa index=2 width=8 gfn=0x1 p+rw+ps  ok
    1  d1  pte   table=0xa index=3 width=8 gfn=0x2 p+ps     ok
    2  d1  pte   table=0xa index=4 width=8 gfn=0x100 p+ps   ok
    3  d1  load  va=0x401000 u32                            0x00000011
    4  d1  load  va=0x5ff000 u32                            0xffffffff
    5  d1  load  va=0x601000 u32                            #PF P+RSVD va=0x601000
    6  d1  load  va=0x801000 u32                            #PF P+RSVD va=0x801000`,
  ],
  '[W1] [W2.2] 4-level: so does an entry of 2 MiB': [
    four,
    `
    0  d1  pte   table=0xa index=2 width=8 gfn=0x1 p+rw+ps  ok
    1  d1  pte   table=0xa index=3 width=8 gfn=0x2 p+ps     ok
    2  d1  load  va=0x402000 u32                            0x00000022
    3  d1  load  va=0x601000 u32                            #PF P+RSVD va=0x601000`,
  ],
  '[W1] [W2.2] 4-level: an entry of 1 GiB maps 512 times 512 pages; its bits 13 to 29 are reserved':
    [
      { ...four, ...nested },
      `
    0  d1  store  at=0x40001 u32 0x77                            ok
    1  d1  pte    table=0xb index=1 width=8 gfn=0x40001 p+rw+ps  ok
    2  d1  pte    table=0xb index=2 width=8 gfn=0x2 p+ps         ok
    3  d1  pte    table=0xb index=3 width=8 gfn=0x20000 p+ps     ok
    4  d1  load   va=0x40001000 u32                              0x00000077
    5  d1  load   va=0x40201000 u32                              0xffffffff
    6  d1  load   va=0x80001000 u32                              #PF P+RSVD va=0x80001000
    7  d1  load   va=0xc0001000 u32                              #PF P+RSVD va=0xc0001000`,
    ],
  '[W2.2] without nested paging, or the feature, an entry of 1 GiB is reserved': [
    { ...four, machine: 'gib_pages=off' },
    `
    0  d1  pte   table=0xb index=1 width=8 gfn=0x0 p+rw+us+ps  ok
    1  d1  load  va=0x40001000 u32 user                        #PF P+U+RSVD va=0x40001000`,
  ],
  '[W2.2] the features of the processor are offered with nested paging only': [
    { ...four, paging: 'shadow' },
    `
    0  d1  pte   table=0xb index=1 width=8 gfn=0x0 p+rw+us+ps  ok
    1  d1  load  va=0x40001000 u32                             #PF P+RSVD va=0x40001000`,
  ],
};

const stops: PagedScenarios = {
  '[W2.1] [W4] a walk ends at the first entry that is not present, whatever the ones above forbid':
    [
      four,
      `
    0  d1  store  va=0x1000 u32 user 0x1                 #PF W+U va=0x1000
    1  d1  pte    table=0xa index=0 width=8 gfn=0x9 p    ok
    2  d1  store  va=0x1000 u32 user 0x1                 #PF W+U va=0x1000
    3  d1  pte    table=0xa index=0 width=8 gfn=0x9 0x0  ok
    4  d1  load   va=0x1008 u32                          #PF 0 va=0x1008
    5  d1  load   va=0x40001008 u32                      #PF 0 va=0x40001008
    6  d1  fetch  va=0x8000001008 u64 user               #PF U va=0x8000001008`,
    ],
  '[W2.1] [W2.2] reserved bits of an entry that is not present mean nothing': [
    pae,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 rw bits=0x100000  ok
    1  d1  load   va=0x1000 u32                                       #PF 0 va=0x1000
    2  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p bits=0x100000   ok
    3  d1  store  va=0x1000 u32 user 0x1                              #PF P+W+U+RSVD va=0x1000
    4  d1  pte    table=0xa index=0 width=8 gfn=0x9 rw+us             ok
    5  d1  load   va=0x1000 u32                                       #PF 0 va=0x1000`,
  ],
  '[W2.2] PAE: address bits from the processor’s on are reserved, and so are bits 52 to 62': [
    { ...pae, machine: 'address_bits=36', efer: 'nxe' },
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p bits=0x8         ok
    1  d1  pte   table=0x9 index=2 width=8 gfn=0x1 p bits=0x10        ok
    2  d1  pte   table=0x9 index=3 width=8 gfn=0x1 p bits=0x40000000  ok
    3  d1  pte   table=0xa index=1 width=8 gfn=0x9 p bits=0x100000    ok
    4  d1  pte   table=0xa index=2 width=8 gfn=0x0 p+ps bits=0x80000  ok
    5  d1  load  va=0x1000 u32                                        0xffffffff
    6  d1  load  va=0x2000 u32                                        #PF P+RSVD va=0x2000
    7  d1  load  va=0x3000 u32                                        #PF P+RSVD va=0x3000
    8  d1  load  va=0x201000 u32                                      #PF P+RSVD va=0x201000
    9  d1  load  va=0x401000 u32                                      #PF P+RSVD va=0x401000`,
  ],
  '[W2.2] 4-level: address bits from the processor’s on are reserved, bits 52 to 62 are ignored': [
    four,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+0xe00 bits=0x7ff00000  ok
    1  d1  pte   table=0x9 index=2 width=8 gfn=0x1 p bits=0x100             ok
    2  d1  pte   table=0x9 index=3 width=8 gfn=0x1 p bits=0x80000           ok
    3  d1  load  va=0x1000 u32                                              0x00000011
    4  d1  load  va=0x2000 u32                                              #PF P+RSVD va=0x2000
    5  d1  load  va=0x3000 u32                                              #PF P+RSVD va=0x3000`,
  ],
  '[W2.2] 4-level: PS is reserved in an entry of the top, G is ignored there': [
    four,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p        ok
    1  d1  pte   table=0x8 index=1 width=8 gfn=0xb p+us+g   ok
    2  d1  pte   table=0x8 index=2 width=8 gfn=0xb p+us+ps  ok
    3  d1  load  va=0x8000001000 u32                        0x00000011
    4  d1  load  va=0x10000001000 u32                       #PF P+RSVD va=0x10000001000`,
  ],
  '[W2.2] no-execute is reserved at every level while EFER.NXE is clear': [
    four,
    `
     0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us     ok
     1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+us+nx  ok
     2  d1  pte    table=0xa index=1 width=8 gfn=0x9 p+us+nx  ok
     3  d1  pte    table=0x8 index=1 width=8 gfn=0xb p+us+nx  ok
     4  d1  load   va=0x2000 u32 user                         #PF P+U+RSVD va=0x2000
     5  d1  load   va=0x201000 u32                            #PF P+RSVD va=0x201000
     6  d1  fetch  va=0x8000001000 u8                         #PF P+RSVD va=0x8000001000
     7  d1  efer   value=lme+nxe                              done
     8  d1  load   va=0x2000 u32 user                         0x00000022
     9  d1  load   va=0x201000 u32                            0x00000011
    10  d1  load   va=0x8000001000 u32                        0x00000011`,
  ],
  '[W2] a bit that means a large page above is the page’s own attribute below': [
    pae,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+ps  ok
    1  d1  load  va=0x1000 u32                           0x00000011`,
  ],
};

const all = { superpages, stops };

describe.each(Object.entries(all))('entries: %s', (_, scenarios) => {
  test.each(rowsOf(scenarios))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});
