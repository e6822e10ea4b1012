import { describe, expect, test } from 'vitest';
import { playPaged, rowsOf, type PagedScenarios, type Tables } from './testing/tables.js';

const two: Tables = { mode: '2-level' };
const pae: Tables = { mode: 'pae' };
const four: Tables = { mode: '4-level' };

const refused: PagedScenarios = {
  '[C1.1] [C1.2] [C1.3] CR0 is refused as a whole': [
    two,
    `
    0  d1  pte   table=0x9 index=1 width=4 gfn=0x1 p     ok
    1  d1  cr0   value=0x91                              #GP
    2  d1  cr0   value=wp+pg                             #GP
    3  d1  cr0   value=pe+nw                             #GP
    4  d1  load  va=0x1000 u32                           0x00000011
    5  d1  cr0   value=pe+mp+em+ts+et+ne+wp+am+nw+cd+pg  done
    6  d1  load  va=0x1000 u32                           0x00000011
    7  d1  cr0   value=0x0                               done
    8  d1  load  va=0x1000 u32                           0x00000011`,
  ],
  '[C1.4] [C4.2] long mode is entered with PAE, and with paging off only': [
    two,
    `
     0  d1  efer  value=lme              #GP
     1  d1  cr0   value=pe               done
     2  d1  efer  value=lme+nxe          done
     3  d1  cr0   value=pe+pg            #GP
     4  d1  cr4   value=pae              done
     5  d1  cr3   value=0xc000           done
     6  d1  cr0   value=pe+pg            done
     7  d1  load  va=0x800000000000 u8   #GP
     8  d1  efer  value=nxe              #GP
     9  d1  cr0   value=pe               done
    10  d1  load  va=0x800000001000 u32  0x00000011
    11  d1  efer  value=0x0              done`,
  ],
  '[C3.1] [C3.2] CR4 is refused as a whole': [
    four,
    `
    0  d1  cr4  value=0x2020                 #GP
    1  d1  cr4  value=pse+pge+smep+smap      #GP
    2  d1  cr4  value=pse+pae+pge+smep+smap  done
    3  d1  cr0  value=pe                     done
    4  d1  cr4  value=0x0                    done`,
  ],
  '[C3.1] [C5.1] protection keys are not offered without nested paging': [
    { ...four, paging: 'shadow' },
    `
    0  d1  cr4   value=pae+pke  #GP
    1  d1  pkru  value=0x4      #GP`,
  ],
  '[C5] [C5.1] [C3] PKRU can be written while CR4.PKE is set, and stays as it is': [
    { ...four, paging: 'hap' },
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+us bits=0x8000000  ok
    1  d1  pkru  value=0x4                                              #GP
    2  d1  cr4   value=pae+pke                                          done
    3  d1  load  va=0x1000 u32 user                                     0x00000011
    4  d1  pkru  value=0xfffffffc                                       done
    5  d1  cr4   value=pae                                              done
    6  d1  pkru  value=0x0                                              #GP
    7  d1  cr4   value=pae+pke                                          done
    8  d1  load  va=0x1000 u32 user                                     #PF P+U+PK va=0x1000`,
  ],
  '[C3.1] keys are offered where the processor has them': [
    { ...four, paging: 'hap', machine: 'protection_keys=off' },
    `
    0  d1  cr4  value=pae+pke  #GP`,
  ],
  '[C4] [C4.1] EFER ignores what is written to LMA, which follows from the rest': [
    four,
    `
    0  d1  efer  value=0x1100           #GP
    1  d1  efer  value=sce+lme+lma+nxe  done
    2  d1  efer  value=lme              done
    3  d1  load  va=0x800000000000 u8   #GP
    4  d1  cr0   value=pe               done
    5  d1  efer  value=lma              done
    6  d1  cr4   value=pse              done
    7  d1  cr3   value=0xc000           done
    8  d1  cr0   value=pe+pg            done
    9  d1  load  va=0x800000000000 u8   #PF 0 va=0x0`,
  ],
  '[C2.1] in long mode CR3 has no bit beyond the processor’s address bits': [
    { ...four, machine: 'address_bits=36' },
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p  ok
    1  d1  cr3   value=0x1000008000                   #GP
    2  d1  cr3   value=0x8000000000008000             #GP
    3  d1  cr3   value=0x8fff                         done
    4  d1  load  va=0x1000 u32                        0x00000011`,
  ],
  '[C2] without long mode the high half of CR3 is ignored': [
    two,
    `
    0  d1  pte   table=0x9 index=1 width=4 gfn=0x1 p  ok
    1  d1  cr3   value=0xffffffff00008000             done
    2  d1  load  va=0x1000 u32                        0x00000011`,
  ],
  '[C2] what long mode left in the high half of CR3 is ignored after it': [
    { ...four, paging: 'hap' },
    `
    0  d1  cr3   value=0x100008000                    done
    1  d1  load  va=0x1000 u32                        #PF 0 va=0x1000
    2  d1  cr0   value=pe                             done
    3  d1  efer  value=0x0                            done
    4  d1  pte   table=0x8 index=0 width=8 gfn=0xa p  ok
    5  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p  ok
    6  d1  cr0   value=pe+pg                          done
    7  d1  load  va=0x1000 u32                        0x00000011`,
  ],
};

const tops: PagedScenarios = {
  '[C7] PAE’s top level may be at any multiple of 32, and CR3’s low bits are ignored': [
    pae,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p                  ok
    1  d1  pte   table=0x8 index=511 width=8 gfn=0xa p+pwt+pcd+0xe00  ok
    2  d1  cr3   value=0x8fff                                         done
    3  d1  load  va=0xc0001000 u32                                    0x00000011
    4  d1  load  va=0x1000 u32                                        #PF 0 va=0x1000`,
  ],
  '[C7.1] [C7] a reserved bit of a present entry refuses the load, and all stays as it was': [
    pae,
    `
     0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p                             ok
     1  d1  pte   table=0xc index=0 width=8 gfn=0xa p                             ok
     2  d1  pte   table=0xc index=3 width=8 gfn=0xd p+rw                          ok
     3  d1  cr3   value=0xc000                                                    #GP
     4  d1  load  va=0x1000 u32                                                   0x00000011
     5  d1  pte   table=0xc index=3 width=8 gfn=0xd p+us                          ok
     6  d1  cr3   value=0xc000                                                    #GP
     7  d1  pte   table=0xc index=3 width=8 gfn=0xd p+a                           ok
     8  d1  cr3   value=0xc000                                                    #GP
     9  d1  pte   table=0xc index=3 width=8 gfn=0xd p+g                           ok
    10  d1  cr3   value=0xc000                                                    #GP
    11  d1  pte   table=0xc index=3 width=8 gfn=0xd p bits=0x100                  ok
    12  d1  cr3   value=0xc000                                                    #GP
    13  d1  pte   table=0xc index=3 width=8 gfn=0xd p+nx                          ok
    14  d1  cr3   value=0xc000                                                    #GP
    15  d1  pte   table=0xc index=3 width=8 gfn=0xd rw+us+a+d+ps+g+nx bits=0x100  ok
    16  d1  cr3   value=0xc000                                                    done
    17  d1  load  va=0x1000 u32                                                   0x00000011`,
  ],
  '[C7] [W7] a change of CR4.PGE, PSE or SMEP reads the top level; what changes nothing does not': [
    pae,
    `
     0  d1  pte     table=0x9 index=1 width=8 gfn=0x1 p     ok
     1  d1  pte     table=0x8 index=0 width=8 gfn=0xa 0x0   ok
     2  d1  cr0     value=pe+et+pg                          done
     3  d1  cr4     value=pae+smap                          done
     4  d1  efer    value=nxe                               done
     5  d1  invlpg  va=0x1000                               done
     6  d1  load    va=0x1000 u32 kernel_ac                 0x00000011
     7  d1  cr4     value=pae+pge                           done
     8  d1  load    va=0x1000 u32                           #PF 0 va=0x1000
     9  d1  pte     table=0x8 index=0 width=8 gfn=0xa p     ok
    10  d1  cr4     value=pae+pge                           done
    11  d1  load    va=0x1000 u32                           #PF 0 va=0x1000
    12  d1  cr4     value=pae+pge+pse                       done
    13  d1  load    va=0x1000 u32                           0x00000011
    14  d1  pte     table=0x8 index=0 width=8 gfn=0xa p+rw  ok
    15  d1  cr4     value=pae+pge+pse+smep                  #GP
    16  d1  load    va=0x1000 u32                           0x00000011`,
  ],
  '[C7.1] [C7] turning paging on reads the top level, and stays off where that is refused': [
    pae,
    `
    0  d1  cr0   value=pe                                done
    1  d1  pte   table=0x8 index=3 width=8 gfn=0xa p+ps  ok
    2  d1  cr0   value=pe+pg                             #GP
    3  d1  load  va=0x2000 u32                           0x00000022
    4  d1  pte   table=0x8 index=3 width=8 gfn=0xa p     ok
    5  d1  cr0   value=pe+pg                             done
    6  d1  load  va=0x2000 u32                           #PF 0 va=0x2000`,
  ],
  '[C7] nested hardware finds a top level in a hole empty, and one in a grant mapping': [
    { ...pae, paging: 'hap' },
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 ro               ok
    1  d2  pte    table=0x4 index=0 width=8 gfn=0xa p  ok
    2  d1  map    d2/3 at=0x30 ro                      ok
    3  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p  ok
    4  d1  cr3    value=0x40000                        done
    5  d1  load   va=0x1000 u32                        #PF 0 va=0x1000
    6  d1  cr3    value=0x30000                        done
    7  d1  load   va=0x1000 u32                        0x00000011`,
  ],
};

const held: PagedScenarios = {
  '[C8] [P4] the page that CR3 names stays, and is walked, when the domain gives it up': [
    { ...two, paging: 'shadow' },
    `
     0  d1    pte                   table=0x9 index=1 width=4 gfn=0x1 p  ok
     1  d1    decrease_reservation  self gfns=0x8                        1
     2  d1    load                  at=0x8 u32                           0xffffffff
     3  tool  domain_info           d1                                   pages=16 maximum=24
     4  d1    cr3                   value=0x8018                         done
     5  d1    load                  va=0x1000 u32                        0x00000011
     6  d1    populate_physmap      self gfns=0x8                        1
     7  d1    cr3                   value=0x8000                         done
     8  d1    load                  va=0x1000 u32                        0x00000011
     9  d1    cr3                   value=0xc000                         done
    10  tool  domain_info           d1                                   pages=16 maximum=24
    11  d1    load                  va=0x1000 u32                        #PF 0 va=0x1000
    12  d1    cr3                   value=0x8000                         done
    13  d1    load                  va=0x1000 u32                        #PF 0 va=0x1000`,
  ],
  '[C8] it is let go when paging is turned off': [
    { ...pae, paging: 'shadow' },
    `
    0  d1    pte                   table=0x9 index=1 width=8 gfn=0x1 p  ok
    1  d1    decrease_reservation  self gfns=0x8                        1
    2  d1    cr4                   value=pae+pge                        done
    3  d1    load                  va=0x1000 u32                        0x00000011
    4  d1    cr0                   value=pe                             done
    5  tool  domain_info           d1                                   pages=15 maximum=24
    6  d1    cr0                   value=pe+pg                          crashed`,
  ],
  '[C8] [D2] it is let go when the domain is destroyed, not when it crashes': [
    { ...two, paging: 'shadow' },
    `
    0  d1    decrease_reservation  self gfns=0x8  1
    1  d1    crash                 crashed
    2  tool  domain_info           d1             pages=16 maximum=24 shutdown
    3  tool  destroy               d1             ok
    4  tool  domain_info           d1             -ESRCH`,
  ],
  '[C8.1] a CR3 that names no RAM of the domain’s own is the end of it': [
    { ...four, paging: 'shadow' },
    `
    0  d1.1  cr3   value=0x40000  done
    1  d1    cr3   value=0x40000  crashed
    2  d1    load  va=0x1000 u8   no_domain`,
  ],
  '[C8.1] [C8] a grant mapping is none, and a frame is looked at when paging is turned on': [
    { ...four, paging: 'shadow' },
    `
    0  d2    grant  ref=3 to=d1 gfn=0x4 rw  ok
    1  d1    map    d2/3 at=0x30 rw         ok
    2  d1.1  cr3    value=0x30000           done
    3  d1.1  cr4    value=pae               done
    4  d1.1  cr0    value=pe+pg             crashed`,
  ],
  '[C8] [W5.1] nested hardware asks for the page of CR3 in each walk': [
    { ...four, paging: 'hap' },
    `
    0  d1    pte                   table=0x9 index=1 width=8 gfn=0x1 p  ok
    1  d1    cr3                   value=0x40000                        done
    2  d1    load                  va=0x1000 u32                        #PF 0 va=0x1000
    3  d1    add_to_physmap        self space=gmfn index=0x8 gfn=0x40   ok
    4  d1    load                  va=0x1000 u32                        0x00000011
    5  d1    decrease_reservation  self gfns=0x40                       1
    6  tool  domain_info           d1                                   pages=15 maximum=24
    7  d1    cr3                   value=0x40000                        done
    8  d1    load                  va=0x1000 u32                        #PF 0 va=0x1000`,
  ],
};

const all = { refused, tops, held };

describe.each(Object.entries(all))('control registers: %s', (_, scenarios) => {
  test.each(rowsOf(scenarios))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});
