import { describe, expect, test } from 'vitest';
import { playPaged, rowsOf, type PagedScenarios, type Tables } from './testing/tables.js';

const four: Tables = { mode: '4-level' };
const protectedKernel: Tables = { mode: '4-level', cr4: 'smep+smap', efer: 'nxe' };
const keyed: Tables = { mode: '4-level', paging: 'hap', cr4: 'pke' };

const rights: PagedScenarios = {
  '[W3.3] [W3] a page is the user’s if all entries say so': [
    four,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us  ok
    1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+rw  ok
    2  d1  load   va=0x1000 u32 user                      0x00000011
    3  d1  load   va=0x2000 u32 user                      #PF P+U va=0x2000
    4  d1  load   va=0x2000 u32                           0x00000022
    5  d1  pte    table=0xb index=0 width=8 gfn=0xa p+rw  ok
    6  d1  cr3    value=0x8000                            done
    7  d1  store  va=0x1004 u32 user 0x1                  #PF P+W+U va=0x1004
    8  d1  load   va=0x1000 u32 user                      #PF P+U va=0x1000
    9  d1  load   va=0x1000 u32 implicit                  0x00000011`,
  ],
  '[W3.4] [W3] a page is writable if all entries say so': [
    four,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw+us  ok
    1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+us     ok
    2  d1  store  va=0x1000 u32 user 0x5                     ok
    3  d1  store  va=0x2000 u32 user 0x5                     #PF P+W+U va=0x2000
    4  d1  store  va=0x2000 u32 0x5                          #PF P+W va=0x2000
    5  d1  pte    table=0x8 index=0 width=8 gfn=0xb p+us     ok
    6  d1  cr3    value=0x8000                               done
    7  d1  store  va=0x1000 u32 user 0x6                     #PF P+W+U va=0x1000
    8  d1  load   va=0x1000 u32 user                         0x00000005
    9  d1  load   va=0x2000 u32 user                         0x00000022`,
  ],
  '[W3.4] [W4] atomics are writes, also those that would not store': [
    four,
    `
    0  d1  pte      table=0x9 index=1 width=8 gfn=0x1 p+us  ok
    1  d1  cmpxchg  va=0x1000 u32 user expect=0x9 put=0x5   #PF P+W+U va=0x1000
    2  d1  xadd     va=0x1000 u32 0x0                       #PF P+W va=0x1000`,
  ],
  '[W3] without CR0.WP the kernel writes what is readonly, and the entry is dirty': [
    { ...four, cr0: 'pe+et+pg' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us  ok
    1  d1  store  va=0x1000 u32 0x5                       ok
    2  d1  xadd   va=0x1000 u32 0x1                       0x00000005
    3  d1  store  va=0x1000 u32 implicit 0x7              ok
    4  d1  store  va=0x1000 u32 user 0x8                  #PF P+W+U va=0x1000
    5  d1  load   at=0x1 u32                              0x00000007
    6  d1  load   at=0x9+0x8 u32                          0x00001065
    7  d1  cr0    value=pe+et+wp+pg                       done
    8  d1  store  va=0x1000 u32 0x9                       #PF P+W va=0x1000`,
  ],
  '[W3.2] [W3] a page is executable if no entry forbids it': [
    { ...four, efer: 'nxe' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us        ok
    1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+us+nx     ok
    2  d1  fetch  va=0x1000 u32 user                            0x00000011
    3  d1  fetch  va=0x2000 u32 user                            #PF P+U+I va=0x2000
    4  d1  fetch  va=0x2000 u32                                 #PF P+I va=0x2000
    5  d1  pte    table=0xa index=0 width=8 gfn=0x9 p+rw+us+nx  ok
    6  d1  cr3    value=0x8000                                  done
    7  d1  fetch  va=0x1000 u32                                 #PF P+I va=0x1000
    8  d1  load   va=0x2000 u32 user                            0x00000022`,
  ],
  '[W3.2] PAE knows no-execute pages, in its entries of 8 bytes': [
    { mode: 'pae', efer: 'nxe' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+nx  ok
    1  d1  fetch  va=0x1000 u32                           #PF P+I va=0x1000
    2  d1  load   va=0x1000 u32                           0x00000011`,
  ],
};

const kernel: PagedScenarios = {
  '[W3.5] with SMEP the kernel does not execute what is the user’s': [
    { ...four, cr4: 'smep' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us  ok
    1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p     ok
    2  d1  fetch  va=0x1000 u32                           #PF P+I va=0x1000
    3  d1  fetch  va=0x1000 u32 user                      0x00000011
    4  d1  fetch  va=0x2000 u32                           0x00000022
    5  d1  load   va=0x1000 u32                           0x00000011
    6  d1  fetch  va=0x1000 u32 kernel_ac                 #PF P+I va=0x1000`,
  ],
  '[W3.6] with SMAP the kernel does not access what is the user’s, unless it says so by EFLAGS.AC':
    [
      { ...four, cr4: 'smap' },
      `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw+us  ok
    1  d1  load   va=0x1000 u32                              #PF P va=0x1000
    2  d1  store  va=0x1000 u32 0x5                          #PF P+W va=0x1000
    3  d1  load   va=0x1000 u32 kernel_ac                    0x00000011
    4  d1  store  va=0x1000 u32 kernel_ac 0x5                ok
    5  d1  load   va=0x1000 u32 user                         0x00000005
    6  d1  fetch  va=0x1000 u32                              0x00000005
    7  d1  load   va=0x1000 u32 implicit                     #PF P va=0x1000`,
    ],
  '[W3.6] CR0.WP is no excuse from SMAP': [
    { ...four, cr0: 'pe+et+pg', cr4: 'smap' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us  ok
    1  d1  store  va=0x1000 u32 0x5                       #PF P+W va=0x1000
    2  d1  store  va=0x1000 u32 kernel_ac 0x5             ok`,
  ],
  '[W3] SMEP and SMAP ask whether all entries say that a page is the user’s': [
    protectedKernel,
    `
    0  d1  pte    table=0xa index=0 width=8 gfn=0x9 p+rw     ok
    1  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw+us  ok
    2  d1  load   va=0x1000 u32                              0x00000011
    3  d1  fetch  va=0x1000 u32                              0x00000011`,
  ],
  '[W3] SMEP and SMAP hold from when CR4 says so, and no longer': [
    { mode: '2-level' },
    `
    0  d1  pte    table=0x9 index=1 width=4 gfn=0x1 p+rw+us  ok
    1  d1  load   va=0x1000 u32                              0x00000011
    2  d1  cr4    value=pse+smep+smap                        done
    3  d1  load   va=0x1000 u32                              #PF P va=0x1000
    4  d1  fetch  va=0x1000 u32                              #PF P+I va=0x1000
    5  d1  cr4    value=pse                                  done
    6  d1  load   va=0x1000 u32                              0x00000011
    7  d1  fetch  va=0x1000 u32                              0x00000011`,
  ],
};

const keys: PagedScenarios = {
  '[W3.1] a protection key of the user’s pages forbids access, or writing': [
    keyed,
    `
     0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw+us bits=0x8000000   ok
     1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+rw+us bits=0x78000000  ok
     2  d1  pkru   value=0x80000004                                           done
     3  d1  load   va=0x1000 u32 user                                         #PF P+U+PK va=0x1000
     4  d1  load   va=0x1000 u32                                              #PF P+PK va=0x1000
     5  d1  store  va=0x2000 u32 user 0x5                                     #PF P+W+U+PK va=0x2000
     6  d1  store  va=0x2000 u32 0x5                                          #PF P+W+PK va=0x2000
     7  d1  load   va=0x2000 u32 user                                         0x00000022
     8  d1  fetch  va=0x1000 u32 user                                         0x00000011
     9  d1  pkru   value=0x0                                                  done
    10  d1  store  va=0x2000 u32 user 0x5                                     ok`,
  ],
  '[W3.1] a key is looked at before all else, and goes by the same CR0.WP': [
    { ...keyed, cr0: 'pe+et+pg' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us bits=0x8000000  ok
    1  d1  pkru   value=0x8                                              done
    2  d1  store  va=0x1000 u32 user 0x5                                 #PF P+W+U+PK va=0x1000
    3  d1  store  va=0x1000 u32 0x5                                      ok
    4  d1  cr0    value=pe+et+wp+pg                                      done
    5  d1  store  va=0x1000 u32 0x6                                      #PF P+W+PK va=0x1000`,
  ],
  '[W3] keys are of the user’s pages, and only while CR4.PKE is set': [
    keyed,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+rw bits=0x8000000     ok
    1  d1  pte   table=0x9 index=2 width=8 gfn=0x2 p+rw+us bits=0x8000000  ok
    2  d1  pkru  value=0xc                                                 done
    3  d1  load  va=0x1000 u32                                             0x00000011
    4  d1  load  va=0x2000 u32                                             #PF P+PK va=0x2000
    5  d1  cr4   value=pae                                                 done
    6  d1  load  va=0x2000 u32                                             0x00000022`,
  ],
};

const codes: PagedScenarios = {
  '[W4] a fetch is said to be one where SMEP or no-execute pages are on': [
    { mode: 'pae' },
    `
    0  d1  fetch  va=0x1000 u8 user  #PF U va=0x1000
    1  d1  efer   value=nxe          done
    2  d1  fetch  va=0x1000 u8 user  #PF U+I va=0x1000
    3  d1  efer   value=0x0          done
    4  d1  cr4    value=pae+smep     done
    5  d1  fetch  va=0x1000 u8       #PF I va=0x1000
    6  d1  load   va=0x1000 u8       #PF 0 va=0x1000`,
  ],
  '[W4] in 2-level mode there are no no-execute pages': [
    { mode: '2-level', efer: 'nxe' },
    `
    0  d1  fetch  va=0x1000 u8 user  #PF U va=0x1000
    1  d1  cr4    value=pse+smep     done
    2  d1  fetch  va=0x1000 u8 user  #PF U+I va=0x1000`,
  ],
  '[W4] an access that the processor makes for itself is not the user’s': [
    { mode: '2-level' },
    `
    0  d1  load   va=0x1000 u8 implicit      #PF 0 va=0x1000
    1  d1  store  va=0x1000 u8 implicit 0x1  #PF W va=0x1000`,
  ],
  '[W4] one fault is answered, of the first thing that is wrong': [
    protectedKernel,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+nx                ok
    1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+us+nx bits=0x100  ok
    2  d1  fetch  va=0x1000 u8 user                                     #PF P+U+I va=0x1000
    3  d1  store  va=0x1000 u8 user 0x1                                 #PF P+W+U va=0x1000
    4  d1  store  va=0x2000 u8 0x1                                      #PF P+W+RSVD va=0x2000`,
  ],
};

const all = { rights, kernel, keys, codes };

describe.each(Object.entries(all))('rights: %s', (_, scenarios) => {
  test.each(rowsOf(scenarios))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});
