import { describe, expect, test } from 'vitest';
import { playPaged, rowsOf, type PagedScenarios, type Tables } from './testing/tables.js';

const two: Tables = { mode: '2-level' };
const four: Tables = { mode: '4-level' };
const global: Tables = { mode: '4-level', cr4: 'pge' };

const everything: PagedScenarios = {
  '[T2] [C2] MOV CR3 forgets, also where it changes nothing': [
    two,
    `
    0  d1  pte   table=0x9 index=1 width=4 gfn=0x1 p+g  ok
    1  d1  load  va=0x1000 u32                          only 0x00000011
    2  d1  pte   table=0x9 index=1 width=4 gfn=0x2 p    ok
    3  d1  cr3   value=0x8000                           done
    4  d1  load  va=0x1000 u32                          only 0x00000022`,
  ],
  '[T2] [T1] MOV CR3 forgets all but what is global, if CR4.PGE is set': [
    global,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+g     ok
    1  d1  pte   table=0x9 index=2 width=8 gfn=0x1 p       ok
    2  d1  pte   table=0xa index=1 width=8 gfn=0x0 p+ps+g  ok
    3  d1  load  va=0x1000 u32                             only 0x00000011
    4  d1  load  va=0x2000 u32                             only 0x00000011
    5  d1  load  va=0x203000 u32                           only 0x00000033
    6  d1  cr3   value=0xc000                              done
    7  d1  load  va=0x1000 u32                             #PF 0 va=0x1000 | 0x00000011
    8  d1  load  va=0x2000 u32                             only #PF 0 va=0x2000
    9  d1  load  va=0x203000 u32                           #PF 0 va=0x203000 | 0x00000033`,
  ],
  '[T2] [T1] [C8] so it does where the page that CR3 named is let go by it': [
    { ...global, paging: 'shadow' },
    `
    0  d1  pte                   table=0x9 index=1 width=8 gfn=0x1 p+g  ok
    1  d1  pte                   table=0x9 index=2 width=8 gfn=0x2 p    ok
    2  d1  load                  va=0x1000 u32                          only 0x00000011
    3  d1  load                  va=0x2000 u32                          only 0x00000022
    4  d1  decrease_reservation  self gfns=0x8                          1
    5  d1  cr3                   value=0xc000                           done
    6  d1  load                  va=0x1000 u32                          #PF 0 va=0x1000 | 0x00000011
    7  d1  load                  va=0x2000 u32                          only #PF 0 va=0x2000`,
  ],
  '[T2] a translation is global by its last entry, not by those above': [
    global,
    `
    0  d1  pte   table=0xa index=0 width=8 gfn=0x9 p+g  ok
    1  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p    ok
    2  d1  load  va=0x1000 u32                          only 0x00000011
    3  d1  pte   table=0x9 index=1 width=8 gfn=0x2 p    ok
    4  d1  cr3   value=0x8000                           done
    5  d1  load  va=0x1000 u32                          only 0x00000022`,
  ],
  '[T2] [C3] a change of CR4.PGE forgets what is global too': [
    global,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+g  ok
    1  d1  load  va=0x1000 u32                          only 0x00000011
    2  d1  pte   table=0x9 index=1 width=8 gfn=0x2 p+g  ok
    3  d1  cr4   value=pae+pge                          done
    4  d1  load  va=0x1000 u32                          0x00000022 | 0x00000011
    5  d1  cr4   value=pae                              done
    6  d1  load  va=0x1000 u32                          only 0x00000022`,
  ],
  '[T2] [C3] so does a change of CR4.PSE, SMEP or PAE; one of SMAP does not': [
    two,
    `
     0  d1  pte   table=0x9 index=1 width=4 gfn=0x1 p  ok
     1  d1  load  va=0x1000 u32                        only 0x00000011
     2  d1  pte   table=0x9 index=1 width=4 gfn=0x2 p  ok
     3  d1  cr4   value=pse+smap                       done
     4  d1  load  va=0x1000 u32                        0x00000022 | 0x00000011
     5  d1  cr4   value=smap                           done
     6  d1  load  va=0x1000 u32                        only 0x00000022
     7  d1  pte   table=0x9 index=1 width=4 gfn=0x3 p  ok
     8  d1  cr4   value=smap+smep                      done
     9  d1  load  va=0x1000 u32                        only 0x00000033
    10  d1  cr3   value=0x8020                         done
    11  d1  cr4   value=pae+smap+smep                  done
    12  d1  load  va=0x1000 u32                        only #PF 0 va=0x1000`,
  ],
  '[T2] [C1] a change of CR0.PG forgets what is global too; one of CR0.WP does not': [
    global,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+g  ok
    1  d1  load  va=0x1000 u32                          only 0x00000011
    2  d1  pte   table=0x9 index=1 width=8 gfn=0x2 p+g  ok
    3  d1  cr0   value=pe+et+pg                         done
    4  d1  load  va=0x1000 u32                          0x00000022 | 0x00000011
    5  d1  cr0   value=pe+et                            done
    6  d1  cr0   value=pe+et+pg                         done
    7  d1  load  va=0x1000 u32                          only 0x00000022`,
  ],
};

const onePage: PagedScenarios = {
  '[T3] [C6] INVLPG forgets one page, global or not, and no other': [
    global,
    `
    0  d1  pte     table=0x9 index=1 width=8 gfn=0x1 p+g  ok
    1  d1  pte     table=0x9 index=2 width=8 gfn=0x2 p    ok
    2  d1  load    va=0x1000 u32                          only 0x00000011
    3  d1  load    va=0x2000 u32                          only 0x00000022
    4  d1  pte     table=0x9 index=1 width=8 gfn=0x1 0x0  ok
    5  d1  pte     table=0x9 index=2 width=8 gfn=0x2 0x0  ok
    6  d1  invlpg  va=0x1ff8                              done
    7  d1  load    va=0x1000 u32                          only #PF 0 va=0x1000
    8  d1  load    va=0x2000 u32                          #PF 0 va=0x2000 | 0x00000022`,
  ],
  '[T3] [T1] of a superpage the other pages may still be remembered': [
    two,
    `
    0  d1  pte     table=0x8 index=1 width=4 gfn=0x0 p+ps  ok
    1  d1  load    va=0x401000 u32                         only 0x00000011
    2  d1  pte     table=0x8 index=1 width=4 gfn=0x0 0x0   ok
    3  d1  invlpg  va=0x401000                             done
    4  d1  load    va=0x401000 u32                         only #PF 0 va=0x401000
    5  d1  load    va=0x402000 u32                         #PF 0 va=0x402000 | 0x00000022`,
  ],
  '[T3] [C6] INVLPG of an address that is not canonical does nothing': [
    four,
    `
    0  d1  pte     table=0x9 index=1 width=8 gfn=0x1 p  ok
    1  d1  load    va=0x1000 u32                        only 0x00000011
    2  d1  pte     table=0x9 index=1 width=8 gfn=0x2 p  ok
    3  d1  invlpg  va=0x1000000001000                   done
    4  d1  load    va=0x1000 u32                        0x00000022 | 0x00000011`,
  ],
  '[T3] without long mode INVLPG ignores the high half of the address': [
    two,
    `
    0  d1  pte     table=0x9 index=1 width=4 gfn=0x1 p  ok
    1  d1  load    va=0x1000 u32                        only 0x00000011
    2  d1  pte     table=0x9 index=1 width=4 gfn=0x2 p  ok
    3  d1  invlpg  va=0x1000000001000                   done
    4  d1  load    va=0x1000 u32                        only 0x00000022`,
  ],
  '[T2] [T3] each vcpu forgets for itself': [
    two,
    `
     0  d1.1  cr4     value=pse                            done
     1  d1.1  cr3     value=0x8000                         done
     2  d1.1  cr0     value=pe+et+wp+pg                    done
     3  d1    pte     table=0x9 index=1 width=4 gfn=0x1 p  ok
     4  d1.1  load    va=0x1000 u32                        only 0x00000011
     5  d1    pte     table=0x9 index=1 width=4 gfn=0x2 p  ok
     6  d1    invlpg  va=0x1000                            done
     7  d1    load    va=0x1000 u32                        only 0x00000022
     8  d1.1  load    va=0x1000 u32                        0x00000022 | 0x00000011
     9  d1    cr3     value=0x8000                         done
    10  d1.1  load    va=0x1000 u32                        0x00000022 | 0x00000011
    11  d1.1  invlpg  va=0x1000                            done
    12  d1.1  load    va=0x1000 u32                        only 0x00000022`,
  ],
  '[C6] without paging there is nothing to forget': [
    two,
    `
    0  d1.1  invlpg  va=0x1000  done`,
  ],
};

const gfns: PagedScenarios = {
  '[T4] a page that was given up is reached by no translation': [
    two,
    `
    0  d1    pte                   table=0x9 index=1 width=4 gfn=0x1 p+rw  ok
    1  d1    store                 va=0x1000 u32 0x5                       only ok
    2  d1.1  decrease_reservation  self gfns=0x1                           1
    3  d1    load                  va=0x1000 u32                           only 0xffffffff
    4  d1    store                 va=0x1000 u32 0x6                       only ok
    5  d1    populate_physmap      self gfns=0x1                           1
    6  d1    load                  va=0x1000 u32                           only 0x00000000`,
  ],
  '[T4] a grant mapping is reached from when it is made to when it ends': [
    two,
    `
    0  d2  grant  ref=3 to=d1 gfn=0x4 rw                  ok
    1  d2  store  at=0x4 u32 0x7                          ok
    2  d1  pte    table=0x9 index=1 width=4 gfn=0x1 p+rw  ok
    3  d1  load   va=0x1000 u32                           only 0x00000011
    4  d1  map    d2/3 at=0x1 rw                          ok
    5  d1  load   va=0x1000 u32                           only 0x00000007
    6  d1  unmap  h4 at=0x1                               ok
    7  d1  load   va=0x1000 u32                           only 0xffffffff`,
  ],
  '[T4] [T1] a translation that was changed since leads to its gfn as it is now': [
    two,
    `
    0  d1  pte             table=0x9 index=1 width=4 gfn=0x1 p  ok
    1  d1  load            va=0x1000 u32                        only 0x00000011
    2  d1  pte             table=0x9 index=1 width=4 gfn=0x2 p  ok
    3  d1  add_to_physmap  self space=gmfn index=0x3 gfn=0x1    ok
    4  d1  load            va=0x1000 u32                        0x00000022 | 0x00000033`,
  ],
};

const all = { everything, onePage, gfns };

describe.each(Object.entries(all))('forgetting: %s', (_, scenarios) => {
  test.each(rowsOf(scenarios))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});
