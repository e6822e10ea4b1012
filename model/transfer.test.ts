import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/** The linear pages of the control domain’s own RAM are w512 to w514, and hold it. */
const transfers: Scenarios = {
  '[G20] [H5] [P5] a page becomes that of the domain which accepts it, with what is in it': `
    machine whole domains=1 vcpus=1
    0  d0    store         at=0xa00 u32 0x1234             ok
    1  tool  unmap_window  w512                            ok
    2  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2  ok
    3  d0    transfer      0x0 -> d1/8                     ok
    4  d1    load          at=0x20+0x40 u64                0x000000400000000e
    5  d1    load          at=0x40 u32                     0x00001234
    6  tool  domain_info   d1                              pages=17 maximum=24
    7  d0    transfer      0x0 -> d1/8                     bad_page`,
  '[G20] [P5] RAM at the gfn is replaced and has no gfn any more': `
    machine whole domains=1 vcpus=1
    0  tool  unmap_window  w512                           ok
    1  d1    store         at=0x3 u32 0x33                ok
    2  d1    grant         ref=8 to=d0 gfn=0x3 flags=0x2  ok
    3  d0    transfer      0x0 -> d1/8                    ok
    4  d1    load          at=0x3 u32                     0x00000000
    5  tool  domain_info   d1                             pages=17 maximum=24`,
  '[G20] an entry of version 2 accepts a page at a gfn of 64 bits, its status word is not touched': `
    machine whole domains=1 vcpus=1
    0  d1    set_version     2                                       ok v2
    1  d1    add_to_physmap  self space=1 index=0x80000000 gfn=0x28  ok
    2  tool  unmap_window    w512                                    ok
    3  d1    grant           ref=4 to=d0 gfn=0x40 flags=0x2 v2       ok
    4  d0    transfer        0x0 -> d1/4                             ok
    5  d1    load            at=0x20+0x40 u64                        0x0000000e
    6  d1    load            at=0x28+0x8 u16                         0x00000000
    7  tool  inspect_gfn     d1 gfn=0x40                             ram_rw mapped 0x0000000000000000`,
  '[G20] [H5] the control domain gives a page to itself, and its entry says where that is': `
    machine whole domains=1 vcpus=1
    0  tool  map_foreign   w5 self:0x54 rw                             ok
    1  tool  unmap_window  w513                                        ok
    2  d0    grant         ref=8 to=d0 gfn=0x77 flags=0x2 table=0x805  ok
    3  d0    transfer      0x1 -> d0/8                                 ok
    4  d0    load          at=0x805+0x40 u64                           0x000000010000000e
    5  tool  map_foreign   w2 self:0x1 rw                              ok`,
  '[G20] [P17] a claim of the receiver is met by a page that it is given': `
    machine whole domains=1 vcpus=1
    0  d0    claim_pages   d1 pages=18                     ok
    1  tool  unmap_window  w512                            ok
    2  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2  ok
    3  d0    transfer      0x0 -> d1/8                     ok
    4  tool  domain_info   d1                              pages=17 maximum=24 outstanding=1`,
  '[G20] [B2] [B3] a batch of transfers stops between two of them, and goes on': `
    machine whole domains=1 vcpus=1
    0  tool  unmap_window  w512                            ok
    1  tool  unmap_window  w513                            ok
    2  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2  ok
    3  d1    grant         ref=9 to=d0 gfn=0x41 flags=0x2  ok
    4  d0    interrupt     after=1                         done
    5  d0    transfer      0x0 -> d1/8 ; 0x1 -> d1/9       preempted ok
    6  d0    write_back   dev=0x1000 bytes=8 flags=clean  busy
    7  d0    resume        ok`,
  '[G20.1] a frame that is not there, not RAM or not its own is not given': `
    machine whole domains=1 vcpus=1
    0  d1  grant     ref=8 to=d0 gfn=0x40 flags=0x2                             ok
    1  d0  transfer  0x54 -> d1/8 ; 0x10 -> d1/8 ; 0xfffffff -> d1/8 ; ~0 -> d1/8  bad_page ; bad_page ; bad_page ; bad_page
    2  d1  load      at=0x20+0x40 u64                                           0x0000004000000002`,
  '[G20.2] nor is a page that is mapped, or lent, or given up': `
    machine whole domains=1 vcpus=1
    0  tool  map_foreign           w5 self:0x54 rw                             ok
    1  d0    transfer              0x0 -> d1/8                                 bad_page
    2  d0    grant                 ref=8 to=d1 gfn=0x0 rw table=0x805          ok
    3  d1    map                   d0/8 at=0x40 ro                             ok
    4  tool  unmap_window          w512                                        ok
    5  d0    transfer              0x0 -> d1/8                                 bad_page
    6  d1    unmap                 h3 at=0x40                                  ok
    7  d0    transfer              0x0 -> d9/8                                 bad_domain
    8  d0    decrease_reservation  self gfns=0x1                               1
    9  d0    transfer              0x1 -> d1/8                                 bad_page`,
  '[G20.3] a page for nobody is free, and DOMID_SELF is nobody': `
    machine whole domains=1 vcpus=1
    0  tool  unmap_window  w512           ok
    1  tool  unmap_window  w513           ok
    2  d0    transfer      0x0 -> d9/8    bad_domain
    3  d0    transfer      0x1 -> self/8  bad_domain
    4  d0    transfer      0x0 -> d1/8 ; 0x1 -> d1/8  bad_page ; bad_page`,
  '[G20.4] a dying domain is given nothing': `
    machine whole domains=1 vcpus=1
    0  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2  ok
    1  tool  map_foreign   w2 d1:0x3 rw                    ok
    2  tool  destroy       d1                              ok
    3  tool  unmap_window  w512                            ok
    4  d0    transfer      0x0 -> d1/8                     general_error
    5  d0    transfer      0x0 -> d1/8                     bad_page
    6  tool  domain_info   d1                              pages=1 maximum=24 dying`,
  '[G20.5] [D6] nor one that may own no more; its entry goes on accepting': `
    machine whole domains=1 vcpus=1
    0  d1    grant             ref=8 to=d0 gfn=0x40 flags=0x2  ok
    1  tool  set_memory_limit  d1 pages=16                     ok
    2  tool  unmap_window      w512                            ok
    3  tool  unmap_window      w513                            ok
    4  d0    transfer          0x0 -> d1/8                     general_error
    5  d1    load              at=0x20+0x40 u64                0x0000004000000002
    6  tool  set_memory_limit  d1 pages=17                     ok
    7  d0    transfer          0x1 -> d1/8                     ok`,
  '[G20.6] a page is lost where the table ends before the ref': `
    machine whole domains=1 vcpus=1
    0  tool  unmap_window  w512          ok
    1  d0    transfer      0x0 -> d1/64  general_error
    2  d0    transfer      0x0 -> d1/8   bad_page
    3  tool  domain_info   d1            pages=16 maximum=24`,
  '[G20.7] or where the entry says anything besides': `
    machine whole domains=1 vcpus=1
    0  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x6  ok
    1  tool  unmap_window  w512                            ok
    2  tool  unmap_window  w513                            ok
    3  tool  unmap_window  w514                            ok
    4  d0    transfer      0x0 -> d1/8 ; 0x1 -> d1/9       general_error ; general_error
    5  d1    load          at=0x20+0x40 u64                0x0000004000000006
    6  d1    grant         ref=8 to=d0 gfn=0x40 flags=0xe  ok
    7  d0    transfer      0x2 -> d1/8                     general_error`,
  '[G20.8] [P17] or accepts from another; a claim of one page is forgotten with it': `
    machine whole domains=2 vcpus=1
    0  d1    grant         ref=8 to=d2 gfn=0x40 flags=0x2  ok
    1  d0    claim_pages   d1 pages=18                     ok
    2  tool  unmap_window  w512                            ok
    3  tool  unmap_window  w513                            ok
    4  d0    transfer      0x0 -> d1/8                     general_error
    5  tool  domain_info   d1                              pages=16 maximum=24 outstanding=2
    6  d0    claim_pages   d1 pages=0                      ok
    7  d0    claim_pages   d1 pages=17                     ok
    8  d0    transfer      0x1 -> d1/8                     general_error
    9  tool  domain_info   d1                              pages=16 maximum=24`,
  '[G20.9] [P5] a grant mapping at the gfn is the end of the receiver, which has the page': `
    machine whole domains=2 vcpus=1
    0  d2    grant         ref=8 to=d1 gfn=0x3 rw          ok
    1  d1    map           d2/8 at=0x40 rw                 ok
    2  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2  ok
    3  tool  map_foreign   w2 d1:0x20 ro                   ok
    4  tool  unmap_window  w512                            ok
    5  d0    transfer      0x0 -> d1/8                     general_error
    6  tool  domain_info   d1                              pages=17 maximum=24 shutdown
    7  d0    load          at=0x802+0x40 u64               0x000000400000000e`,
  '[G20.10] beyond the p2m the page has no gfn, and the entry says that it is there': `
    machine whole domains=1 vcpus=1
    0  d1    set_version   2                                              ok v2
    1  tool  unmap_window  w512                                           ok
    2  d1    grant         ref=4 to=d0 gfn=0x1000000000 flags=0x2 v2      ok
    3  d0    transfer      0x0 -> d1/4                                    general_error
    4  d1    load          at=0x20+0x40 u64                               0x0000000e
    5  tool  domain_info   d1                                             pages=17 maximum=24`,
  '[G20.11] [D9] the same where the entry cannot be changed': `
    machine whole domains=1 vcpus=1
    0  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2  ok
    1  tool  unmap_window  w512                            ok
    2  tool  fail_next     entry after=1                   done
    3  d0    transfer      0x0 -> d1/8                     general_error
    4  d1    load          at=0x20+0x40 u64                0x000000400000000e
    5  tool  domain_info   d1                              pages=17 maximum=24`,
  '[G16.1] [G4.7] [G20] a handle may outlive what was mapped being given away': `
    machine whole domains=1 vcpus=1
     0  tool  map_foreign   w5 self:0x54 rw                     ok
     1  d0    grant         ref=8 to=d0 gfn=0x0 rw table=0x805  ok
     2  d0    map           d0/8 at=0x802 rw                    ok
     3  tool  unmap_window  w2                                  ok
     4  tool  unmap_window  w512                                ok
     5  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2      ok
     6  d0    transfer      0x0 -> d1/8                         ok
     7  d0    map           d0/8 at=0x803 rw                    general_error
     8  d0    copy          d0/8 -> d0/8+0x10 bytes=8           bad_domain
     9  d0    unmap         h2 at=0x802                         general_error
    10  d1    decrease_reservation  self gfns=0x40              1`,
};

describe('pages that are given away', () => {
  test.each(Object.entries(transfers))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
