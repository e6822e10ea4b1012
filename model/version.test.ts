import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/** The machine `small` has two reserved refs, 0 and 1. */
const effects: Scenarios = {
  '[G8] set_version to 2 keeps reserved entries of any type and empties the others': `
     0  d1  grant        ref=0 to=d2 gfn=0x77 ro        ok
     1  d1  grant        ref=1 to=d3 gfn=0x5 flags=0x2  ok
     2  d1  grant        ref=2 to=d2 gfn=0x1 rw         ok
     3  d1  store        at=0x20+0xff8 u64 0x1          ok
     4  d1  set_version  2                              ok v2
     5  d1  load         at=0x20 u64                    0x00020005
     6  d1  load         at=0x20+0x8 u64                0x00000077
     7  d1  load         at=0x20+0x10 u64               0x00030002
     8  d1  load         at=0x20+0x18 u64               0x00000005
     9  d1  load         at=0x20+0x20 u64               0x00000000
    10  d1  load         at=0x20+0xff8 u64              0x00000000
    11  d1  get_version  self                           ok v2`,
  '[G8] set_version moves the bits of a reserved entry in use to its status and back': `
    0  d1  grant           ref=1 to=d2 gfn=0x7 rw  ok
    1  d2  map             d1/1 at=0x30 ro         ok
    2  d1  set_version     2                       ok v2
    3  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24  ok
    4  d1  load            at=0x20+0x10 u16        0x00000001
    5  d1  load            at=0x24+0x2 u16         0x00000008
    6  d1  set_version     1                       ok v1
    7  d1  load            at=0x20+0x8 u64         0x0000000700020009
    8  d2  unmap           h1 at=0x30              ok
    9  d1  load            at=0x20+0x8 u16         0x00000001`,
  '[G8] set_version to 1 keeps permit_access entries, their sub-page bit too, and no others': `
    0  d1  set_version  2                                 ok v2
    1  d1  grant        ref=0 to=d2 gfn=0x7 flags=0x101 v2 sub=0x10+8  ok
    2  d1  grant        ref=1 to=d2 gfn=0x7 flags=0x2 v2  ok
    3  d1  set_version  1                                 ok v1
    4  d1  load         at=0x20 u64                       0x0000000700020101
    5  d1  load         at=0x20+0x8 u64                   0x00000000`,
  '[G8] set_version to the version in force changes nothing, even in use': `
    0  d1  grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map          d1/3 at=0x30 rw         ok
    2  d1  set_version  1                       ok v1
    3  d1  load         at=0x20+0x18 u16        0x00000019`,
  '[G8] set_version to 1 takes the status frames out of the p2m': `
    0  d1  set_version     2            ok v2
    1  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24  ok
    2  d1  load            at=0x24 u32  0x00000000
    3  d1  set_version     1            ok v1
    4  d1  load            at=0x24 u32  0xffffffff
    5  d1  set_version     2            ok v2
    6  d1  load            at=0x24 u32  0xffffffff`,
  '[G8] set_version leaves the number of frames as it is': `
    0  d1  setup_table  self frames=3  ok 0x20,~0,~0
    1  d1  set_version  2              ok v2
    2  d1  query_size   self           ok frames=3 maximum=3`,
};

const refusals: Scenarios = {
  '[G8.1] set_version refuses -EINVAL for an unknown version': `
    0  d1  set_version  0  -EINVAL v1
    1  d1  set_version  3  -EINVAL v1`,
  '[G8.2] set_version refuses -ENOSYS where the domain was created without version 2': `
    machine small
    domain d1 grant_version=1
    0  d1  set_version  2  -ENOSYS v1
    1  d1  set_version  1  ok v1`,
  '[G8.3] set_version refuses -EBUSY while a ref that is not reserved is in use': `
    0  d1  grant        ref=2 to=d2 gfn=0x1 rw  ok
    1  d2  map          d1/2 at=0x30 rw         ok
    2  d1  set_version  2                       -EBUSY v1
    3  d1  load         at=0x20+0x10 u16        0x00000019
    4  d2  unmap        h1 at=0x30              ok
    5  d1  set_version  2                       ok v2`,
  '[G8.4] set_version refuses -ERANGE for a reserved frame that version 1 cannot say': `
    0  d1  set_version  2                                         ok v2
    1  d1  grant        ref=1 to=d2 gfn=0x100000000 rw v2         ok
    2  d1  set_version  1                                         -ERANGE v2
    3  d1  grant        ref=1 to=d2 gfn=0x100000000 flags=0x2 v2  ok
    4  d1  grant        ref=2 to=d2 gfn=0x100000000 rw v2         ok
    5  d1  set_version  1                                         ok v1`,
  '[G8.5] set_version refuses -ERANGE for a reserved entry that is transitive': `
    0  d1  set_version  2                                          ok v2
    1  d1  grant        ref=0 to=d2 gfn=0x0 flags=0x3 v2 via=d3/1  ok
    2  d1  set_version  1                                          -ERANGE v2
    3  d1  load         at=0x20 u16                                0x00000003`,
  '[G8.6] set_version crashes the caller when somebody holds a status frame that goes': `
    0  d1  set_version     2                           ok v2
    1  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24  ok
    2  d1  grant           ref=1 to=d2 gfn=0x24 rw v2  ok
    3  d2  map             d1/1 at=0x30 rw             ok
    4  d1  set_version     1                           crashed
    5  d0  get_version     d1                          ok v2
    6  d2  unmap           h3 at=0x30                  ok
    7  d0  add_to_physmap  d1 space=grant_table index=0x80000000 gfn=0x25  -EBUSY`,
};

describe('set_version', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
