import { describe, expect, test } from 'vitest';
import { DomainId, GuestPhysical, VcpuId } from '../abi/ids.js';
import type { Step } from '../abi/step.js';
import { isObjection, step } from './model.js';
import { playPaged, rowsOf, type PagedScenarios, type Tables } from './testing/tables.js';

const two: Tables = { mode: '2-level' };
const pae: Tables = { mode: 'pae' };
const four: Tables = { mode: '4-level' };

const remembered: PagedScenarios = {
  '[T1] a translation that was used may be used until it is forgotten': [
    four,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p    ok
    1  d1  load  va=0x1000 u32                          only 0x00000011
    2  d1  pte   table=0x9 index=1 width=8 gfn=0x2 p    ok
    3  d1  load  va=0x1000 u32                          0x00000022 | 0x00000011
    4  d1  load  va=0x1000 u32                          0x00000022 | 0x00000011
    5  d1  pte   table=0x9 index=1 width=8 gfn=0x3 p    ok
    6  d1  load  va=0x1000 u32                          0x00000033 | 0x00000011 | 0x00000022
    7  d1  pte   table=0x9 index=1 width=8 gfn=0x3 0x0  ok
    8  d1  load  va=0x1000 u32                          #PF 0 va=0x1000 | 0x00000011 | 0x00000022 | 0x00000033`,
  ],
  '[T1] what was never marked accessed is not remembered': [
    four,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p    ok
    1  d1  pte   table=0x9 index=2 width=8 gfn=0x1 p+a  ok
    2  d1  load  va=0x3000 u32                          only #PF 0 va=0x3000
    3  d1  pte   table=0x9 index=1 width=8 gfn=0x2 p    ok
    4  d1  pte   table=0x9 index=2 width=8 gfn=0x2 p    ok
    5  d1  load  va=0x1000 u32                          only 0x00000022
    6  d1  load  va=0x2000 u32                          only 0x00000022
    7  d1  pte   table=0x9 index=2 width=8 gfn=0x1 p+a  ok
    8  d1  pte   table=0x9 index=2 width=8 gfn=0x3 p    ok
    9  d1  load  va=0x2000 u32                          0x00000033 | 0x00000011 | 0x00000022`,
  ],
  '[W2.1] [W3.3] [W3.4] no fault is remembered: what an entry permits anew is permitted at once': [
    pae,
    `
    0  d1  load   va=0x1000 u32                              only #PF 0 va=0x1000
    1  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p        ok
    2  d1  load   va=0x1000 u32                              only 0x00000011
    3  d1  store  va=0x1000 u32 0x5                          only #PF P+W va=0x1000
    4  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw     ok
    5  d1  store  va=0x1000 u32 0x5                          only ok
    6  d1  load   va=0x1000 u32 user                         only #PF P+U va=0x1000
    7  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw+us  ok
    8  d1  load   va=0x1000 u32 user                         only 0x00000005`,
  ],
  '[T1] a right that was taken may be used on, writing only where the entry was dirty': [
    pae,
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+rw+us  ok
    1  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+rw+us  ok
    2  d1  load   va=0x1000 u32 user                         only 0x00000011
    3  d1  store  va=0x2000 u32 user 0x5                     only ok
    4  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us     ok
    5  d1  pte    table=0x9 index=2 width=8 gfn=0x2 p+us     ok
    6  d1  store  va=0x1000 u32 user 0x6                     only #PF P+W+U va=0x1000
    7  d1  store  va=0x2000 u32 user 0x6                     #PF P+W+U va=0x2000 | ok
    8  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p        ok
    9  d1  load   va=0x1000 u32 user                         #PF P+U va=0x1000 | 0x00000011`,
  ],
  '[T1] an entry is remembered as it was read, though it was read otherwise before': [
    pae,
    `
    0  d1  pte   table=0x9 index=1 width=8 gfn=0x1 p+a+nx  ok
    1  d1  load  va=0x1000 u32                             only #PF P+RSVD va=0x1000
    2  d1  efer  value=nxe                                 done
    3  d1  load  va=0x1000 u32                             only 0x00000011
    4  d1  pte   table=0x9 index=1 width=8 gfn=0x0 0x0     ok
    5  d1  load  va=0x1000 u32                             #PF 0 va=0x1000 | 0x00000011`,
  ],
  '[T1] what may be remembered is judged by the registers as they are': [
    { ...pae, cr0: 'pe+et+pg' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+us  ok
    1  d1  store  va=0x1000 u32 0x5                       only ok
    2  d1  pte    table=0x9 index=1 width=8 gfn=0x2 p+us  ok
    3  d1  load   va=0x1000 u32                           0x00000022 | 0x00000005
    4  d1  cr0    value=pe+et+wp+pg                       done
    5  d1  store  va=0x1000 u32 0x6                       only #PF P+W va=0x1000
    6  d1  cr4    value=pae+smap                          done
    7  d1  load   va=0x1000 u32                           only #PF P va=0x1000
    8  d1  load   va=0x1000 u32 kernel_ac                 0x00000022 | 0x00000005`,
  ],
  '[T1] an entry may be remembered as EFER.NXE made it': [
    { ...four, efer: 'nxe' },
    `
    0  d1  pte    table=0x9 index=1 width=8 gfn=0x1 p+nx  ok
    1  d1  load   va=0x1000 u32                           only 0x00000011
    2  d1  efer   value=lme                               done
    3  d1  load   va=0x1000 u32                           #PF P+RSVD va=0x1000 | 0x00000011
    4  d1  fetch  va=0x1000 u32                           only #PF P+RSVD va=0x1000
    5  d1  efer   value=lme+nxe                           done
    6  d1  fetch  va=0x1000 u32                           only #PF P+I va=0x1000`,
  ],
  '[T1] an entry that an access changes by itself may be remembered as it was': [
    two,
    `
    0  d1  pte    table=0x9 index=9 width=4 gfn=0x9 p+rw  ok
    1  d1  store  va=0x9024 u32 0x2003                    only ok
    2  d1  load   va=0x9000 u32                           0x00000022 | 0x00000000
    3  d1  store  va=0x9000 u32 0x5                       only ok
    4  d1  load   at=0x9+0x24 u32                         0x00002063`,
  ],
  '[T1] each page of an access is found for itself': [
    two,
    `
    0  d1  pte    table=0x9 index=1 width=4 gfn=0x4 p+rw  ok
    1  d1  pte    table=0x9 index=2 width=4 gfn=0x5 p+rw  ok
    2  d1  store  va=0x1ffe u32 0x22221111                only ok
    3  d1  pte    table=0x9 index=1 width=4 gfn=0x6 p+rw  ok
    4  d1  pte    table=0x9 index=2 width=4 gfn=0x7 p+rw  ok
    5  d1  load   va=0x1ffe u32                           0x00000000 | 0x00001111 | 0x22220000 | 0x22221111
    6  d1  pte    table=0x9 index=2 width=4 gfn=0x7 0x0   ok
    7  d1  load   va=0x1ffe u16                           0x00000000 | 0x00001111
    8  d1  load   va=0x1ffc u32                           0x00000000 | 0x11110000`,
  ],
};

const orders: PagedScenarios = {
  '[T1] never is a new upper entry used with an older lower one': [
    four,
    `
    0  d1  pte   table=0xd index=1 width=8 gfn=0x3 p    ok
    1  d1  pte   table=0xa index=1 width=8 gfn=0xd p    ok
    2  d1  pte   table=0xc index=1 width=8 gfn=0x1 p+a  ok
    3  d1  load  va=0x201000 u32                        only 0x00000033
    4  d1  pte   table=0xc index=1 width=8 gfn=0x2 p    ok
    5  d1  pte   table=0xa index=1 width=8 gfn=0xc p    ok
    6  d1  load  va=0x201000 u32                        0x00000022 | 0x00000033`,
  ],
  '[T1] an old upper entry may be used with a newer lower one': [
    four,
    `
    0  d1  pte   table=0xd index=1 width=8 gfn=0x3 p    ok
    1  d1  pte   table=0xc index=1 width=8 gfn=0x1 p    ok
    2  d1  pte   table=0xa index=1 width=8 gfn=0xc p    ok
    3  d1  load  va=0x201000 u32                        only 0x00000011
    4  d1  pte   table=0xa index=1 width=8 gfn=0xd p    ok
    5  d1  pte   table=0xc index=1 width=8 gfn=0x2 p+a  ok
    6  d1  load  va=0x201000 u32                        0x00000033 | 0x00000011 | 0x00000022`,
  ],
  '[T1] between two entries of a walk nothing was forgotten': [
    four,
    `
    0  d1  pte     table=0xd index=1 width=8 gfn=0x3 p    ok
    1  d1  pte     table=0xc index=1 width=8 gfn=0x1 p    ok
    2  d1  pte     table=0xa index=1 width=8 gfn=0xc p    ok
    3  d1  load    va=0x201000 u32                        only 0x00000011
    4  d1  pte     table=0xa index=1 width=8 gfn=0xd p    ok
    5  d1  invlpg  va=0x5000                              done
    6  d1  pte     table=0xc index=1 width=8 gfn=0x2 p+a  ok
    7  d1  load    va=0x201000 u32                        0x00000033 | 0x00000011`,
  ],
  '[T1] a page that was a table may be remembered as one': [
    two,
    `
    0  d1  pte                   table=0xc index=1 width=4 gfn=0x1 p  ok
    1  d1  pte                   table=0x8 index=1 width=4 gfn=0xc p  ok
    2  d1  load                  va=0x401000 u32                      only 0x00000011
    3  d1  decrease_reservation  self gfns=0xc                        1
    4  d1  load                  va=0x401000 u32                      #PF 0 va=0x401000 | 0x00000011
    5  d1  cr3                   value=0x8000                         done
    6  d1  load                  va=0x401000 u32                      only #PF 0 va=0x401000`,
  ],
  '[T1] an entry set while paging was off is no translation of before': [
    two,
    `
    0  d1  pte   table=0x9 index=1 width=4 gfn=0x1 p    ok
    1  d1  load  va=0x1000 u32                          only 0x00000011
    2  d1  cr0   value=pe+et+wp                         done
    3  d1  pte   table=0x9 index=1 width=4 gfn=0x2 p+a  ok
    4  d1  pte   table=0x9 index=1 width=4 gfn=0x3 p    ok
    5  d1  load  va=0x1000 u32                          only 0x00000011
    6  d1  cr0   value=pe+et+wp+pg                      done
    7  d1  load  va=0x1000 u32                          only 0x00000033`,
  ],
};

const all = { remembered, orders };

describe.each(Object.entries(all))('translations: %s', (_, scenarios) => {
  test.each(rowsOf(scenarios))('%s (%s)', (title, paging, setup, body) => {
    const { text, script, missed } = playPaged(title, paging, setup, body);
    expect(text).toBe(script);
    expect(missed).toEqual([]);
  });
});

describe('an access by what is remembered', () => {
  const by = { caller: DomainId(1), vcpu: VcpuId(0), size: 4 };
  const store: Step = {
    ...by,
    op: 'store_linear',
    as: 'kernel',
    linear: { low: 0x1000, high: 0 },
    value: { low: 5, high: 0 },
  };
  const entry: Step = { ...by, op: 'load', address: GuestPhysical(0x9004) };

  test('[T1] [W6] marks no entry', () => {
    const script = `
    0  d1  pte    table=0x9 index=1 width=4 gfn=0x1 p+rw  ok
    1  d1  store  va=0x1000 u32 0x5                       ok
    2  d1  pte    table=0x9 index=1 width=4 gfn=0x1 p+rw  ok`;
    const { state } = playPaged('', 'shadow', two, script);
    const left = [...step(state, store)].map(({ reply, next }) => {
      const after = next(reply);
      const [seen] = isObjection(after) ? [] : step(after, entry);
      return [reply.is, seen?.reply];
    });
    expect(left).toEqual([
      ['stored', { is: 'value', value: { low: 0x1063, high: 0 } }],
      ['stored', { is: 'value', value: { low: 0x1003, high: 0 } }],
    ]);
  });
});
