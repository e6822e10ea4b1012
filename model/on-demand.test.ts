import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[P15] [P16] a gfn is populated when it is read, with zeros': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41 on_demand=1  2
    1  tool  pod_target        d1                             ok pages=8 kept=0 gfns=2
    2  tool  pod_target        d1 pages=9                     ok pages=9 kept=1 gfns=2
    3  tool  memory_type       d1 gfn=0x40                    ram_rw
    4  d1    load              at=0x40 u32                    0x00000000
    5  tool  pod_target        d1                             ok pages=9 kept=0 gfns=1
    6  d1    store             at=0x40 u32 0x5                ok`,
  '[P15] [P6.12] gfns are marked piece by piece, up to one that holds something': `
    0  d1    decrease_reservation  self gfns=0x1,0x2               2
    1  d0    populate_physmap      d1 gfns=0x1 order=2 on_demand=1  0
    2  tool  pod_target            d1                              ok pages=6 kept=0 gfns=2`,
  '[P15] a page of zeros is taken back for another gfn, one that is written is not': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41,0x42 on_demand=1  3
    1  tool  pod_target        d1 pages=9                          ok pages=9 kept=1 gfns=3
    2  d1    load              at=0x40 u32                         0x00000000
    3  d1    store             at=0x41 u32 0x1                     ok
    4  tool  pod_target        d1                                  ok pages=9 kept=0 gfns=2
    5  d1    load              at=0x42 u32                         0x00000000 | crashed`,
  '[P15] a search goes on below its stretch, some gfns at a time, until a page is found': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41,0x42 on_demand=1  3
    1  tool  pod_target        d1 pages=9                          ok pages=9 kept=1 gfns=3
    2  d1    store             at=0x7 u32 0x1                      ok
    3  d1    store             at=0x41 u32 0x1                     ok
    4  d1    load              at=0x42 u32                         0x00000000 | crashed
    5  tool  pod_target        d1                                  only ok pages=9 kept=0 gfns=2
    6  d1    store             at=0x42 u32 0x2                     only ok
    7  d1    load              at=0x40 u32                         only 0x00000000
    8  tool  pod_target        d1                                  only ok pages=9 kept=4 gfns=6
    9  d1    load              at=0x7 u32                          only 0x00000001`,
  '[P15] the gfns below the highest demand are swept for zeros': `
    0  d0    populate_physmap  d1 gfns=0x9,0xa on_demand=1  2
    1  tool  pod_target        d1 pages=9                   ok pages=9 kept=1 gfns=2
    2  d1    store             at=0x9 u32 0x1               ok
    3  d1    store             at=0xa u32 0x2               ok
    4  tool  pod_target        d1                           ok pages=9 kept=6 gfns=7`,
  '[P15] [G1] [G3] taking a grant into use asks for its page': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41 on_demand=1   2
    1  tool  pod_target        d1 pages=10                     ok pages=10 kept=2 gfns=2
    2  d1    grant             ref=3 to=d2 gfn=0x40 rw         ok
    3  d2    map               d1/3 at=0x40 rw                 ok
    4  d1    grant             ref=4 to=d2 gfn=0x41 rw         ok
    5  d2    copy              d1/4 -> self:0x1 bytes=8        ok
    6  tool  pod_target        d1                              ok pages=10 kept=0 gfns=0`,
  '[P15] [P11] [P13] [P14] [D7] calls that look at a gfn ask for its page': `
    0  d0    populate_physmap      d1 gfns=0x40,0x41,0x42,0x43,0x44 on_demand=1  5
    1  tool  pod_target            d1 pages=13                                   ok pages=13 kept=5 gfns=5
    2  d1    add_to_physmap        self space=gmfn index=0x40 gfn=0x50           ok
    3  d1    add_to_physmap        self space=gmfn index=0x1 gfn=0x41            ok
    4  d1    remove_from_physmap   self gfn=0x42                                 ok
    5  tool  set_memory_type       d1 gfn=0x43 count=1 type=1                    ok
    6  tool  inspect_gfn           d1 gfn=0x44                                   ram_rw 0x0000000000000000
    7  tool  pod_target            d1                                            ok pages=12 kept=0 gfns=0`,
  '[P15] [P5] [P6] a page put over a gfn without one leaves what is kept': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41 on_demand=1  2
    1  tool  pod_target        d1 pages=10                    ok pages=10 kept=2 gfns=2
    2  d1    populate_physmap  self gfns=0x40                 1
    3  tool  pod_target        d1                             ok pages=11 kept=2 gfns=1
    4  tool  pod_target        d1 pages=12                    ok pages=10 kept=1 gfns=1`,
  '[G3] [G3.4] copies end with the one that finds no page and crashes its caller': `
    0  d1  store             at=0x1 u32 0x77                                ok
    1  d1  grant             ref=3 to=d2 gfn=0x2 rw                         ok
    2  d1  grant             ref=4 to=d2 gfn=0x4 rw                         ok
    3  d2  map               d1/3 at=0x40 rw ; d1/4 at=0x41 rw              ok ; ok
    4  d0  populate_physmap  d1 gfns=0x40 on_demand=1                       1
    5  d1  copy              self:0x1 -> self:0x2 bytes=8 ; self:0x40 -> self:0x3 bytes=8 ; self:0x1 -> self:0x4 bytes=8  crashed
    6  d2  load              at=0x40 u32                                    0x00000077
    7  d2  load              at=0x41 u32                                    0x00000000`,
  '[P11.11] a batch of pages ends with the one that finds none and crashes its caller': `
    0  d0    populate_physmap       d1 gfns=0x40 on_demand=1                                              1
    1  d1    add_to_physmap_batch   self space=gmfn ; 0x1 at=0x50 ; 0x40 at=0x51 ; 0x2 at=0x52  crashed
    2  tool  memory_type            d1 gfn=0x50                                                           ram_rw
    3  tool  memory_type            d1 gfn=0x52                                                           mmio_dm
    4  d0    populate_physmap       d2 gfns=0x40 on_demand=1                                              1
    5  d2    marshalled             place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x40 at=0x51 ; 0x2 at=0x52  crashed
    6  tool  memory_type            d2 gfn=0x52                                                           mmio_dm`,
  '[P11] a range of pages goes no further than a place that crashes its caller': `
    0  d0    populate_physmap  d1 gfns=0x50 on_demand=1                              1
    1  d1    add_to_physmap    self space=gmfn_range index=0x1 gfn=0x50 size=2       crashed
    2  tool  memory_type       d1 gfn=0x1                                            mmio_dm
    3  tool  memory_type       d1 gfn=0x2                                            ram_rw`,
  '[P8] [P15] what is given up is kept while gfns want for pages, whoever has it mapped': `
    0   d1    store                 at=0x1 u32 0x77             ok
    1   d1    grant                 ref=3 to=d2 gfn=0x1 rw      ok
    2   d2    map                   d1/3 at=0x40 rw             ok
    3   d0    populate_physmap      d1 gfns=0x40 on_demand=1    1
    4   d1    decrease_reservation  self gfns=0x1               1
    5   tool  pod_target            d1                          ok pages=8 kept=1 gfns=1
    6   d2    load                  at=0x40 u32                 0x00000000
    7   d2    store                 at=0x40 u32 0x5             ok
    8   d1    load                  at=0x40 u32                 0x00000005
    9   d1    decrease_reservation  self gfns=0x2               1
    10  tool  domain_info           d1                          pages=7 maximum=14`,
  '[P8] [P15] a gfn without a page is given up for nothing, and no more pages are kept than gfns': `
    0  d0    populate_physmap      d1 gfns=0x40,0x41 on_demand=1  2
    1  tool  pod_target            d1 pages=10                    ok pages=10 kept=2 gfns=2
    2  d1    decrease_reservation  self gfns=0x40 order=1         1
    3  tool  pod_target            d1                             ok pages=8 kept=0 gfns=0
    4  d1    decrease_reservation  self gfns=0x41                 0`,
  '[P8] [P8.4] [P15] gfns without a page are passed over in an extent, and as many holes as there were of them': `
    0  d0    populate_physmap      d1 gfns=0x40,0x43,0x44 on_demand=1  3
    1  d1    populate_physmap      self gfns=0x41                      1
    2  d1    decrease_reservation  self gfns=0x40 order=1              1
    3  d1    load                  at=0x41 u8                          0x000000ff
    4  d1    decrease_reservation  self gfns=0x42 order=1              0
    5  d1    decrease_reservation  self gfns=0x44 order=1              0
    6  tool  pod_target            d1                                  ok pages=8 kept=0 gfns=0`,
  '[P16] a target below what a domain has, or above what its gfns want, changes no more than that': `
    0  d0    populate_physmap  d1 gfns=0x40 on_demand=1  1
    1  tool  pod_target        d1 pages=3                ok pages=8 kept=0 gfns=1
    2  tool  pod_target        d1 pages=14               ok pages=9 kept=1 gfns=1
    3  tool  destroy           d1                        ok
    4  tool  pod_target        d1                        -ESRCH pages=0 kept=0 gfns=0`,
  '[W5] [P15] a table is asked for by a walk, and empty': `
    machine paged paging=shadow
    0  d0    populate_physmap  d1 gfns=0x40 on_demand=1  1
    1  tool  pod_target        d1 pages=17               ok pages=17 kept=1 gfns=1
    2  d1    pte               table=0x1 index=0 width=4 gfn=0x40 p+rw+us+a  ok
    3  d1    cr3               value=0x1000              done
    4  d1    cr0               value=pe+pg               done
    5  d1    load              va=0x0 u32                #PF 0 va=0x0
    6  tool  pod_target        d1                        ok pages=17 kept=0 gfns=0`,
};

const refusals: Scenarios = {
  '[P6.11] populate_physmap stops at once where a domain leaves its own gfns': `
    0  d1  populate_physmap  self gfns=0x40 on_demand=1  0`,
  '[P6.12] populate_physmap stops at a gfn to leave that holds something': `
    0  d0    populate_physmap  d1 gfns=0x40,0x40,0x1 on_demand=1  2
    1  tool  pod_target        d1                                 ok pages=8 kept=0 gfns=1`,
  '[P6.13] populate_physmap stops at a gfn to leave that no p2m holds': `
    0  d0    populate_physmap  d1 gfns=0x1000000000 on_demand=1  0`,
  '[P6.14] populate_physmap stops where there is no table for a gfn to leave; of several it is the end': `
    machine small p2m_table_frames=4 default.table=0x10
    0  d0    populate_physmap  d1 gfns=0x400 on_demand=1          0
    1  d1    load              at=0x1 u8                          0x00000000
    2  d0    populate_physmap  d1 gfns=0x400 order=1 on_demand=1  0
    3  d1    load              at=0x1 u8                          no_domain`,
  '[P15.1] a domain is crashed where no page is left for its gfn': `
    0  d0  populate_physmap  d1 gfns=0x40 on_demand=1  1
    1  d1  load              at=0x40 u8                crashed`,
  '[P15] [G1.12] a granter is crashed that has no page left, its grantee refused': `
    0  d0    populate_physmap  d1 gfns=0x40 on_demand=1  1
    1  d1    grant             ref=3 to=d2 gfn=0x40 rw   ok
    2  d2    map               d1/3 at=0x40 rw           bad_page
    3  d1    load              at=0x1 u8                 no_domain`,
  '[P16.1] pod_target refuses -ESRCH for a domain that does not exist': `
    0  tool  pod_target  d9 pages=1  -ESRCH pages=0 kept=0 gfns=0`,
  '[P16.2] pod_target refuses -EINVAL for the control domain': `
    0  tool  pod_target  d0  -EINVAL pages=0 kept=0 gfns=0`,
  '[P16.3] pod_target refuses -EINVAL for more than a domain may own': `
    0  tool  pod_target  d1 pages=15  -EINVAL pages=0 kept=0 gfns=0`,
  '[P16.4] pod_target refuses -ENOMEM where the machine has no more': `
    machine small guest_frames=25
    0  d0    populate_physmap  d1 gfns=0x40,0x41 on_demand=1  2
    1  tool  pod_target        d1 pages=10                    -ENOMEM pages=0 kept=0 gfns=0
    2  tool  pod_target        d1                             ok pages=9 kept=1 gfns=2`,
  '[D13] [D13.1] [D13.2] memory_type answers and changes nothing, or -ESRCH, or -EINVAL': `
    0  tool  memory_type  d1 gfn=0x1   ram_rw
    1  tool  memory_type  d1 gfn=0x99  mmio_dm
    2  tool  memory_type  d9 gfn=0x1   -ESRCH
    3  tool  memory_type  d0 gfn=0x1   -EINVAL`,
};

describe('populating on demand', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
