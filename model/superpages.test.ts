import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/*
 * What a real Xen answered for pools of these sizes, besides what it takes for nested paging itself. Root,
 * levels 3 and 2, and the bottom tables of gfns 0x100 and 0x1000 are five frames.
 */
const measured: Scenarios = {
  '[P2] superpages need a table each once they are split, and [P8.6] stay as they are without': `
    machine xen p2m_table_frames=6
    0  tool  set_memory_limit      d1 pages=4096                          ok
    1  d1    populate_physmap      self gfns=0x8000,0x8200 order=9        2
    2  d1    decrease_reservation  self gfns=0x8005                       1
    3  d1    decrease_reservation  self gfns=0x8205                       0
    4  d1    load                  at=0x8205 u32                          0x00000000
    5  d1    remove_from_physmap   self gfn=0x8206                        -ENOMEM
    6  d1    add_to_physmap        self space=gmfn index=0x8207 gfn=0x1020  -ENOMEM
    7  d1    add_to_physmap        self space=gmfn index=0x1001 gfn=0x8208  -ENOMEM
    8  tool  set_memory_type       d1 gfn=0x8205 count=1 type=1           -ENOMEM
    9  d1    decrease_reservation  self gfns=0x8200 order=9               0
   10  d1    populate_physmap      self gfns=0x8600 order=9               1
   11  d1    populate_physmap      self gfns=0x8800                       0
   12  d1    current_reservation   self                                   1632`,
  '[P2] tables go back to the pool where a superpage takes their place': `
    machine xen p2m_table_frames=6
    0  tool  set_memory_limit      d1 pages=4096          ok
    1  d1    populate_physmap      self gfns=0x8007         1
    2  d1    populate_physmap      self gfns=0x8207         0
    3  d1    populate_physmap      self gfns=0x8000 order=9  1
    4  d1    populate_physmap      self gfns=0x8207         1
    5  d1    decrease_reservation  self gfns=0x8005         0
    6  d1    decrease_reservation  self gfns=0x8207         1
    7  d1    populate_physmap      self gfns=0x8200 order=9  1
    8  d1    decrease_reservation  self gfns=0x8005         1
    9  d0    populate_physmap      d1 gfns=0x8000 order=10   1
   10  d1    decrease_reservation  self gfns=0x8005         1
   11  d1    decrease_reservation  self gfns=0x8205         0`,
  '[P2] 1 GiB is one entry: what is split keeps the larger table, though there is no smaller one': `
    machine xen p2m_table_frames=6 guest_frames=270000
    0  tool  set_memory_limit      d1 pages=270000          ok
    1  d0    populate_physmap      d1 gfns=0x40000 order=18  1
    2  d1    store                 at=0x48305 u32 0x4d      ok
    3  d1    decrease_reservation  self gfns=0x40005        0
    4  d1    populate_physmap      self gfns=0x10000        0
    5  d1    load                  at=0x48305 u32           0x0000004d
    6  d1    load                  at=0x40005 u32           0x00000000`,
  '[P2] one page of 1 GiB takes two tables, one of a neighbour in its 2 MiB none': `
    machine xen p2m_table_frames=7 guest_frames=270000
    0  tool  set_memory_limit      d1 pages=270000                 ok
    1  d0    populate_physmap      d1 gfns=0x40000 order=18         1
    2  d1    decrease_reservation  self gfns=0x40005,0x40006       2
    3  d1    decrease_reservation  self gfns=0x40205               0
    4  d1    load                  at=0x40005 u32                  0xffffffff
    5  d1    load                  at=0x40205 u32                  0x00000000`,
  '[P2] an extent of 1 GiB at a gfn that is no multiple of it is put in pieces of 2 MiB': `
    machine xen p2m_table_frames=7 guest_frames=270000
    0  tool  set_memory_limit      d1 pages=270000           ok
    1  d0    populate_physmap      d1 gfns=0x40200 order=18   1
    2  d1    decrease_reservation  self gfns=0x40205         0
    3  d1    decrease_reservation  self gfns=0x80005         0
    4  d1    load                  at=0x80005 u32            0x00000000`,
};

const others: Scenarios = {
  '[P2] with shadow paging each gfn has an entry of its own': `
    machine xen paging=shadow p2m_table_frames=6
    0  tool  set_memory_limit      d1 pages=4096                    ok
    1  d1    populate_physmap      self gfns=0x8000,0x8200 order=9  1
    2  d1    decrease_reservation  self gfns=0x8005,0x8205          1`,
  '[P2] [D1] the first RAM of a domain is superpages where it can be': `
    machine xen p2m_table_frames=3
    0  tool  create                d1 ram=0x1000+513 pages=600  -ENOMEM
    1  tool  create                d1 ram=0x1000+512 pages=600  ok
    2  d1    decrease_reservation  self gfns=0x1003             0
    3  d1    load                  at=0x1003 u32                0x00000000`,
  '[D9] a superpage is one allocation and one update of the p2m': `
    machine xen p2m_table_frames=6
    0  tool  set_memory_limit      d1 pages=4096            ok
    1  tool  fail_next             entry after=2            done
    2  d1    populate_physmap      self gfns=0x8000 order=9  1
    3  d1    populate_physmap      self gfns=0x8200 order=9  0
    4  d1    load                  at=0x8001 u32            0x00000000
    5  d1    load                  at=0x8201 u32            0xffffffff
    6  d1    current_reservation   self                     1120
    7  tool  fail_next             table after=1            done
    8  d1    decrease_reservation  self gfns=0x8001         0
    9  d1    decrease_reservation  self gfns=0x8001         1`,
  '[P5] RAM that a superpage replaces loses its gfn': `
    machine xen
    0  tool  set_memory_limit      d1 pages=4096             ok
    1  d1    store                 at=0x1003 u32 0x5         ok
    2  d1    populate_physmap      self gfns=0x1000 order=9   1
    3  d1    load                  at=0x1003 u32             0x00000000
    4  d1    current_reservation   self                      608
    5  tool  inspect_gfn           d1 gfn=0x1003             ram_rw mapped 0x0000000000000000`,
};

describe('superpages', () => {
  test.each(Object.entries({ ...measured, ...others }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
