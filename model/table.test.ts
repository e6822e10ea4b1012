import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[G6] setup_table grows the table and says where its frames are': `
    0  d1  setup_table     self frames=2 list=0x3+0x10                ok 0x20,~0
    1  d1  load            at=0x3+0x10 u64                            0x00000020
    2  d1  load            at=0x3+0x18 u64                            0xffffffffffffffff
    3  d1  query_size      self                                       ok frames=2 maximum=3
    4  d1  add_to_physmap  self space=grant_table index=0x1 gfn=0x40  ok
    5  d1  setup_table     d1 frames=3 list=0x3                       ok 0x20,0x40,~0`,
  '[G6] setup_table never shrinks a table, and no frame is a number of frames': `
    0  d1  setup_table  self frames=3  ok 0x20,~0,~0
    1  d1  setup_table  self frames=0  ok
    2  d1  query_size   self           ok frames=3 maximum=3`,
  '[G7] query_size answers the size of a table and its limit': `
    machine small
    domain d1 grant_frames=2
    domain d2 grant_frames=-1
    0  d1  query_size  self  ok frames=1 maximum=2
    1  d2  query_size  d2    ok frames=1 maximum=4`,
  '[G9] get_version answers the version of a table': `
    0  d1  get_version  self  ok v1
    1  d1  set_version  2     ok v2
    2  d1  get_version  d1    ok v2
    3  d0  get_version  d2    ok v1`,
  '[G10] swap_grant_ref exchanges two entries of version 1': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d1  grant  ref=4 to=d3 gfn=0x2 ro  ok
    2  d1  swap   3 4                     ok
    3  d1  load   at=0x20+0x18 u64        0x0000000200030005
    4  d1  load   at=0x20+0x20 u64        0x0000000100020001`,
  '[G10] swap_grant_ref exchanges entries of version 2 with their status words': `
    0  d1  set_version     2                                     ok v2
    1  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24  ok
    2  d1  grant           ref=3 to=d2 gfn=0x1 rw v2 sub=0x10+8  ok
    3  d1  store           at=0x24+0x6 u16 0x1234                ok
    4  d1  swap            3 5                                   ok
    5  d1  load            at=0x20+0x50 u64                      0x0008001000020001
    6  d1  load            at=0x20+0x58 u64                      0x00000001
    7  d1  load            at=0x20+0x30 u64                      0x00000000
    8  d1  load            at=0x24+0xa u16                       0x00001234
    9  d1  load            at=0x24+0x6 u16                       0x00000000`,
  '[G10] swap_grant_ref of an entry with itself is okay, even in use': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d1  swap   3 3                     ok`,
  '[G13] a table has as many refs as its frames hold, half as many in version 2': `
    0  d1  swap         15 0 ; 16 0    ok ; bad_gntref
    1  d1  set_version  2              ok v2
    2  d1  swap         7 0 ; 8 0      ok ; bad_gntref
    3  d1  setup_table  self frames=2  ok 0x20,~0
    4  d1  swap         15 0 ; 16 0    ok ; bad_gntref`,
  '[G13] a table grows when a frame of it is asked for, and the new frame is zero': `
    0  d1  add_to_physmap  self space=grant_table index=0x1 gfn=0x21  ok
    1  d1  query_size      self                                       ok frames=2 maximum=3
    2  d1  load            at=0x21+0xff8 u64                          0x00000000
    3  d1  grant           ref=16 to=d2 gfn=0x1 rw                    ok
    4  d2  map             d1/16 at=0x30 rw                           ok`,
  '[G13] status frames come with version 2 and as many as its refs need': `
    0  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24  -EINVAL
    1  d1  set_version     2              ok v2
    2  d1  add_to_physmap  self space=grant_table index=0x80000001 gfn=0x25  -EINVAL
    3  d1  setup_table     self frames=3  ok 0x20,~0,~0
    4  d1  add_to_physmap  self space=grant_table index=0x80000001 gfn=0x25  ok`,
};

const refusals: Scenarios = {
  '[G6.1] setup_table refuses -EINVAL for a count that is not one': `
    0  d1  setup_table  self frames=2 count=2  -EINVAL
    1  d1  setup_table  d9 frames=9 count=0    -EINVAL
    2  d1  query_size   self                   ok frames=1 maximum=3`,
  '[G6.2] setup_table refuses bad_domain for an absent domain': `
    0  d1  setup_table  d9 frames=9  bad_domain`,
  '[G6.3] setup_table refuses permission_denied for a table that is not the caller’s to see': `
    0  d1  setup_table  d2 frames=9  permission_denied
    1  d0  setup_table  d2 frames=1  ok 0x20`,
  '[G6.4] setup_table refuses general_error for more frames than the limit': `
    0  d1  setup_table  self frames=4  general_error
    1  d1  query_size   self           ok frames=1 maximum=3`,
  '[G6.5] setup_table refuses bad_virt_addr for a list it cannot write, but has grown the table': `
    0  d1  setup_table  self frames=2 list=0x9  bad_virt_addr
    1  d1  query_size   self                    ok frames=2 maximum=3`,
  '[G6.5] setup_table writes what it can of a list that leaves the caller’s memory': `
    0  d1  setup_table  self frames=2 list=0x7+0xff8  bad_virt_addr
    1  d1  load         at=0x7+0xff8 u64              0x00000020`,
  '[G7.1] query_size refuses -EINVAL for a count that is not one': `
    0  d1  query_size  d9 count=2  -EINVAL`,
  '[G7.2] query_size refuses bad_domain for an absent domain': `
    0  d1  query_size  d9  bad_domain frames=0 maximum=0`,
  '[G7.3] query_size refuses permission_denied for a table that is not the caller’s to see': `
    0  d1  query_size  d2  permission_denied frames=0 maximum=0`,
  '[G9.1] get_version refuses -ESRCH for an absent domain': `
    0  d1  get_version  d9  -ESRCH`,
  '[G9.2] get_version refuses -EPERM for a table that is not the caller’s to see': `
    0  d1  get_version  d2  -EPERM`,
  '[G10.1] swap_grant_ref refuses bad_gntref for a first ref outside the table': `
    0  d1  swap  16 16 ; 4294967295 3  bad_gntref ; bad_gntref`,
  '[G10.2] swap_grant_ref refuses bad_gntref for a second ref outside the table': `
    0  d1  swap  3 16  bad_gntref`,
  '[G10.3] swap_grant_ref refuses eagain while the first entry is in use': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d1  swap   3 4                     eagain
    3  d1  load   at=0x20+0x18 u16        0x00000019`,
  '[G10.4] swap_grant_ref refuses eagain while the second entry is in use': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d1  swap   4 3                     eagain`,
  '[G11] [G11.1] other grant operations refuse -ENOSYS for an HVM caller': `
    0  d1  refused_grant_call  transfer           -ENOSYS
    1  d1  refused_grant_call  dump_table         -ENOSYS
    2  d1  refused_grant_call  unmap_and_replace  -ENOSYS
    3  d1  refused_grant_call  get_status_frames  -ENOSYS
    4  d1  refused_grant_call  cache_flush        -ENOSYS`,
};

describe('grant tables', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
