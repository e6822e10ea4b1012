import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[G2] unmap_grant_ref: the gfn is empty and the handle names nothing': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d2  unmap  h1 at=0x30+0xfff        ok
    3  d2  load   at=0x30 u32             0xffffffff
    4  d2  unmap  h1 at=0x30              bad_handle
    5  d1  load   at=0x1 u32              0x00000000`,
  '[G2] unmap_grant_ref: address 0 says that there is no host mapping to undo': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d2  unmap  h1 at=0x0               ok
    3  d2  load   at=0x30 u32             0x00000000
    4  d2  unmap  h1 at=0x30              ok`,
  '[G2] unmap_grant_ref: a mapping at gfn 0 is undone by another address in its page': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x0 rw          ok
    2  d2  unmap  h1 at=0x0               ok
    3  d2  load   at=0x0 u32              0x00000000
    4  d2  unmap  h1 at=0x0+0x1           ok
    5  d2  load   at=0x0 u32              0xffffffff`,
  '[G2] unmap_grant_ref: any handle of a frame undoes any mapping of it': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw             ok
    1  d1  grant  ref=4 to=d2 gfn=0x1 ro             ok
    2  d2  map    d1/3 at=0x30 rw ; d1/4 at=0x31 ro  ok ; ok
    3  d2  unmap  h2.1 at=0x30                       ok
    4  d2  store  at=0x31 u8 0x5                     ok
    5  d2  load   at=0x31 u8                         0x00000000
    6  d1  load   at=0x20+0x18 u16                   0x00000019
    7  d1  load   at=0x20+0x20 u16                   0x00000005
    8  d2  unmap  h2 at=0x31                         ok
    9  d1  load   at=0x20+0x18 u16                   0x00000001`,
  '[G2] unmap_grant_ref: an element of a batch that is refused does not stop the others': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw             ok
    1  d2  map    d1/3 at=0x30 rw ; d1/3 at=0x31 rw  ok ; ok
    2  d2  unmap  h1 at=0x30 ; h1 at=0x30 ; h1.1 at=0x31 dev=0x7  ok ; bad_handle ; ok`,
  '[G2] unmap_grant_ref: what the granter did to entry and gfn does not matter': `
    0  d1  grant                 ref=3 to=d2 gfn=0x1 rw         ok
    1  d2  map                   d1/3 at=0x30 rw                ok
    2  d1  grant                 ref=3 to=d3 gfn=0x2 flags=0x0  ok
    3  d1  decrease_reservation  self gfns=0x1                  1
    4  d2  unmap                 h1 at=0x30                     ok`,
  '[G12] a grant is in use as long as a mapping uses it, wherever that is': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro             ok
    1  d2  map    d1/3 at=0x30 ro ; d1/3 at=0x31 ro  ok ; ok
    2  d1  swap   3 4                                eagain
    3  d2  unmap  h1 at=0x31                         ok
    4  d1  swap   3 4                                eagain
    5  d2  unmap  h1.1 at=0x30                       ok
    6  d1  swap   3 4                                ok`,
  '[G14] reading is set at the first use of a grant and cleared after the last': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 ro         ok
    2  d1  load   at=0x20+0x18 u16        0x00000009
    3  d2  map    d1/3 at=0x31 ro         ok
    4  d2  unmap  h1 at=0x30              ok
    5  d1  load   at=0x20+0x18 u16        0x00000009
    6  d2  unmap  h3 at=0x31              ok
    7  d1  load   at=0x20+0x18 u16        0x00000001`,
  '[G14] writing is set at the first use for writing and cleared after the last such': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 ro ; d1/3 at=0x31 rw ; d1/3 at=0x32 rw  ok ; ok ; ok
    2  d1  load   at=0x20+0x18 u16        0x00000019
    3  d2  unmap  h1.1 at=0x31            ok
    4  d1  load   at=0x20+0x18 u16        0x00000019
    5  d2  unmap  h1.2 at=0x32            ok
    6  d1  load   at=0x20+0x18 u16        0x00000009
    7  d2  unmap  h1 at=0x30              ok
    8  d1  load   at=0x20+0x18 u16        0x00000001`,
  '[G14] the end of a readonly use does not touch writing, which the guest may have set': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 flags=0x15  ok
    1  d2  map    d1/3 at=0x30 ro                 ok
    2  d1  load   at=0x20+0x18 u16                0x0000001d
    3  d2  unmap  h1 at=0x30                      ok
    4  d1  load   at=0x20+0x18 u16                0x00000015`,
  '[G14] bits that the granter wiped come back at the next change of use only': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 ro         ok
    2  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    3  d2  map    d1/3 at=0x31 ro         ok
    4  d1  load   at=0x20+0x18 u16        0x00000001
    5  d2  map    d1/3 at=0x32 rw         ok
    6  d1  load   at=0x20+0x18 u16        0x00000019`,
  '[G14] in version 2 the bits are in the status word and the entry is not written': `
    0  d1  set_version     2                          ok v2
    1  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24  ok
    2  d1  grant           ref=3 to=d2 gfn=0x1 rw v2  ok
    3  d2  map             d1/3 at=0x30 ro            ok
    4  d1  load            at=0x24+0x6 u16            0x00000008
    5  d2  map             d1/3 at=0x31 rw            ok
    6  d1  load            at=0x24+0x6 u16            0x00000018
    7  d1  load            at=0x20+0x30 u16           0x00000001
    8  d2  unmap           h3 at=0x30 ; h5 at=0x31    ok ; ok
    9  d1  load            at=0x24+0x6 u16            0x00000000`,
};

const refusals: Scenarios = {
  '[G2.1] unmap_grant_ref refuses bad_handle for a handle that names no live mapping': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw           ok
    1  d2  map    d1/3 at=0x30 rw                  ok
    2  d3  unmap  h1 at=0x30 ; #4294967295 at=0x0  bad_handle ; bad_handle
    3  d2  unmap  #1 at=0x30                       bad_handle
    4  d2  load   at=0x30 u8                       0x00000000`,
  '[G2.2] unmap_grant_ref refuses general_error where no grant mapping is at the gfn': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 rw         ok
    2  d2  unmap  h1 at=0x31 ; h1 at=0x2  general_error ; general_error
    3  d2  unmap  h1 at=0x1000000000      general_error
    4  d2  unmap  h1 at=0x30              ok`,
  '[G2.3] unmap_grant_ref refuses general_error for a grant mapping of another frame': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw             ok
    1  d1  grant  ref=4 to=d2 gfn=0x2 rw             ok
    2  d2  map    d1/3 at=0x30 rw ; d1/4 at=0x31 rw  ok ; ok
    3  d2  unmap  h2 at=0x31                         general_error
    4  d2  unmap  h2 at=0x30 ; h2.1 at=0x31          ok ; ok`,
};

describe('unmap_grant_ref', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
