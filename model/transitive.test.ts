import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/** d3 lends its page 0x4 to d1, which lends it on to d2. */
const lentOn = `
    0  d3  grant        ref=2 to=d1 gfn=0x4 rw                     ok
    1  d3  store        at=0x4 u64 0x1122334455667788              ok
    2  d1  set_version  2                                          ok v2
    3  d1  grant        ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d3/2  ok`;

const effects: Scenarios = {
  '[G5] a transitive grant gives what the grant gives that it rests on': `${lentOn}
    4  d2  copy  d1/3 -> self:0x2 bytes=8  ok
    5  d2  load  at=0x2 u64                0x1122334455667788
    6  d2  copy  self:0x3 -> d1/3 bytes=4  ok
    7  d3  load  at=0x4 u64                0x1122334400000000`,
  '[G5] a transitive grant rests on the granter’s right, not on the caller’s': `${lentOn}
    4  d3  grant  ref=2 to=d2 gfn=0x4 rw    ok
    5  d2  copy   d1/3 -> self:0x2 bytes=8  general_error
    6  d2  copy   d3/2 -> self:0x2 bytes=8  ok`,
  '[G5] a transitive grant has the range of the sub-page grant it rests on': `
    0  d3  set_version  2                                          ok v2
    1  d3  grant        ref=2 to=d1 gfn=0x4 flags=0x101 v2 sub=0x10+8  ok
    2  d1  set_version  2                                          ok v2
    3  d1  grant        ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d3/2  ok
    4  d2  copy         d1/3+0x10 -> self:0x2 bytes=8              ok
    5  d2  copy         d1/3+0x11 -> self:0x2 bytes=8              general_error`,
  '[G5] a transitive grant may lead back to the domain that uses it': `
    0  d2  grant        ref=2 to=d1 gfn=0x4 rw                     ok
    1  d1  set_version  2                                          ok v2
    2  d1  grant        ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d2/2  ok
    3  d2  store        at=0x4 u32 0x99                            ok
    4  d2  copy         d1/3 -> self:0x5 bytes=4                   ok
    5  d2  load         at=0x5 u32                                 0x00000099`,
  '[G5] a transitive grant may be both sides of a copy': `${lentOn}
    4  d2  copy  d1/3 -> d1/3+0x100 bytes=8  ok
    5  d3  load  at=0x4+0x100 u64            0x1122334455667788`,
  '[G5] a readonly bit of either grant refuses a copy that would write': `${lentOn}
    4  d1  grant  ref=3 to=d2 gfn=0x0 flags=0x7 v2 via=d3/2  ok
    5  d2  copy   self:0x2 -> d1/3 bytes=4 ; d1/3 -> self:0x2 bytes=4  general_error ; ok
    6  d1  grant  ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d3/2  ok
    7  d3  grant  ref=2 to=d1 gfn=0x4 ro                     ok
    8  d2  copy   self:0x2 -> d1/3 bytes=4 ; d1/3 -> self:0x2 bytes=4  general_error ; ok`,
  '[G5] the refusal of the grant it rests on is the refusal of a transitive one': `${lentOn}
    4  d1  grant  ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d3/16  ok
    5  d2  copy   d1/3 -> self:0x2 bytes=4                    bad_gntref
    6  d1  grant  ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d3/2   ok
    7  d3  grant  ref=2 to=d1 gfn=0x9 rw                      ok
    8  d2  copy   d1/3 -> self:0x2 bytes=4                    bad_page`,
  '[G5] a transitive grant cannot be mapped': `${lentOn}
    4  d2  map  d1/3 at=0x30 ro  general_error`,
  '[G14] neither grant of a transitive copy is marked after it': `${lentOn}
    4  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24  ok
    5  d2  copy            self:0x2 -> d1/3 bytes=4  ok
    6  d1  load            at=0x24+0x6 u16           0x00000000
    7  d3  load            at=0x20+0x10 u16          0x00000001`,
};

const refusals: Scenarios = {
  '[G5.1] copy refuses general_error where a transitive grant leads to a transitive one': `
    0  d3  set_version  2                                          ok v2
    1  d3  grant        ref=2 to=d1 gfn=0x0 flags=0x3 v2 via=d2/1  ok
    2  d2  grant        ref=1 to=d3 gfn=0x1 rw                     ok
    3  d1  set_version  2                                          ok v2
    4  d1  grant        ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d3/2  ok
    5  d2  copy         d1/3 -> self:0x2 bytes=4                   general_error
    6  d1  copy         d3/2 -> self:0x2 bytes=4                   ok`,
  '[G5.2] copy refuses general_error where a transitive grant leads back to its granter': `
    0  d1  set_version  2                                          ok v2
    1  d1  grant        ref=2 to=d1 gfn=0x1 rw v2                  ok
    2  d1  grant        ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d1/2  ok
    3  d2  copy         d1/3 -> self:0x2 bytes=4                   general_error`,
  '[G5.3] copy refuses general_error where a transitive grant leads to no domain': `
    0  d1  set_version  2                                            ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d9/2    ok
    2  d1  grant        ref=4 to=d2 gfn=0x0 flags=0x3 v2 via=self/2  ok
    3  d2  copy         d1/3 -> self:0x2 bytes=4                     general_error
    4  d2  copy         d1/4 -> self:0x2 bytes=4                     general_error`,
  '[G5.4] copy refuses general_error for a transitive entry that is in use as another': `${lentOn}
    4  d1  grant  ref=4 to=d2 gfn=0x1 ro v2                  ok
    5  d2  map    d1/4 at=0x30 ro                            ok
    6  d1  grant  ref=4 to=d2 gfn=0x0 flags=0x3 v2 via=d3/2  ok
    7  d2  copy   d1/4 -> self:0x2 bytes=4                   general_error
    8  d3  load   at=0x20+0x10 u16                           0x00000001`,
};

describe('transitive grants', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
