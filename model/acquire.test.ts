import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[G4] a copy takes a sub-page grant into use': `
    0  d1  set_version  2                              ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x10+8  ok
    2  d2  store        at=0x2 u64 0x1122334455667788  ok
    3  d2  copy         self:0x2 -> d1/3+0x10 bytes=8  ok
    4  d1  load         at=0x1+0x10 u64                0x1122334455667788`,
  '[G4] a full-page grant of version 2 gives the whole page, whatever is in its pad': `
    0  d1  set_version  2                                     ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 rw v2 sub=0x10+8  ok
    2  d2  copy         self:0x2 -> d1/3 bytes=4096           ok`,
  '[G4] a sub-page grant may be both sides of a copy': `
    0  d1  set_version  2                               ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x10+8  ok
    2  d1  store        at=0x1+0x10 u32 0x77            ok
    3  d2  copy         d1/3+0x10 -> d1/3+0x14 bytes=4  ok
    4  d1  load         at=0x1+0x14 u32                 0x00000077`,
  '[G4] equal refs of two granters are two grants': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro  ok
    1  d3  grant  ref=3 to=d2 gfn=0x2 rw  ok
    2  d1  store  at=0x1 u32 0x77         ok
    3  d2  copy   d1/3 -> d3/3 bytes=4    ok
    4  d3  load   at=0x2 u32              0x00000077`,
  '[G4] a copy ignores the sub-page bit of version 1': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 flags=0x101  ok
    1  d2  copy   self:0x2 -> d1/3+0xff0 bytes=16  ok`,
  '[G4] the start of a sub-page grant is kept in 15 bits': `
    0  d1  set_version  2                              ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x8010+8  ok
    2  d2  copy         self:0x2 -> d1/3+0x10 bytes=8  ok`,
  '[G4] a copy through a grant that is mapped uses the mapped page': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro         ok
    1  d1  store  at=0x1 u32 0x11                ok
    2  d2  map    d1/3 at=0x30 ro                ok
    3  d1  grant  ref=3 to=d3 gfn=0x9 flags=0x0  ok
    4  d2  copy   d1/3 -> self:0x2 bytes=4       ok
    5  d2  load   at=0x2 u32                     0x00000011`,
  '[G4] a copy may write through a grant mapped readonly, if the entry names the page still': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw         ok
    1  d2  map    d1/3 at=0x30 ro                ok
    2  d1  grant  ref=3 to=d3 gfn=0x1 flags=0x0  ok
    3  d2  store  at=0x2 u32 0x22                ok
    4  d2  copy   self:0x2 -> d1/3 bytes=4       ok
    5  d1  load   at=0x1 u32                     0x00000022`,
  '[G4] DOMID_SELF names the caller’s own grants in a copy': `
    0  d1  grant  ref=3 to=d1 gfn=0x1 rw  ok
    1  d1  store  at=0x1 u32 0x22         ok
    2  d1  copy   self/3 -> self:0x2 bytes=4 ; d1/3 -> self:0x3 bytes=4  ok ; ok
    3  d1  load   at=0x3 u32              0x00000022`,
  '[G12] a grant is in use by a copy as long as its batch keeps the buffer': `
    machine small pin_limit=1
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro    ok
    1  d2  map    d1/3 at=0x30 ro           ok
    2  d2  copy   d1/3 -> self:0x2 bytes=4  general_error
    3  d2  unmap  h1 at=0x30                ok
    4  d2  copy   d1/3 -> self:0x2 bytes=4 ; d1/3 -> self:0x3 bytes=4  ok ; ok
    5  d2  map    d1/3 at=0x30 ro           ok`,
  '[G14] a copy leaves the bits of a grant as it found them': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw    ok
    1  d2  copy   self:0x2 -> d1/3 bytes=4  ok
    2  d1  load   at=0x20+0x18 u16          0x00000001
    3  d2  map    d1/3 at=0x30 ro           ok
    4  d2  copy   self:0x2 -> d1/3 bytes=4  ok
    5  d1  load   at=0x20+0x18 u16          0x00000009`,
  '[G14] a copy out of the page of a grant table sees its own use of it': `
    0  d1  grant  ref=3 to=d2 gfn=0x20 rw        ok
    1  d2  copy   d1/3+0x18 -> self:0x2 bytes=8  ok
    2  d2  load   at=0x2 u16                     0x00000009
    3  d1  load   at=0x20+0x18 u16               0x00000001`,
};

/** d1 lends 8 bytes, in which a copy finds a new entry for the grant by which it got them. */
const renewedInBatch = (entry: string): string => `
    0  d1  set_version  2                              ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x10+8  ok
    2  d1  grant        ref=4 to=d2 gfn=0x20 rw v2     ok
    3  d1  store        at=0x1+0x10 u64 ${entry}       ok
    4  d2  copy         self:0x2 -> d1/3+0x10 bytes=0  ok
    5  d2  copy         d1/3+16 -> d1/4+48 bytes=8 ; d1/3+16 -> d1/3 bytes=4  ok ; general_error`;

const refusals: Scenarios = {
  '[G4.1] copy refuses bad_gntref for a ref outside the table': `
    0  d2  copy  d1/16 -> self:0x2 bytes=4 ; self:0x2 -> d1/16 bytes=4  bad_gntref ; bad_gntref`,
  '[G4.2] copy refuses general_error while another domain uses the grant': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro    ok
    1  d2  map    d1/3 at=0x30 ro           ok
    2  d1  grant  ref=3 to=d3 gfn=0x1 ro    ok
    3  d3  copy   d1/3 -> self:0x2 bytes=4  general_error`,
  '[G4.3] copy refuses general_error at the limit of pins, for each kind apart': `
    machine small pin_limit=1
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw    ok
    1  d2  map    d1/3 at=0x30 ro           ok
    2  d2  copy   d1/3 -> self:0x2 bytes=4 ; self:0x2 -> d1/3 bytes=4  general_error ; ok
    3  d2  map    d1/3 at=0x31 rw           ok
    4  d2  copy   self:0x2 -> d1/3 bytes=4  general_error`,
  '[G4.4] copy refuses general_error for an entry that does not permit access': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 flags=0x0  ok
    1  d1  grant  ref=4 to=d2 gfn=0x1 flags=0x2  ok
    2  d1  grant  ref=5 to=d2 gfn=0x1 flags=0x3  ok
    3  d2  copy   d1/3 -> self:0x2 bytes=4 ; d1/4 -> self:0x2 bytes=4  general_error ; general_error
    4  d2  copy   d1/5 -> self:0x2 bytes=4       general_error`,
  '[G4.5] copy refuses general_error where the entry names another grantee': `
    0  d1  grant  ref=3 to=d3 gfn=0x1 rw      ok
    1  d1  grant  ref=4 to=self gfn=0x1 rw    ok
    2  d2  copy   d1/3 -> self:0x2 bytes=4    general_error
    3  d1  copy   self/4 -> self:0x2 bytes=4  general_error`,
  '[G4.6] copy refuses general_error for writing through a readonly entry': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 ro    ok
    1  d2  copy   self:0x2 -> d1/3 bytes=4  general_error
    2  d2  map    d1/3 at=0x30 ro           ok
    3  d2  copy   self:0x2 -> d1/3 bytes=4  general_error
    4  d1  load   at=0x20+0x18 u16          0x0000000d`,
  '[G4.7] copy refuses bad_domain for a grant in use whose granter is dying': `
    0  d1    grant    ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map      d1/3 at=0x30 rw         ok
    2  tool  destroy  d1                      ok
    3  d2    copy     d1/3 -> self:0x2 bytes=4 ; self:0x2 -> d1/3 bytes=4  bad_domain ; bad_domain
    4  d2    map      d1/3 at=0x31 rw         ok`,
  '[G4.8] copy refuses bad_page where the entry names no page to lend': `
    0  d1  grant  ref=3 to=d2 gfn=0x9 rw    ok
    1  d2  copy   d1/3 -> self:0x2 bytes=4  bad_page
    2  d1  load   at=0x20+0x18 u16          0x00000001`,
  '[G4.8] copy refuses bad_page to write where the entry now names a hole, though it is in use': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw    ok
    1  d2  map    d1/3 at=0x30 ro           ok
    2  d1  grant  ref=3 to=d2 gfn=0x9 rw    ok
    3  d2  copy   self:0x2 -> d1/3 bytes=4  bad_page`,
  '[G4.9] copy refuses general_error to write where the range in use is not granted still':
    renewedInBatch('0x0008001800020101'),
  '[G4.9] copy refuses general_error to write where the length in use is not granted still':
    renewedInBatch('0x0007001000020101'),
  '[G4.9] copy refuses general_error to write where a part is in use and all is granted':
    renewedInBatch('0x0000000000020001'),
  '[G4.9] copy refuses general_error to write where the entry now names another page': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 ro         ok
    2  d1  grant  ref=3 to=d2 gfn=0x2 rw  ok
    3  d2  copy   self:0x2 -> d1/3 bytes=4 ; d1/3 -> self:0x2 bytes=4  general_error ; ok
    4  d2  load   at=0x30 u32             0x00000000`,
};

describe('copy takes grants into use', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
