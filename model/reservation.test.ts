import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[P6] populate_physmap puts fresh pages at gfns and answers the extents done': `
    0  d1    populate_physmap  self gfns=0x30,0x40 order=1  2
    1  d1    store             at=0x41 u32 0x41             ok
    2  d1    load              at=0x41 u32                  0x00000041
    3  d1    load              at=0x30 u32                  0x00000000
    4  d1    load              at=0x32 u32                  0xffffffff
    5  tool  domain_info       d1                           pages=12 maximum=14
    6  d1    populate_physmap  self gfns=none               0`,
  '[P6.9] populate_physmap: the last gfn of all is followed by the first': `
    0  d1    store             at=0x0 u32 0x5        ok
    1  d1    populate_physmap  self gfns=~0 order=1  0
    2  d1    load              at=0x0 u32            0x00000000
    3  tool  domain_info       d1                    pages=10 maximum=14`,
  '[P7] increase_reservation adds pages without a gfn': `
    0  d1    increase_reservation  self count=2 order=1  2
    1  tool  domain_info           d1                    pages=12 maximum=14
    2  d1    maximum_gpfn          self                  32`,
  '[P8] decrease_reservation gives up the pages at gfns': `
    0  d1    decrease_reservation  self gfns=0x0,0x4 order=1  2
    1  d1    load                  at=0x1 u8                  0x000000ff
    2  d1    load                  at=0x2 u8                  0x00000000
    3  tool  domain_info           d1                         pages=4 maximum=14`,
  '[P8] decrease_reservation of a frame of the table counts, and no page is given up': `
    0  d1    decrease_reservation  self gfns=0x20  1
    1  d1    load                  at=0x20 u8      0x000000ff
    2  tool  domain_info           d1              pages=8 maximum=14
    3  d1    swap                  3 4             ok`,
  '[P8] [H5] a page that the control domain gives up stays in its window': `
    machine whole domains=1 vcpus=1
    0  tool  map_foreign           w5 self:0x54 rw   ok
    1  d0    store                 at=0x805 u32 0x7  ok
    2  d0    decrease_reservation  self gfns=0x54    1
    3  d0    load                  at=0x805 u32      0x00000007
    4  d0    decrease_reservation  self gfns=0x54    1`,
  '[P9] exchange of nothing is okay, whoever is meant': `
    0  d1  exchange  d9 given=none taken=none  ok count=0
    1  d1  exchange  d9 given=none given_order=1 taken=none taken_order=2  ok count=0`,
  '[P10] reservation queries answer what a domain has and may have': `
    0  d1  current_reservation   self                8
    1  d1  maximum_reservation   self                14
    2  d1  maximum_gpfn          self                32
    3  d1  populate_physmap      self gfns=0x50      1
    4  d1  decrease_reservation  self gfns=0x50,0x1  2
    5  d0  current_reservation   d1                  7
    6  d1  maximum_gpfn          d1                  80`,
  '[P2] a p2m keeps the tables it has, though nothing is left in them': `
    machine small p2m_table_frames=5
    0  d1  populate_physmap      self gfns=0x200  1
    1  d1  decrease_reservation  self gfns=0x200  1
    2  d1  populate_physmap      self gfns=0x400  0
    3  d1  populate_physmap      self gfns=0x3ff  1`,
  '[P2] where the pool runs out the larger blocks keep the tables they got': `
    machine small p2m_table_frames=5
    0  d1  populate_physmap  self gfns=0x8000000  0
    1  d1  populate_physmap  self gfns=0x200      0
    2  d1  populate_physmap  self gfns=0x1ff      1`,
  '[P3] a fresh page shows nothing of what was there before': `
    machine small domains=2 guest_frames=16
    0  d1  store                 at=0x1 u64 0x1122334455667788   ok
    1  d1  decrease_reservation  self gfns=0x1                   1
    2  d2  populate_physmap      self gfns=0x30                  1
    3  d2  load                  at=0x30 u64                     0x00000000
    4  d2  store                 at=0x30 u64 0x1122334455667788  ok
    5  d2  decrease_reservation  self gfns=0x30                  1
    6  d2  populate_physmap      self gfns=0x30                  1
    7  d2  load                  at=0x30 u64                     0x00000000`,
  '[P4] a page given up is free at once when nobody holds it': `
    machine small domains=1 guest_frames=8
    0  d1  populate_physmap      self gfns=0x30  0
    1  d1  decrease_reservation  self gfns=0x1   1
    2  d1  populate_physmap      self gfns=0x30  1`,
  '[P4] a page given up is its owner’s and keeps its bytes as long as somebody holds it': `
    0  d1    grant                 ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map                   d1/3 at=0x30 ro         ok
    2  d1    store                 at=0x1 u32 0x11         ok
    3  d1    decrease_reservation  self gfns=0x1           1
    4  tool  domain_info           d1                      pages=8 maximum=14
    5  d2    load                  at=0x30 u32             0x00000011
    6  d2    unmap                 h1 at=0x30              ok
    7  tool  domain_info           d1                      pages=7 maximum=14`,
};

/** d1 is dying: d2 holds a page of its. */
const dying = `
    0  d1    grant    ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map      d1/3 at=0x30 rw         ok
    2  tool  destroy  d1                      ok`;

const refusals: Scenarios = {
  '[P6.1] populate_physmap stops for an order that is too large, by caller': `
    0  d1    populate_physmap  d9 gfns=0x30 order=3    0
    1  d1    populate_physmap  self gfns=0x30 order=2  1
    2  tool  set_memory_limit  d1 pages=99             ok
    3  d0    populate_physmap  d1 gfns=0x40 order=3    1
    4  d0    populate_physmap  d1 gfns=0x50 order=4    0`,
  '[P6.2] populate_physmap stops for an absent domain': `
    0  d1  populate_physmap  d9 gfns=0x30  0`,
  '[P6.3] populate_physmap stops for a domain that is not the caller’s to manage': `
    0  d1  populate_physmap  d2 gfns=0x30  0
    1  d2  load              at=0x30 u8    0x000000ff`,
  '[P6.4] populate_physmap stops for a dying domain': `${dying}
    3  d0  populate_physmap  d1 gfns=0x30  0`,
  '[P6.5] populate_physmap stops at the pages that the domain may own': `
    0  d1  populate_physmap      self gfns=0x30,0x34,0x38 order=1  3
    1  d1  populate_physmap      self gfns=0x40                    0
    2  d1  decrease_reservation  self gfns=0x30                    1
    3  d1  populate_physmap      self gfns=0x40,0x41               1
    4  d1  load                  at=0x40 u8                        0x00000000`,
  '[P6.6] populate_physmap stops when the machine has no pages left': `
    machine small guest_frames=25
    0  d1  populate_physmap  self gfns=0x30,0x31  1`,
  '[P6.7] populate_physmap crashes the caller where a grant mapping is in the way': `
    0  d1    grant             ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map               d1/3 at=0x31 rw         ok
    2  d2    populate_physmap  self gfns=0x30 order=1  crashed
    3  tool  domain_info       d2                      pages=10 maximum=14 shutdown
    4  tool  inspect_gfn       d2 gfn=0x30             mmio_dm
    5  tool  inspect_gfn       d2 gfn=0x31             ram_rw`,
  '[P6.8] populate_physmap crashes another domain where a grant mapping is in the way': `
    0  d1    grant             ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map               d1/3 at=0x31 rw         ok
    2  d0    populate_physmap  d2 gfns=0x30,0x31,0x32  1
    3  tool  domain_info       d2                      pages=10 maximum=14 shutdown`,
  '[P6.8] [P11.13] RAM before the grant mapping is believed to be nowhere, and cannot be moved': `
    0  d1    grant             ref=3 to=d2 gfn=0x1 rw               ok
    1  d2    map               d1/3 at=0x5 rw                       ok
    2  d0    populate_physmap  d2 gfns=0x4 order=1                  0
    3  tool  inspect_gfn       d2 gfn=0x4                           ram_rw mapped 0x0000000000000000
    4  d0    add_to_physmap    d2 space=gmfn index=0x4 gfn=0x30     -EXDEV
    5  d0    add_to_physmap    d2 space=gmfn index=0x6 gfn=0x30     ok
    6  d0    decrease_reservation  d2 gfns=0x4                      1`,
  '[P6.9] populate_physmap stops at a gfn beyond what a p2m can hold; the pages stay': `
    0  d1    populate_physmap  self gfns=0x30,0x1000000000,0x31  1
    1  tool  domain_info       d1                                pages=10 maximum=14`,
  '[P6.10] populate_physmap stops where there is no table left; the pages stay': `
    machine small p2m_table_frames=4
    0  d1    populate_physmap  self gfns=0x30,0x200,0x31  1
    1  tool  domain_info       d1                         pages=10 maximum=14`,
  '[P7.1] increase_reservation stops for an order that is too large': `
    0  d1  increase_reservation  self count=1 order=3  0`,
  '[P7] increase_reservation takes the largest order that its caller may ask for': `
    0  d1  increase_reservation  self count=1 order=2  1`,
  '[P7.2] increase_reservation stops for an absent domain': `
    0  d1  increase_reservation  d9 count=1  0`,
  '[P7.3] increase_reservation stops for a domain that is not the caller’s to manage': `
    0  d1  increase_reservation  d2 count=1  0`,
  '[P7.4] increase_reservation stops for a dying domain': `${dying}
    3  d0    increase_reservation  d1 count=1  0
    4  tool  domain_info           d1          pages=1 maximum=14 dying`,
  '[P7.5] increase_reservation stops at the pages that the domain may own': `
    0  d1  increase_reservation  self count=4 order=1  3
    1  d1  current_reservation   self                  14`,
  '[P7.6] increase_reservation stops when the machine has no pages left': `
    machine small guest_frames=25
    0  d1  increase_reservation  self count=2  1`,
  '[P8.1] decrease_reservation stops for an order that is too large': `
    0  d1  decrease_reservation  self gfns=0x0 order=3  0
    1  d0  decrease_reservation  d1 gfns=0x0 order=3    1`,
  '[P8.2] decrease_reservation stops for an absent domain': `
    0  d1  decrease_reservation  d9 gfns=0x0  0`,
  '[P8.3] decrease_reservation stops for a domain that is not the caller’s to manage': `
    0  d1  decrease_reservation  d2 gfns=0x0  0
    1  d2  load                  at=0x0 u8    0x00000000`,
  '[P8.4] decrease_reservation stops at a gfn where nothing is, in the midst of an extent': `
    0  d1  decrease_reservation  self gfns=0x1,0x9,0x2  1
    1  d1  decrease_reservation  self gfns=0x7 order=1  0
    2  d1  load                  at=0x7 u8              0x000000ff
    3  d1  current_reservation   self                   6`,
  '[P8.5] decrease_reservation stops at a gfn where another’s page is': `
    0  d1  grant                 ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map                   d1/3 at=0x30 rw         ok
    2  d2  decrease_reservation  self gfns=0x2,0x30,0x3  1
    3  d2  load                  at=0x30 u8              0x00000000
    4  d2  load                  at=0x3 u8               0x00000000`,
  '[P9.1] exchange refuses -EPERM for an order that is too large': `
    0  d1  exchange  self given=none taken=none taken_order=3  -EPERM count=0
    1  d1  exchange  self given=0x1 given_order=3 taken=none   -EPERM count=0`,
  '[P9.2] exchange refuses -EINVAL where given and taken differ in size': `
    0  d1  exchange  d9 given=0x1,0x2 taken=0x3                  -EINVAL count=0
    1  d1  exchange  self given=0x1,0x2 taken=0x3 taken_order=1  -EOPNOTSUPP count=0`,
  '[P9.3] exchange refuses -ESRCH for an absent domain': `
    0  d1  exchange  d9 given=0x1 taken=0x3  -ESRCH count=0`,
  '[P9.4] exchange refuses -EPERM for a domain that is not the caller’s to manage': `
    0  d1  exchange  d2 given=0x9 taken=0x3  -EPERM count=0`,
  '[P9.5] exchange refuses -EINVAL where nothing is at the first gfn': `
    0  d1  exchange  self given=0x9,0x1 taken=0x3,0x4  -EINVAL count=0`,
  '[P9.6] exchange refuses -EOPNOTSUPP for the pages of an auto-translated domain': `
    0  d1  exchange  self given=0x1,0x9 taken=0x3,0x4  -EOPNOTSUPP count=0
    1  d1  load      at=0x1 u8                         0x00000000`,
  '[P10.1] reservation queries refuse -ESRCH for an absent domain': `
    0  d1  current_reservation  d9  -ESRCH
    1  d1  maximum_reservation  d9  -ESRCH
    2  d1  maximum_gpfn         d9  -ESRCH`,
  '[P10.2] reservation queries refuse -EPERM for a domain not the caller’s to manage': `
    0  d1  current_reservation  d2  -EPERM
    1  d1  maximum_reservation  d2  -EPERM
    2  d1  maximum_gpfn         d2  -EPERM`,
};

describe('reservations', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
