import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[G1] map_grant_ref: the gfn of the mapper and the granter’s page are one page': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw     ok
    1  d2    map          d1/3 at=0x30+0xfff rw      ok
    2  d1    store        at=0x1+0x8 u32 0x1234abcd  ok
    3  d2    load         at=0x30+0x8 u32            0x1234abcd
    4  d2    store        at=0x30+0xc u32 0x5        ok
    5  d1    load         at=0x1+0x8 u64             0x000000051234abcd
    6  tool  inspect_gfn  d2 gfn=0x30                ram_rw`,
  '[G1] map_grant_ref: a readonly mapping is read and never written': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 ro  ok
    1  d2    map          d1/3 at=0x30 ro         ok
    2  d1    store        at=0x1 u32 0x7          ok
    3  d2    store        at=0x30 u32 0x9         ok
    4  d2    load         at=0x30 u32             0x00000007
    5  tool  inspect_gfn  d2 gfn=0x30             ram_ro`,
  '[G1] map_grant_ref: an element of a batch finds what the one before left': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 ro ; d1/4 at=0x31 ro ; d1/3 at=0x32 rw  ok ; general_error ; ok
    2  d2  store  at=0x32 u8 0x77         ok
    3  d2  load   at=0x30 u8              0x00000077
    4  d2  load   at=0x31 u8              0x000000ff`,
  '[G1] map_grant_ref: a batch of none is okay': `
    0  d2  map    none                    none
    1  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    2  d2  map    d1/3 at=0x30 rw         ok`,
  '[G1] map_grant_ref: while a grant is in use for writing its entry is not looked at': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw             ok
    1  d1  store  at=0x1 u32 0x11                    ok
    2  d2  map    d1/3 at=0x30 rw                    ok
    3  d1  grant  ref=3 to=d3 gfn=0x2 flags=0x0      ok
    4  d2  map    d1/3 at=0x31 rw ; d1/3 at=0x32 ro  ok ; ok
    5  d2  load   at=0x31 u32                        0x00000011
    6  d1  load   at=0x20+0x18 u16                   0x00000000`,
  '[G1] map_grant_ref: of a grant in use for reading the readonly bit is looked at': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw         ok
    1  d1  store  at=0x1 u32 0x11                ok
    2  d2  map    d1/3 at=0x30 ro                ok
    3  d1  grant  ref=3 to=d3 gfn=0x2 flags=0x4  ok
    4  d2  map    d1/3 at=0x31 rw                general_error
    5  d1  grant  ref=3 to=d3 gfn=0x2 flags=0x0  ok
    6  d2  map    d1/3 at=0x31 rw                ok
    7  d2  load   at=0x31 u32                    0x00000011
    8  d1  load   at=0x20+0x18 u16               0x00000018`,
  '[G1] map_grant_ref: other bits of an entry do not matter': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 flags=0x221  ok
    1  d2  map    d1/3 at=0x30 rw                  ok`,
  '[G1] map_grant_ref: a grant to oneself moves the page to the gfn of the mapping': `
    0  d1    store        at=0x1 u32 0x11         ok
    1  d1    grant        ref=3 to=d1 gfn=0x1 rw  ok
    2  d1    map          d1/3 at=0x30 rw         ok
    3  d1    load         at=0x1 u32              0xffffffff
    4  d1    load         at=0x30 u32             0x00000011
    5  d1    unmap        h2 at=0x30              ok
    6  d1    load         at=0x30 u32             0xffffffff
    7  tool  domain_info  d1                      pages=8 maximum=14`,
  '[G1] map_grant_ref: frames of the hypervisor in a p2m can be granted as well': `
    0  d1  add_to_physmap  self space=shared_info index=0x0 gfn=0x31  ok
    1  d1  grant           ref=3 to=d2 gfn=0x20 rw                    ok
    2  d1  grant           ref=4 to=d2 gfn=0x31 rw                    ok
    3  d2  map             d1/3 at=0x30 rw ; d1/4 at=0x31 rw          ok ; ok
    4  d2  load            at=0x31 u8                                 0x00000001
    5  d2  store           at=0x30+0x28 u16 0x1                       ok
    6  d1  load            at=0x20+0x28 u16                           0x00000001`,
};

const refusals: Scenarios = {
  '[G1.1] map_grant_ref refuses bad_gntref when neither a host nor a device map is asked for': `
    0  d2  map  d9/3 at=0x30 flags=0x4 ; d1/3 at=0x30 flags=0x38  bad_gntref ; bad_gntref`,
  '[G1.2] map_grant_ref refuses general_error for device, application and page-table maps': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw   ok
    1  d2  map    d1/3 at=0x30 flags=0x3   general_error
    2  d2  map    d1/3 at=0x30 flags=0x1 ; d9/3 at=0x30 flags=0xa  general_error ; general_error
    3  d2  map    d1/3 at=0x30 flags=0x12  general_error
    4  d1  load   at=0x20+0x18 u16         0x00000001`,
  '[G1.3] map_grant_ref refuses bad_domain for an absent granter and for DOMID_SELF': `
    0  d2  map  d9/3 at=0x30 rw ; self/3 at=0x30 rw  bad_domain ; bad_domain
    1  d2  map  io/3 at=0x30 rw ; idle/3 at=0x30 rw  bad_domain ; bad_domain`,
  '[G1.4] map_grant_ref refuses no_space when all handles but one are in use': `
    machine small handles_per_frame=3 default.maptrack_frames=1
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw             ok
    1  d2  map    d1/3 at=0x30 ro ; d1/3 at=0x31 ro ; d1/99 at=0x32 ro  ok ; ok ; no_space
    2  d2  unmap  h1 at=0x30                         ok
    3  d2  map    d1/3 at=0x32 ro ; d9/1 at=0x33 ro  ok ; bad_domain`,
  '[G1.5] map_grant_ref refuses bad_gntref for a ref outside the table': `
    0  d2  map          d1/16 at=0x30 rw ; d1/4294967295 at=0x30 rw  bad_gntref ; bad_gntref
    1  d1  setup_table  self frames=2                                ok 0x20,~0
    2  d2  map          d1/16 at=0x30 rw                             general_error`,
  '[G1.6] map_grant_ref refuses general_error while another domain uses the grant': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro  ok
    1  d2  map    d1/3 at=0x30 ro         ok
    2  d1  grant  ref=3 to=d3 gfn=0x1 ro  ok
    3  d3  map    d1/3 at=0x30 ro         general_error
    4  d2  unmap  h1 at=0x30              ok
    5  d3  map    d1/3 at=0x30 ro         ok`,
  '[G1.7] map_grant_ref refuses general_error at the limit of pins, for each kind apart': `
    machine small pin_limit=2
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 ro ; d1/3 at=0x31 ro ; d1/3 at=0x32 ro  ok ; ok ; general_error
    2  d2  map    d1/3 at=0x32 rw ; d1/3 at=0x33 rw ; d1/3 at=0x34 rw  ok ; ok ; general_error
    3  d2  unmap  h1 at=0x30              ok
    4  d2  map    d1/3 at=0x30 ro         ok`,
  '[G1.8] map_grant_ref refuses general_error for an entry that does not permit access': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 flags=0x0      ok
    1  d1  grant  ref=4 to=d2 gfn=0x1 flags=0x2      ok
    2  d1  grant  ref=5 to=d2 gfn=0x1 flags=0x3      ok
    3  d2  map    d1/3 at=0x30 ro ; d1/4 at=0x30 ro  general_error ; general_error
    4  d2  map    d1/5 at=0x30 ro                    general_error`,
  '[G1.9] map_grant_ref refuses general_error for an entry with the sub-page bit': `
    0  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101  ok
    1  d2  map          d1/3 at=0x30 rw                  general_error
    2  d1  load         at=0x20+0x18 u16                 0x00000101
    3  d1  set_version  2                                ok v2
    4  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x0+64  ok
    5  d2  map          d1/3 at=0x30 rw                  general_error`,
  '[G1.10] map_grant_ref refuses general_error where the entry names another grantee': `
    0  d1  grant  ref=3 to=d3 gfn=0x1 rw    ok
    1  d1  grant  ref=4 to=self gfn=0x1 rw  ok
    2  d2  map    d1/3 at=0x30 rw           general_error
    3  d1  map    d1/4 at=0x30 rw           general_error`,
  '[G1.11] map_grant_ref refuses general_error for a writable map of a readonly entry': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro  ok
    1  d2  map    d1/3 at=0x30 rw         general_error
    2  d1  load   at=0x20+0x18 u16        0x00000005`,
  '[G1.12] map_grant_ref refuses bad_page where the entry names no page to lend': `
    0  d1  grant  ref=3 to=d2 gfn=0x9 rw  ok
    1  d2  map    d1/3 at=0x30 rw         bad_page
    2  d1  load   at=0x20+0x18 u16        0x00000001`,
  '[G1.12] map_grant_ref refuses bad_page for a page that was itself granted': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw   ok
    1  d2  map    d1/3 at=0x30 rw          ok
    2  d2  grant  ref=3 to=d3 gfn=0x30 rw  ok
    3  d3  map    d2/3 at=0x30 rw          bad_page`,
  '[G1.13] map_grant_ref refuses general_error for flags without meaning, after the entry': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw      ok
    1  d2  map    d1/3 at=0x30 flags=0x22     general_error
    2  d2  map    d1/3 at=0x30 flags=0x10002  general_error
    3  d1  load   at=0x20+0x18 u16            0x00000001
    4  d2  load   at=0x30 u8                  0x000000ff`,
  '[G1.14] map_grant_ref crashes the caller where a grant mapping is at the gfn': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map          d1/3 at=0x30 rw         ok
    2  d2    map          d1/9 at=0x30 rw         general_error
    3  d2    map          d1/3 at=0x31 rw ; d1/3 at=0x30 rw ; d1/3 at=0x32 rw  crashed
    4  tool  domain_info  d2                      pages=8 maximum=14 shutdown
    5  d1    load         at=0x20+0x18 u16        0x00000019
    6  tool  inspect_gfn  d2 gfn=0x31             ram_rw
    7  tool  inspect_gfn  d2 gfn=0x32             mmio_dm`,
  '[G1.15] map_grant_ref refuses general_error for a gfn beyond what a p2m can hold': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw   ok
    1  d2  map    d1/3 at=0x1000000000 rw  general_error
    2  d1  load   at=0x20+0x18 u16         0x00000001`,
  '[G1.15] map_grant_ref: a grant to oneself leaves its gfn even where the mapping fails': `
    0  d1  grant  ref=3 to=d1 gfn=0x1 rw   ok
    1  d1  map    d1/3 at=0x1000000000 rw  general_error
    2  d1  load   at=0x1 u8                0x000000ff`,
  '[G1.16] map_grant_ref refuses general_error when there is no table left for the gfn': `
    machine small p2m_table_frames=4
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw               ok
    1  d2  map    d1/3 at=0x200 rw ; d1/3 at=0x1ff rw  general_error ; ok
    2  d1  load   at=0x20+0x18 u16                     0x00000019`,
};

describe('map_grant_ref', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
