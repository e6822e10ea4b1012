import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const memory: Scenarios = {
  '[D9] [P6.6] fail_next lets one allocation of RAM fail, a whole extent, and no other': `
    0  tool  fail_next          page after=2                       done
    1  d1    populate_physmap   self gfns=0x10,0x12,0x14 order=1     1
    2  d1    load               at=0x10 u8                         0x00000000
    3  d1    load               at=0x12 u8                         0x000000ff
    4  d1    populate_physmap   self gfns=0x12 order=1               1`,
  '[D9] fail_next with 0 takes back what was armed': `
    0  tool  fail_next          page after=1    done
    1  tool  fail_next          page after=0    done
    2  d1    populate_physmap   self gfns=0x10    1`,
  '[D9] [P7.6] an increase stops at the page that fails': `
    0  tool  fail_next             page after=2   done
    1  d1    increase_reservation  self count=3   1
    2  d1    current_reservation   self           9`,
  '[D9] what a domain may not have is not tried': `
    machine small
    domain d1 pages=8
    domain d2
    0  tool  fail_next         page after=1  done
    1  d1    populate_physmap  self gfns=0x10  0
    2  d2    populate_physmap  self gfns=0x10  0
    3  d2    populate_physmap  self gfns=0x10  1`,
  '[D9] [P6.10] a populate that gets no table keeps its page without a gfn, and the tables it got': `
    machine small
    domain d1
    domain d2
    0  tool  fail_next            table after=2          done
    1  d1    populate_physmap     self gfns=0x8000000      0
    2  d1    current_reservation  self                   9
    3  d1    populate_physmap     self gfns=0x8000000      1`,
  '[D9] [P6.10] of an extent the entries that can be changed are': `
    0  tool  fail_next            entry after=1             done
    1  d1    populate_physmap     self gfns=0x10 order=1      0
    2  d1    load                 at=0x10 u8                0x000000ff
    3  d1    load                 at=0x11 u8                0x00000000
    4  d1    current_reservation  self                      10`,
  '[D9] a populate that fails leaves the RAM that was there in its place': `
    0  d1    store              at=0x3 u32 0x11    ok
    1  tool  fail_next          entry after=1      done
    2  d1    populate_physmap   self gfns=0x3        0
    3  d1    load               at=0x3 u32         0x00000011
    4  d1    decrease_reservation  self gfns=0x3     1`,
  '[P8.6] [D9] a page that cannot be removed is kept where it is': `
    0  d1    store                 at=0x3 u32 0x11        ok
    1  tool  fail_next             entry after=2          done
    2  d1    decrease_reservation  self gfns=0x2,0x3,0x4    1
    3  d1    load                  at=0x3 u32             0x00000011
    4  d1    load                  at=0x4 u8              0x00000000
    5  d1    current_reservation   self                   7
    6  d1    decrease_reservation  self gfns=0x3            1`,
};

const physmap: Scenarios = {
  '[P13.5] [D9] remove_from_physmap that fails leaves the page at its gfn': `
    0  tool  fail_next             entry after=1  done
    1  d1    remove_from_physmap   self gfn=0x3   -ENOMEM
    2  d1    load                  at=0x3 u8      0x00000000
    3  d1    remove_from_physmap   self gfn=0x3   ok`,
  '[P11.17] [D9] a page cannot leave the gfn it had: it stays, and what was in its way is gone': `
    0  d1    store           at=0x3 u32 0x33                      ok
    1  d1    store           at=0x4 u32 0x44                      ok
    2  tool  fail_next       entry after=2                        done
    3  d1    add_to_physmap  self space=gmfn index=0x3 gfn=0x4    -ENOMEM
    4  d1    load            at=0x3 u32                           0x00000033
    5  d1    load            at=0x4 u32                           0xffffffff`,
  '[P11.17] [D9] what is in the way of a page cannot be given up: all is as it was': `
    0  d1    store           at=0x4 u32 0x44                      ok
    1  tool  fail_next       entry after=1                        done
    2  d1    add_to_physmap  self space=gmfn index=0x3 gfn=0x4    -ENOMEM
    3  d1    load            at=0x3 u32                           0x00000000
    4  d1    load            at=0x4 u32                           0x00000044
    5  d1    current_reservation  self                            8`,
  '[P11.17] [D9] a page that cannot be entered at its new gfn has left the old one': `
    0  tool  fail_next       entry after=2                        done
    1  d1    add_to_physmap  self space=gmfn index=0x3 gfn=0x10   -ENOMEM
    2  d1    load            at=0x3 u8                            0x000000ff
    3  d1    load            at=0x10 u8                           0x000000ff
    4  d1    current_reservation  self                            8`,
  '[P11.17] [D9] a frame of the table cannot be unhooked': `
    0  tool  fail_next       entry after=1                               done
    1  d1    add_to_physmap  self space=shared_info index=0 gfn=0x20     -ENOMEM
    2  d1    setup_table     self frames=1                               ok 0x20`,
  '[P11.17] [D9] of a batch only the entry that fails is refused': `
    0  tool  fail_next             entry after=3                                  done
    1  d1    add_to_physmap_batch  self space=gmfn ; 0x3 at=0x10 ; 0x4 at=0x11 ; 0x5 at=0x12  ok each ok,-ENOMEM,ok`,
};

const grants: Scenarios = {
  '[G1.16] [D9] a map whose entry cannot be made leaves nothing': `
    0  d1    grant      ref=3 to=d2 gfn=0x1 rw  ok
    1  tool  fail_next  entry after=1           done
    2  d2    map        d1/3 at=0x30 rw         general_error
    3  d1    load       at=0x20+0x18 u16        0x00000001
    4  d2    map        d1/3 at=0x30 rw         ok`,
  '[G1.16] [D9] a page mapped by its own domain cannot leave its gfn: it stays there': `
    0  d1    grant      ref=3 to=d1 gfn=0x1 rw  ok
    1  tool  fail_next  entry after=1           done
    2  d1    map        d1/3 at=0x2 rw          general_error
    3  d1    load       at=0x1 u8               0x00000000
    4  d1    decrease_reservation  self gfns=0x1,0x2  2`,
  '[G2.4] [D9] a mapping whose entry cannot be removed lives on': `
    0  d1    grant      ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map        d1/3 at=0x30 rw         ok
    2  tool  fail_next  entry after=1           done
    3  d2    unmap      h1 at=0x30              general_error
    4  d2    store      at=0x30 u32 0x11        ok
    5  d1    load       at=0x20+0x18 u16        0x00000019
    6  d2    unmap      h1 at=0x30              ok`,
  '[G6.6] [D9] setup_table grows by all frames or by none': `
    0  tool  fail_next    grant_frame after=2   done
    1  d1    setup_table  self frames=3         general_error
    2  d1    query_size   self                  ok frames=1 maximum=3
    3  d1    setup_table  self frames=3         ok 0x20,~0,~0`,
  '[G6.6] [D9] the status frames of version 2 are among them': `
    0  d1    set_version  2                     ok v2
    1  tool  fail_next    grant_frame after=3   done
    2  d1    setup_table  self frames=3         general_error
    3  d1    query_size   self                  ok frames=1 maximum=3`,
  '[P11.9] [D9] add_to_physmap of a frame that the table cannot have': `
    0  tool  fail_next       grant_frame after=1                             done
    1  d1    add_to_physmap  self space=grant_table index=1 gfn=0x21         -EINVAL
    2  d1    add_to_physmap  self space=grant_table index=1 gfn=0x21         ok`,
  '[G8.7] [D9] set_version to 2 without status frames leaves version 1': `
    0  d1    grant        ref=3 to=d2 gfn=0x1 rw  ok
    1  tool  fail_next    grant_frame after=1     done
    2  d1    set_version  2                       -ENOMEM v1
    3  d2    map          d1/3 at=0x30 rw         ok`,
  '[G8.6] [D9] a status frame that cannot leave the p2m costs the domain its life': `
    0  d1    set_version     2                                                     ok v2
    1  d1    add_to_physmap  self space=grant_table index=0x80000000 gfn=0x28      ok
    2  tool  fail_next       entry after=1                                         done
    3  d1    set_version     1                                                     crashed
    4  tool  inspect_gfn     d1 gfn=0x28                                           ram_rw mapped 0x0000000000000000`,
};

const creation: Scenarios = Object.fromEntries(
  [
    ['the top of its p2m', 'table after=1'],
    ['a table of its p2m', 'table after=4'],
    ['its shared info', 'grant_frame after=1'],
    ['the first frame of its grant table', 'grant_frame after=2'],
    ['its first page', 'page after=1'],
    ['its last page', 'page after=8'],
    ['the entry of its last page', 'entry after=8'],
    ['the entry of its grant table', 'entry after=9'],
  ].map(([what, armed]) => [
    `[D1.6] [D9] create without ${what} leaves nothing`,
    `
    machine small
    domain none
    0  tool  fail_next    ${armed}  done
    1  tool  create       d1        -ENOMEM
    2  tool  domain_info  d1        -ESRCH
    3  tool  create       d1        ok
    4  d1    current_reservation  self  8`,
  ]),
);

const pools: Scenarios = {
  '[D1.6] [D9] without nested paging what serves its page tables may fail as well': `
    machine small paging=shadow
    domain none
    0  tool  fail_next    table after=2  done
    1  tool  create       d1             -ENOMEM
    2  tool  domain_info  d1             -ESRCH
    3  tool  create       d1             ok`,
};

describe.each([
  ['pools', pools],
  ['memory', memory],
  ['physmap', physmap],
  ['grants', grants],
  ['creation', creation],
])('what fails: %s', (_, scenarios) => {
  test.each(Object.entries(scenarios))('%s', (title, script) => {
    const played = play(script);
    expect(played.text).toBe(script);
    expect(played.reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
