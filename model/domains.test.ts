import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[D1] create makes a domain with its RAM and an empty grant table of version 1': `
    machine small
    domain none
    0  tool  create               d2 ram=0x4+2 pages=3 table=0x9  ok
    1  d2    current_reservation  self                            2
    2  d2    load                 at=0x5 u64                      0x00000000
    3  d2    load                 at=0x3 u8                       0x000000ff
    4  d2    load                 at=0x9 u64                      0x00000000
    5  d2    get_version          self                            ok v1
    6  d2    setup_table          self frames=1                   ok 0x9
    7  d2    maximum_gpfn         self                            9`,
  '[D1] create without a gfn for the table leaves it out of the p2m': `
    machine small
    domain d1 table=none
    0  d1  setup_table  self frames=1  ok ~0
    1  d1  load         at=0x20 u8     0x000000ff`,
  '[D1] create takes the RAM that the domain may own, to the last page': `
    machine small domains=1
    domain none
    0  tool  create               d1 ram=0x0+2 pages=2  ok
    1  d1    current_reservation  self                  2`,
  '[D1] create makes a maptrack of no frames, if told so': `
    machine small
    domain d1
    domain d2 maptrack_frames=0
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         no_space`,
  '[D2] destroy ends a domain at once when nobody holds a page of it': `
    0  tool  destroy      d1  ok
    1  tool  domain_info  d1  -ESRCH
    2  tool  create       d1  ok`,
  '[D2] destroy ends what the domain mapped, and the bits of those grants': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map          d1/3 at=0x30 rw         ok
    2  tool  destroy      d2                      ok
    3  d1    load         at=0x20+0x18 u16        0x00000001
    4  tool  domain_info  d2                      -ESRCH`,
  '[D2] a granter that dies first stays until its last page is unmapped': `
     0  d1    grant        ref=3 to=d2 gfn=0x1 rw             ok
     1  d2    map          d1/3 at=0x30 rw ; d1/3 at=0x31 ro  ok ; ok
     2  tool  destroy      d1                                 ok
     3  tool  domain_info  d1                                 pages=1 maximum=14 dying
     4  d2    store        at=0x30 u32 0x11                   ok
     5  d2    load         at=0x31 u32                        0x00000011
     6  d2    map          d1/3 at=0x32 rw ; d1/4 at=0x33 rw  ok ; general_error
     7  tool  create       d1                                 -EEXIST
     8  d2    unmap        h1 at=0x30 ; h1.1 at=0x31          ok ; ok
     9  tool  domain_info  d1                                 pages=1 maximum=14 dying
    10  d2    unmap        h6 at=0x32                         ok
    11  tool  domain_info  d1                                 -ESRCH
    12  d2    map          d1/3 at=0x32 rw                    bad_domain`,
  '[D2] a granter that dies first is gone with the domain that held its page': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map          d1/3 at=0x30 rw         ok
    2  tool  destroy      d1                      ok
    3  tool  destroy      d2                      ok
    4  tool  domain_info  d1                      -ESRCH`,
  '[D2] two domains that hold pages of each other both go': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    grant        ref=3 to=d1 gfn=0x1 rw  ok
    2  d2    map          d1/3 at=0x30 rw         ok
    3  d1    map          d2/3 at=0x30 rw         ok
    4  tool  destroy      d1                      ok
    5  tool  domain_info  d1                      pages=1 maximum=14 dying
    6  tool  destroy      d2                      ok
    7  tool  domain_info  d1                      -ESRCH
    8  tool  domain_info  d2                      -ESRCH`,
  '[D2] a domain that holds only its own pages is gone at once': `
    0  d1    grant        ref=3 to=d1 gfn=0x1 rw  ok
    1  d1    map          d1/3 at=0x30 rw         ok
    2  tool  destroy      d1                      ok
    3  tool  domain_info  d1                      -ESRCH`,
  '[D3] a domain that crashed does nothing any more, and keeps what it has': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map          d1/3 at=0x30 rw         ok
    2  d2    crash                                crashed
    3  d2    load         at=0x30 u8              no_domain
    4  d2    unmap        h1 at=0x30              no_domain
    5  d2    crash                                no_domain
    6  d1    load         at=0x20+0x18 u16        0x00000019
    7  tool  domain_info  d2                      pages=8 maximum=14 shutdown`,
  '[D3] a domain that crashed goes on lending what it granted': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d1  store  at=0x1 u32 0x11         ok
    2  d1  crash                          crashed
    3  d2  map    d1/3 at=0x30 rw         ok
    4  d2  load   at=0x30 u32             0x00000011`,
  '[D3] a domain that is dying or absent does nothing': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map          d1/3 at=0x30 rw         ok
    2  tool  destroy      d1                      ok
    3  d1    load         at=0x1 u8               no_domain
    4  d9    get_version  self                    no_domain`,
  '[D3] a virtual processor that the domain does not have does nothing': `
    0  d1.1  load  at=0x1 u8  no_domain
    1  d1.0  load  at=0x1 u8  0x00000000`,
  '[D4] a domain is managed by itself and by the control domain': `
    0  d1  current_reservation   d1                                 8
    1  d0  current_reservation   d1                                 8
    2  d0  populate_physmap      d1 gfns=0x30                       1
    3  d0  add_to_physmap        d1 space=gmfn index=0x30 gfn=0x31  ok
    4  d0  decrease_reservation  d1 gfns=0x31                       1
    5  d0  get_version           d1                                 ok v1
    6  d2  get_version           d1                                 -EPERM
    7  d2  remove_from_physmap   d1 gfn=0x1                         -EPERM`,
  '[D5] domain_info counts pages with and without a gfn, and none of the hypervisor’s': `
    0  d1    setup_table           self frames=3  ok 0x20,~0,~0
    1  d1    remove_from_physmap   self gfn=0x1   ok
    2  d1    decrease_reservation  self gfns=0x2  1
    3  tool  domain_info           d1             pages=7 maximum=14`,
  '[D6] set_memory_limit bounds what a domain may own, and takes nothing away': `
    0  tool  set_memory_limit     d1 pages=4           ok
    1  tool  domain_info          d1                   pages=8 maximum=4
    2  d1    populate_physmap     self gfns=0x30       0
    3  tool  set_memory_limit     d1 pages=9           ok
    4  d1    populate_physmap     self gfns=0x30,0x31  1
    5  d1    maximum_reservation  self                 9`,
  '[D6] [D5] a limit is a number of 32 bits': `
    0  tool  set_memory_limit     d1 pages=4294967296  ok
    1  tool  domain_info          d1                   pages=8 maximum=4294967295
    2  d1    maximum_reservation  self                 4294967295`,
  '[D13] [D8] of RAM whose writes are logged it may be said that it is readonly': `
    machine small paging=hap
    0  tool  memory_type  d1 gfn=0x1   ram_rw
    1  tool  log_dirty    d1 enable    ok
    2  tool  memory_type  d1 gfn=0x1   ram_ro | ram_rw
    3  d1    store        at=0x1 u8 0x1  ok
    4  tool  memory_type  d1 gfn=0x1   ram_ro | ram_rw
    5  tool  memory_type  d1 gfn=0x50  mmio_dm
    6  tool  log_dirty    d1 disable   ok
    7  tool  memory_type  d1 gfn=0x2   ram_rw`,
  '[D7] inspect_gfn answers the kind of memory, and the page where it can be mapped': `
     0  d1    store        at=0x1 u64 0x1122334455667788      ok
     1  tool  inspect_gfn  d1 gfn=0x1                         ram_rw mapped 0x1122334455667788
     2  tool  inspect_gfn  d1 gfn=0x20                        ram_rw mapped 0x0000000000000000
     3  tool  inspect_gfn  d1 gfn=0x9                         mmio_dm
     4  d1    grant        ref=3 to=d2 gfn=0x1 rw             ok
     5  d2    map          d1/3 at=0x30 ro ; d1/3 at=0x31 rw  ok ; ok
     6  tool  inspect_gfn  d2 gfn=0x30                        ram_ro
     7  tool  inspect_gfn  d2 gfn=0x31                        ram_rw
     8  d1    grant        ref=4 to=d1 gfn=0x2 ro             ok
     9  d1    map          d1/4 at=0x30 ro                    ok
    10  tool  inspect_gfn  d1 gfn=0x30                        ram_ro mapped 0x0000000000000000`,
};

const refusals: Scenarios = {
  '[D1.1] create refuses -EINVAL for an id that the machine does not have': `
    0  tool  create  d4    -EINVAL
    1  tool  create  d0    -EINVAL
    2  tool  create  self  -EINVAL`,
  '[D1.2] create refuses -EEXIST for a domain that exists': `
    0  tool  create  d1 grant_version=9  -EEXIST`,
  '[D1.3] create refuses -EINVAL for an unknown grant version': `
    machine small
    domain none
    0  tool  create  d1 grant_version=0 grant_frames=0  -EINVAL
    1  tool  create  d1 grant_version=3                 -EINVAL`,
  '[D1.4] create refuses -EINVAL for a table without frames or beyond the machine’s limit': `
    machine small
    domain none
    0  tool  create  d1 grant_frames=0   -EINVAL
    1  tool  create  d1 grant_frames=5   -EINVAL
    2  tool  create  d1 grant_frames=-1  ok`,
  '[D1.5] create refuses -EINVAL for a maptrack beyond the machine’s limit': `
    machine small
    domain none
    0  tool  create  d1 maptrack_frames=3   -EINVAL
    1  tool  create  d1 maptrack_frames=-1  ok`,
  '[D1.6] create refuses -ENOMEM where the RAM asked for cannot be had': `
    machine small guest_frames=8 p2m_table_frames=4
    domain none
    0  tool  create       d1 ram=0x0+9           -ENOMEM
    1  tool  create       d1 ram=0x0+3 pages=2   -ENOMEM
    2  tool  create       d1 ram=0x0+1,0x200+1   -ENOMEM
    3  tool  create       d1 ram=0x1000000000+1  -ENOMEM
    4  tool  domain_info  d1                     -ESRCH
    5  tool  create       d1 ram=0x0+8           ok
    6  tool  create       d2 ram=0x0+1           -ENOMEM`,
  '[D2.1] destroy refuses -ESRCH for an absent domain and the control domain': `
    0  tool  destroy  d9  -ESRCH
    1  tool  destroy  d0  -ESRCH`,
  '[D2.2] destroy refuses -ESRCH for a domain that is dying already': `
    0  d1    grant    ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map      d1/3 at=0x30 rw         ok
    2  tool  destroy  d1                      ok
    3  tool  destroy  d1                      -ESRCH`,
  '[D5.1] domain_info refuses -ESRCH for an absent domain': `
    0  tool  domain_info  d9  -ESRCH`,
  '[D6.1] set_memory_limit refuses -ESRCH for an absent domain': `
    0  tool  set_memory_limit  d9 pages=5  -ESRCH`,
  '[D7.1] inspect_gfn refuses -ESRCH for an absent domain': `
    0  tool  inspect_gfn  d9 gfn=0x1  -ESRCH`,
};

describe('domains', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
