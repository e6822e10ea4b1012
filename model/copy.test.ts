import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[G3] copy moves bytes from a granted page to a page of the caller’s own': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro              ok
    1  d1  store  at=0x1+0x10 u64 0x1122334455667788  ok
    2  d2  copy   d1/3+0x12 -> self:0x2+0x1 bytes=5   ok
    3  d2  load   at=0x2 u64                          0x0000223344556600
    4  d1  load   at=0x20+0x18 u16                    0x00000005`,
  '[G3] copy moves bytes from a page of the caller’s own to a granted page': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw          ok
    1  d2  store  at=0x2 u32 0xabcd               ok
    2  d2  copy   self:0x2 -> d1/3+0xffc bytes=4  ok
    3  d1  load   at=0x1+0xffc u32                0x0000abcd`,
  '[G3] copy moves bytes between the pages of two other domains': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro   ok
    1  d3  grant  ref=5 to=d2 gfn=0x7 rw   ok
    2  d1  store  at=0x1 u32 0x77          ok
    3  d2  copy   d1/3 -> d3/5 bytes=4096  ok
    4  d3  load   at=0x7 u32               0x00000077`,
  '[G3] copy within one page goes forward, eight bytes at a time': `
    0  d2  store  at=0x2 u64 0x0807060504030201      ok
    1  d2  copy   self:0x2 -> self:0x2+0x4 bytes=16  ok
    2  d2  load   at=0x2+0x8 u64                     0x0807060508070605
    3  d2  load   at=0x2+0x10 u64                    0x00000000`,
  '[G3] copy: the same ref may be the source and the destination': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw      ok
    1  d1  store  at=0x1 u32 0x77             ok
    2  d2  copy   d1/3 -> d1/3+0x100 bytes=4  ok
    3  d1  load   at=0x1+0x100 u32            0x00000077
    4  d1  load   at=0x20+0x18 u16            0x00000001`,
  '[G3] copy of no bytes passes every check and does nothing': `
    0  d2  copy  d1/3 -> self:0x2 bytes=0      general_error
    1  d2  copy  self:0x9 -> self:0x2 bytes=0  bad_page
    2  d2  copy  self:0x2 -> self:0x3 bytes=0  ok`,
  '[G3] copy: bits of the flags that do not say which side is a ref are ignored': `
    0  d2  copy  self:0x2 -> self:0x3 bytes=4 flags=0xfffc  ok`,
  '[G3] copy: a readonly mapping of a page does not hinder a copy to it by its ref': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw    ok
    1  d2  map    d1/3 at=0x30 ro           ok
    2  d2  store  at=0x2 u32 0x99           ok
    3  d2  copy   self:0x2 -> d1/3 bytes=4  ok
    4  d2  load   at=0x30 u32               0x00000099
    5  d1  load   at=0x20+0x18 u16          0x00000009`,
  '[G3] copy: the buffers of a batch are kept for the same two domains only': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro                       ok
    1  d1  grant  ref=5 to=d2 gfn=0x6 rw                       ok
    2  d3  grant  ref=5 to=d2 gfn=0x7 rw                       ok
    3  d1  store  at=0x1 u32 0x77                              ok
    4  d2  copy   d1/3 -> d3/5 bytes=4 ; d1/3 -> d1/5 bytes=4  ok ; ok
    5  d1  load   at=0x6 u32                                   0x00000077
    6  d2  copy   d1/5 -> self:0x2 bytes=4 ; d3/5 -> self:0x3 bytes=8  ok ; ok`,
  '[G3] copy: a failed element gives both buffers back and the next starts anew': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro  ok
    1  d2  copy   d1/3 -> self:0x9 bytes=4 ; d1/3 -> self:0x2 bytes=4  bad_page ; ok
    2  d1  load   at=0x20+0x18 u16        0x00000005`,
  '[G3] copy: a buffer that is kept is not looked up again, though the copy rewrote the entry': `
    0  d1  grant  ref=3 to=d2 gfn=0x20 rw     ok
    1  d1  grant  ref=4 to=d2 gfn=0x1 ro      ok
    2  d1  store  at=0x1 u32 0x77             ok
    3  d2  copy   d1/4 -> d1/3+0x20 bytes=8 ; d1/4 -> d1/3+0x100 bytes=4  ok ; ok
    4  d1  load   at=0x20+0x100 u32           0x00000077
    5  d2  copy   d1/4 -> d1/3+0x100 bytes=4  general_error`,
};

const refusals: Scenarios = {
  '[G3.1] copy refuses bad_domain for an absent source domain': `
    0  d2  copy  d9/3 -> d9/3 bytes=4 ; d9:0x1 -> self:0x2 bytes=4  bad_domain ; bad_domain`,
  '[G3.2] copy refuses bad_domain for an absent destination domain': `
    0  d2  copy  self:0x9 -> d9/3 bytes=4  bad_domain`,
  '[G3.3] copy refuses permission_denied for a source gfn that is not DOMID_SELF’s': `
    0  d2  copy  d1:0x1 -> self:0x2 bytes=4  permission_denied
    1  d2  copy  d2:0x1 -> self:0x2 bytes=4  permission_denied`,
  '[G3.3] copy: a ref of a domain does not open its other pages to the rest of the batch': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro  ok
    1  d2  copy   d1/3 -> self:0x2 bytes=8 ; d1:0x2 -> self:0x3 bytes=8  ok ; permission_denied
    2  d2  copy   d1/3 -> self:0x2 bytes=8 ; d1:0x3 -> self:0x3 bytes=8  ok ; permission_denied`,
  '[G3.4] copy refuses bad_page where no memory of the caller’s own is at the source gfn': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw         ok
    1  d2  map    d1/3 at=0x30 rw                ok
    2  d2  copy   self:0x9 -> self:0x2 bytes=4   bad_page
    3  d2  copy   self:0x30 -> self:0x2 bytes=4  bad_page`,
  '[G3.5] copy refuses permission_denied for a destination gfn that is not DOMID_SELF’s': `
    0  d2  copy  self:0x2 -> d1:0x1 bytes=4  permission_denied
    1  d2  copy  self:0x2 -> d2:0x1 bytes=4  permission_denied`,
  '[G3.5] copy: a writable ref of a domain does not open its other pages to the batch': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  copy   self:0x2 -> d1/3 bytes=8 ; self:0x2 -> d1:0x3 bytes=8  ok ; permission_denied`,
  '[G3.6] copy refuses bad_page where no memory of the caller’s own is at the destination': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw         ok
    1  d2  map    d1/3 at=0x30 rw                ok
    2  d2  copy   self:0x2 -> self:0x9 bytes=4   bad_page
    3  d2  copy   self:0x2 -> self:0x30 bytes=4  bad_page`,
  '[G3.7] copy refuses bad_copy_arg for a source range that leaves the page': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw           ok
    1  d2  copy   d1/3+0xffa -> self:0x2 bytes=10  bad_copy_arg
    2  d2  copy   d1/3+0xffa -> self:0x2 bytes=6   ok
    3  d2  copy   d1/3+0xffa -> self:0x9 bytes=10  bad_page
    4  d1  load   at=0x20+0x18 u16                 0x00000001`,
  '[G3.8] copy refuses bad_copy_arg for a destination range that leaves the page': `
    0  d2  copy  self:0x2 -> self:0x3+0xfff bytes=2   bad_copy_arg
    1  d2  copy  self:0x2 -> self:0x3+0x1001 bytes=0  bad_copy_arg
    2  d2  copy  self:0x2 -> self:0x3+0x1000 bytes=0  ok`,
  '[G3.9] copy refuses general_error for a source range that leaves what is granted': `
    0  d1  set_version  2                               ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x105 v2 sub=0x10+64  ok
    2  d2  copy         d1/3+0xf -> self:0x2 bytes=2    general_error
    3  d2  copy         d1/3+0x4f -> self:0x2 bytes=2   general_error
    4  d2  copy         d1/3+0x10 -> self:0x2 bytes=64  ok`,
  '[G3.10] copy refuses general_error for a destination range that leaves what is granted': `
    0  d1  set_version  2                              ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x10+64  ok
    2  d2  copy         self:0x2 -> d1/3 bytes=4       general_error
    3  d2  copy         self:0x2 -> d1/3+0x4c bytes=5  general_error
    4  d2  copy         self:0x2 -> d1/3+0x4c bytes=4  ok`,
};

describe('copy', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
