import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[P11] add_to_physmap moves a page of the domain’s own and frees the RAM it replaces': `
    0  d1    store           at=0x1 u32 0x11                    ok
    1  d1    add_to_physmap  self space=gmfn index=0x1 gfn=0x2  ok
    2  d1    load            at=0x2 u32                         0x00000011
    3  d1    load            at=0x1 u32                         0xffffffff
    4  tool  domain_info     d1                                 pages=7 maximum=14`,
  '[P11] add_to_physmap of a page to its own gfn changes nothing': `
    0  d1    store           at=0x1 u32 0x11                    ok
    1  d1    add_to_physmap  self space=gmfn index=0x1 gfn=0x1  ok
    2  d1    load            at=0x1 u32                         0x00000011
    3  tool  domain_info     d1                                 pages=8 maximum=14`,
  '[P11] add_to_physmap puts the shared info at one gfn at a time': `
    0  d1    add_to_physmap  self space=shared_info index=0x0 gfn=0x30  ok
    1  d1    load            at=0x30 u8                                 0x00000001
    2  d1    add_to_physmap  self space=shared_info index=0x0 gfn=0x31  ok
    3  d1    load            at=0x30 u8                                 0x000000ff
    4  d1    load            at=0x31 u8                                 0x00000001
    5  tool  domain_info     d1                                         pages=8 maximum=14`,
  '[P11] add_to_physmap of a frame of the table takes 32 bits of its index': `
    0  d1  grant           ref=3 to=d2 gfn=0x1 rw  ok
    1  d1  add_to_physmap  self space=grant_table index=0x100000000 gfn=0x30  ok
    2  d1  load            at=0x30+0x18 u16        0x00000001
    3  d1  load            at=0x20 u32             0xffffffff`,
  '[P11] add_to_physmap onto a frame of the table takes it out of the p2m, no more': `
    0  d1    add_to_physmap  self space=gmfn index=0x1 gfn=0x20  ok
    1  d1    setup_table     self frames=1                       ok ~0
    2  tool  domain_info     d1                                  pages=8 maximum=14`,
  '[P11] add_to_physmap of a range moves page by page': `
    0  d1  store           at=0x1 u32 0x11  ok
    1  d1  store           at=0x2 u32 0x22  ok
    2  d1  add_to_physmap  self space=gmfn_range index=0x1 gfn=0x30 size=2  ok
    3  d1  load            at=0x30 u32      0x00000011
    4  d1  load            at=0x31 u32      0x00000022
    5  d1  add_to_physmap  self space=gmfn_range index=0x7 gfn=0x40 size=2  -EINVAL
    6  d1  load            at=0x40 u32      0x00000000
    7  d1  add_to_physmap  self space=gmfn_range index=0x99 gfn=0x40 size=0  ok`,
  '[P11] add_to_physmap of no pages is okay wherever they are not': `
    0  d1  add_to_physmap  self space=gmfn_range index=~0 gfn=0x40 size=0  ok`,
  '[P11] add_to_physmap grows the table to the last frame that it may have': `
    0  d1  add_to_physmap  self space=grant_table index=0x2 gfn=0x30  ok
    1  d1  query_size      self                                       ok frames=3 maximum=3`,
  '[P11] add_to_physmap of a status frame grows the table by all that share it': `
    machine small grant_frames_maximum=4 default.grant_frames=4
    0  d1  set_version     2     ok v2
    1  d1  add_to_physmap  self space=grant_table index=0x80000001 gfn=0x25  ok
    2  d1  query_size      self  ok frames=4 maximum=4`,
  '[P12] add_to_physmap_batch answers a value for each entry and goes on after a failure': `
    0  d1  store                 at=0x2 u32 0x22                              ok
    1  d1  add_to_physmap_batch  self space=gmfn ; 0x9 at=0x30 ; 0x2 at=0x31  ok each -EINVAL,ok
    2  d1  load                  at=0x31 u32                                  0x00000022
    3  d1  add_to_physmap_batch  self space=gmfn                              ok each none`,
  '[P13] remove_from_physmap empties a gfn and keeps the page': `
    0  d1    remove_from_physmap  self gfn=0x1  ok
    1  d1    load                 at=0x1 u32    0xffffffff
    2  tool  domain_info          d1            pages=8 maximum=14`,
  '[P13] remove_from_physmap of a mapping of the domain’s own grant leaves the handle': `
    0  d1  grant                ref=3 to=d1 gfn=0x1 rw  ok
    1  d1  map                  d1/3 at=0x30 rw         ok
    2  d1  remove_from_physmap  self gfn=0x30           ok
    3  d1  load                 at=0x30 u32             0xffffffff
    4  d1  unmap                h1 at=0x30              general_error
    5  d1  load                 at=0x20+0x18 u16        0x00000019`,
  '[P1] a page is used through a gfn by its owner only': `
    0  d1    grant                 ref=3 to=d2 gfn=0x1 rw               ok
    1  d2    map                   d1/3 at=0x30 rw                      ok
    2  d2    add_to_physmap        self space=gmfn index=0x30 gfn=0x31  -EINVAL
    3  d2    remove_from_physmap   self gfn=0x30                        -ENOENT
    4  d2    decrease_reservation  self gfns=0x30                       0
    5  d2    copy                  self:0x30 -> self:0x2 bytes=4        bad_page
    6  tool  inspect_gfn           d2 gfn=0x30                          ram_rw`,
  '[P1] a page given up is used through the gfn of a self mapping while that holds it': `
    0  d1    grant                 ref=3 to=d1 gfn=0x1 rw             ok
    1  d1    map                   d1/3 at=0x30 rw ; d1/3 at=0x31 rw  ok ; ok
    2  d1    decrease_reservation  self gfns=0x30                     1
    3  d1    copy                  self:0x31 -> self:0x2 bytes=4      ok
    4  tool  domain_info           d1                                 pages=8 maximum=14
    5  d1    unmap                 h1 at=0x31                         ok
    6  tool  domain_info           d1                                 pages=8 maximum=14
    7  tool  destroy               d1                                 ok`,
  '[P5] RAM under a new grant mapping loses its gfn and stays the domain’s': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    store        at=0x2 u32 0x22         ok
    2  d2    map          d1/3 at=0x2 rw          ok
    3  d2    load         at=0x2 u32              0x00000000
    4  d2    unmap        h2 at=0x2               ok
    5  d2    load         at=0x2 u32              0xffffffff
    6  tool  domain_info  d2                      pages=8 maximum=14`,
  '[P5] RAM under a populated page loses its gfn and stays the domain’s': `
    0  d1    populate_physmap  self gfns=0x2  1
    1  tool  domain_info       d1             pages=9 maximum=14`,
};

const refusals: Scenarios = {
  '[P11.1] add_to_physmap refuses -ENOSYS for pages of another domain': `
    0  d1  add_to_physmap  d9 space=gmfn_foreign index=0x1 gfn=~0  -ENOSYS`,
  '[P11.2] add_to_physmap refuses -ESRCH for an absent domain': `
    0  d1  add_to_physmap  d9 space=dev_mmio index=0x1 gfn=~0  -ESRCH`,
  '[P11.3] add_to_physmap refuses -EACCES for the control domain, which has no p2m': `
    0  d0  add_to_physmap  self space=gmfn index=0x1 gfn=0x2  -EACCES
    1  d1  add_to_physmap  d0 space=gmfn index=0x1 gfn=0x2    -EACCES`,
  '[P11.4] add_to_physmap refuses -EACCES for device memory': `
    0  d1  add_to_physmap  d2 space=dev_mmio index=0x1 gfn=0x2  -EACCES`,
  '[P11.5] add_to_physmap refuses -EPERM for a domain that is not the caller’s to manage': `
    0  d1  add_to_physmap  d2 space=gmfn index=0x1 gfn=~0    -EPERM
    1  d0  add_to_physmap  d2 space=gmfn index=0x1 gfn=0x30  ok`,
  '[P11.6] add_to_physmap refuses -EINVAL for the gfn that means none': `
    0  d1  add_to_physmap  self space=gmfn_range index=~0 gfn=~0 size=1  -EINVAL`,
  '[P11.7] add_to_physmap refuses -EOVERFLOW for a range around the end of the numbers': `
    0  d1  add_to_physmap  self space=gmfn_range index=~0 gfn=0x1 size=1  -EOVERFLOW`,
  '[P11.8] add_to_physmap refuses -EINVAL for another shared info than the first': `
    0  d1  add_to_physmap  self space=shared_info index=0x1 gfn=0x30  -EINVAL`,
  '[P11.9] add_to_physmap refuses -EINVAL for a frame that the table may not have': `
    0  d1  add_to_physmap  self space=grant_table index=0x3 gfn=0x30  -EINVAL
    1  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x30  -EINVAL
    2  d1  query_size      self                                       ok frames=1 maximum=3`,
  '[P11.10] add_to_physmap refuses -EBUSY for a frame of the table that was given up': `
    0  d1    decrease_reservation  self gfns=0x20                             1
    1  d1    add_to_physmap        self space=grant_table index=0x0 gfn=0x20  -EBUSY
    2  tool  domain_info           d1                                         pages=8 maximum=14`,
  '[P11.10] add_to_physmap refuses -EBUSY for a frame of the table of a dying domain': `
    0  d1    grant           ref=3 to=d2 gfn=0x1 rw                   ok
    1  d2    map             d1/3 at=0x30 rw                          ok
    2  tool  destroy         d1                                       ok
    3  d0    add_to_physmap  d1 space=grant_table index=0x0 gfn=0x20  -EBUSY`,
  '[P11.11] add_to_physmap refuses -EINVAL where no page of the domain’s is at the source': `
    0  d1  add_to_physmap  self space=gmfn index=0x9 gfn=0x30  -EINVAL`,
  '[P11.12] add_to_physmap refuses -EINVAL for an unknown space': `
    0  d1  add_to_physmap  self space=6 index=0x1 gfn=0x30  -EINVAL`,
  '[P11] a page put over a frame of the table leaves that one without a gfn, to have another': `
    0  d1  grant           ref=3 to=d2 gfn=0x2 rw                        ok
    1  d1  add_to_physmap  self space=gmfn index=0x1 gfn=0x20            ok
    2  d1  load            at=0x20+0x18 u32                              0x00000000
    3  d1  add_to_physmap  self space=grant_table index=0x0 gfn=0x21     ok
    4  d1  load            at=0x21+0x18 u32                              0x00020001
    5  d1  load            at=0x20 u8                                    0x00000000`,
  '[P11.13] add_to_physmap refuses -EXDEV for a source that maps the domain’s own grant': `
    0  d1  grant           ref=3 to=d1 gfn=0x1 rw               ok
    1  d1  map             d1/3 at=0x30 rw                      ok
    2  d1  add_to_physmap  self space=gmfn index=0x30 gfn=0x31  -EXDEV
    3  d1  load            at=0x30 u8                           0x00000000`,
  '[P11.13] [P15] the gfn that it is to be at is looked at before': `
    0  d1    grant             ref=3 to=d1 gfn=0x1 rw               ok
    1  d1    map               d1/3 at=0x30 rw                      ok
    2  d0    populate_physmap  d1 gfns=0x40 on_demand=1             1
    3  tool  pod_target        d1 pages=9                           ok pages=9 kept=1 gfns=1
    4  d1    add_to_physmap    self space=gmfn index=0x30 gfn=0x40  -EXDEV
    5  tool  pod_target        d1                                   ok pages=9 kept=0 gfns=0`,
  '[P11.14] add_to_physmap refuses -ENXIO onto what is not the domain’s to give up': `
    0  d1  grant           ref=3 to=d2 gfn=0x1 rw              ok
    1  d2  map             d1/3 at=0x30 rw                     ok
    2  d2  add_to_physmap  self space=gmfn index=0x1 gfn=0x30  -ENXIO
    3  d2  load            at=0x1 u8                           0x00000000
    4  d2  unmap           h1 at=0x30                          ok`,
  '[P11.16] add_to_physmap refuses -ENOENT for a gfn beyond what a p2m can hold': `
    0  d1    add_to_physmap  self space=gmfn index=0x1 gfn=0x1000000000  -ENOENT
    1  d1    load            at=0x1 u8                                   0x000000ff
    2  tool  domain_info     d1                                          pages=8 maximum=14`,
  '[P11.17] add_to_physmap refuses -ENOMEM when there is no table left for the gfn': `
    machine small p2m_table_frames=4
    0  d1  add_to_physmap  self space=shared_info index=0x0 gfn=0x200  -ENOMEM
    1  d1  add_to_physmap  self space=shared_info index=0x0 gfn=0x30   ok`,
  '[P11.15] add_to_physmap refuses -EILSEQ for a page of a dying domain at another gfn': `
    0  d1    grant           ref=3 to=d2 gfn=0x20 rw                  ok
    1  d2    map             d1/3 at=0x30 rw                          ok
    2  tool  destroy         d1                                       ok
    3  d0    add_to_physmap  d1 space=grant_table index=0x0 gfn=0x21  -EILSEQ
    4  d0    add_to_physmap  d1 space=grant_table index=0x0 gfn=0x20  -ENOMEM`,
  '[P12.1] add_to_physmap_batch refuses -EOPNOTSUPP for ranges': `
    0  d1  add_to_physmap_batch  d9 space=gmfn_range ; 0x1 at=0x2  -EOPNOTSUPP each untouched`,
  '[P12.2] add_to_physmap_batch refuses -ESRCH for an absent domain': `
    0  d1  add_to_physmap_batch  d9 space=dev_mmio ; 0x1 at=0x2  -ESRCH each untouched`,
  '[P12.3] add_to_physmap_batch refuses -EACCES for the control domain': `
    0  d0  add_to_physmap_batch  self space=gmfn ; 0x1 at=0x2  -EACCES each untouched`,
  '[P12.4] add_to_physmap_batch refuses -EACCES for device memory': `
    0  d1  add_to_physmap_batch  d2 space=dev_mmio ; 0x1 at=0x2  -EACCES each untouched`,
  '[P12.5] add_to_physmap_batch refuses -EPERM for a domain not the caller’s to manage': `
    0  d1  add_to_physmap_batch  d2 space=gmfn ; 0x1 at=0x2  -EPERM each untouched`,
  '[P12.6] add_to_physmap_batch ends with -EINVAL at the gfn that means none': `
    0  d1  add_to_physmap_batch  self space=gmfn ; 1 at=0x30 ; 2 at=~0  -EINVAL each ok,untouched
    1  d1  load                  at=0x30 u8                             0x00000000`,
  '[P12.7] add_to_physmap_batch refuses each page of another domain with -EPERM': `
    0  d1  add_to_physmap_batch  self space=gmfn_foreign foreign=2 ; 0x1 at=0x30  ok each -EPERM`,
  '[P13.1] remove_from_physmap refuses -ESRCH for an absent domain': `
    0  d1  remove_from_physmap  d9 gfn=0x1  -ESRCH`,
  '[P13.2] remove_from_physmap refuses -EACCES for the control domain': `
    0  d1  remove_from_physmap  d0 gfn=0x1  -EACCES`,
  '[P13.3] remove_from_physmap refuses -EPERM for a domain not the caller’s to manage': `
    0  d1  remove_from_physmap  d2 gfn=0x99  -EPERM
    1  d0  remove_from_physmap  d2 gfn=0x1   ok`,
  '[P13.4] remove_from_physmap refuses -ENOENT where no page of the domain’s own is': `
    0  d1  remove_from_physmap  self gfn=0x9  -ENOENT
    1  d1  remove_from_physmap  self gfn=~0   -ENOENT`,
};

describe('the physmap', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
