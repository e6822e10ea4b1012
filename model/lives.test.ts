import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/** What was a former domain's is another's under the same id, or nobody's. */
const scenarios: Scenarios = {
  '[D1] [G1] a grant names an id: the next domain of that id may map what was granted to the former': `
    0  d1    grant    ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map      d1/3 at=0x30 rw         ok
    2  tool  destroy  d2                      ok
    3  d1    load     at=0x20+0x18 u16        0x00000001
    4  tool  create   d2                      ok
    5  d2    load     at=0x30 u8              0x000000ff
    6  d2    unmap    h1 at=0x30              bad_handle
    7  d2    map      d1/3 at=0x30 rw         ok`,
  '[G1.8] what a former domain granted is not granted by the next one': `
    0  d1    grant    ref=3 to=d2 gfn=0x1 rw  ok
    1  tool  destroy  d1                      ok
    2  tool  create   d1                      ok
    3  d2    map      d1/3 at=0x30 rw         general_error`,
  '[G5.3] a transitive grant leads to nobody while its source is gone': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    set_version  2                       ok v2
    2  tool  destroy      d1                      ok
    3  d2    grant        ref=4 to=d3 gfn=0x0 flags=0x3 v2 via=d1/3  ok
    4  d3    copy         d2/4 -> self:0x1 bytes=4  general_error
    5  tool  create       d1                      ok
    6  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    7  d3    copy         d2/4 -> self:0x1 bytes=4  ok`,
  '[D2] [D1.2] an id is free when the last page of its domain is given back, by whoever has it': `
     0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
     1  d1    grant        ref=4 to=d3 gfn=0x2 rw  ok
     2  d2    map          d1/3 at=0x30 rw         ok
     3  d3    map          d1/4 at=0x30 rw         ok
     4  tool  destroy      d1                      ok
     5  tool  destroy      d2                      ok
     6  tool  create       d1                      -EEXIST
     7  tool  create       d2                      ok
     8  d3    unmap        h3 at=0x30              ok
     9  tool  create       d1                      ok
    10  d1    load         at=0x2 u32              0x00000000`,
  '[D2] a chain of dying domains goes with the one that holds its end': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    grant        ref=3 to=d3 gfn=0x1 rw  ok
    2  d2    map          d1/3 at=0x30 rw         ok
    3  d3    map          d2/3 at=0x30 rw         ok
    4  tool  destroy      d1                      ok
    5  tool  domain_info  d1                      pages=1 maximum=14 dying
    6  tool  destroy      d2                      ok
    7  tool  domain_info  d1                      -ESRCH
    8  tool  domain_info  d2                      pages=1 maximum=14 dying
    9  tool  destroy      d3                      ok`,
  '[G2] a mapping outlives its granter, takes stores, and is unmapped; the next domain of that id sees none of it': `
    0  d1    grant    ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map      d1/3 at=0x30 rw         ok
    2  tool  destroy  d1                      ok
    3  d2    store    at=0x30 u32 0x7         ok
    4  d2    unmap    h1 at=0x30              ok
    5  tool  create   d1                      ok
    6  d1    load     at=0x1 u32              0x00000000`,
};

describe('lives under one id', () => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const played = play(script);
    expect(played.text).toBe(script);
    expect(played.reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
