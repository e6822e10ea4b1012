import { describe, expect, test } from 'vitest';
import { parseTrace } from '../counterexamples/parse.js';
import { observe } from '../impl/audit.js';
import { Hypervisor } from '../impl/hypervisor.js';
import { subjectsOf } from './our-subject.js';
import { Running } from './running.js';

/** Programs for what random ones hardly come to. The spec's own tests say what is right. */
const programs: Readonly<Record<string, string>> = {
  '[B2] [M4] extents in memory that are stopped twice are counted from the first on': `
    0  d1  interrupt   after=1
    1  d1  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x40,0x41,0x42,0x43
    2  d1  interrupt   after=1
    3  d1  resume
    4  d1  interrupt   after=1
    5  d1  resume
    6  d1  resume`,
  '[B2] [M4] a range in memory that is stopped twice answers what is done of all': `
    0  d1  interrupt   after=1
    1  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap self space=gmfn_range index=0x1 gfn=0x40 size=4
    2  d1  interrupt   after=1
    3  d1  resume
    4  d1  interrupt   after=1
    5  d1  resume
    6  d1  resume`,
  '[M4.3] a range and a batch gone on with from their very end': `
    0  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap self space=gmfn_range index=0x1 gfn=0x40 size=2
    1  d1  hypercall   number=12 command=135 va=0x6000
    2  d1  hypercall   number=12 command=199 va=0x6000
    3  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x3 at=0x44 ; 0x4 at=0x45
    4  d1  hypercall   number=12 command=151 va=0x6000
    5  d1  hypercall   number=12 command=215 va=0x6000
    6  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x44 at=0x46
    7  d1  store       at=0x6+0x4 u16 0x0
    8  d1  hypercall   number=12 command=23 va=0x6000`,
  '[M2] extents of 32 bits are read six at a time, the seventh once these are done': `
    0  d1  marshalled  place=0x6 va=0x6000 compat : populate_physmap self gfns=0x40,0x6,0x41,0x42,0x43,0x44,0x45,0x46`,
  '[M2] entries of 32 bits are read three at a time, the fourth once these are done': `
    0  d1  marshalled  place=0x6 va=0x6000 compat : add_to_physmap_batch self space=gmfn ; 0x1 at=0x6 ; 0x2 at=0x40 ; 0x3 at=0x41 ; 0x4 at=0x42 ; 0x5 at=0x43`,
  '[M2] copies of 32 bits are read two at a time, the third once these are made': `
    0  d1  store       at=0x3 u64 0x707
    1  d1  marshalled  place=0x6 va=0x6000 compat : copy self:0x5 -> self:0x6+0x30 bytes=4 ; self:0x3 -> self:0x4 bytes=8 ; self:0x3 -> self:0x2 bytes=8
    2  d1  marshalled  place=0x6 va=0x6000 compat : copy self:0x5 -> self:0x6+0x40 bytes=4 ; self:0x3 -> self:0x4 bytes=8 ; self:0x3 -> self:0x2 bytes=8
    3  d1  marshalled  place=0x6 va=0x6000 compat : copy self:0x5 -> self:0x6+0x48 bytes=24 ; self:0x3 -> self:0x4 bytes=8 ; self:0x3 -> self:0x2 bytes=8 ; self:0x3 -> self:0x1 bytes=8`,
  '[M2] a batch of 32 bits that cannot be read is not asked for': `
    0  d1  marshalled  place=0x6+0xfe8 va=0x6fe8 compat : add_to_physmap_batch d2 space=gmfn ; 0x1 at=0x40
    1  d1  decrease_reservation  self gfns=0x7
    2  d1  hypercall   number=12 command=23 va=0x6fe8 compat`,
  '[M2] all ones is one number, and what is rounded to it another': `
    0  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap self space=gmfn_range index=0x1 gfn=0x40 size=2
    1  d1  store       at=0x6+0x8 u64 0xffffffffffffffff
    2  d1  hypercall   number=12 command=7 va=0x6000
    3  d1  store       at=0x6+0x8 u64 0xfffffffffffffffe
    4  d1  hypercall   number=12 command=7 va=0x6000
    5  d1  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x40 order=1
    6  d1  store       at=0x6+0x20 u64 0xffffffffffffffff
    7  d1  hypercall   number=12 command=6 va=0x6000
    8  d1  store       at=0x6+0x20 u64 0xfffffffffffffffe
    9  d1  hypercall   number=12 command=6 va=0x6000`,
  '[B2] a batch of unmaps of the control domain ends where it is complete': `
    0  d1  grant      ref=3 to=d0 gfn=0x3 rw
    1  d0  map        d1/3 at=0x800 rw ; d1/3 at=0x801 rw ; d1/3 at=0x802 rw
    2  d0  interrupt  after=1
    3  d0  unmap      h1.0 at=0x800 ; h1.1 at=0x801 ; h1.2 at=0x802
    4  d0  resume`,
  '[B2] a batch of unmaps of the control domain is stopped where a part of it is': `
    0  d1  grant      ref=3 to=d0 gfn=0x3 rw
    1  d0  map        d1/3 at=0x800 rw ; d1/3 at=0x801 rw ; d1/3 at=0x802 rw ; d1/3 at=0x803 rw
    2  d0  interrupt  after=1
    3  d0  unmap      h1.0 at=0x800 ; h1.1 at=0x801 ; h1.2 at=0x802 ; h1.3 at=0x803
    4  d0  resume`,
  '[P14] a word that runs into readonly RAM, or out of it, is written as far as can be': `
    0  d1    store            at=0x4 u64 0x7777777777
    1  d1    store            at=0x5 u64 0x7777777777
    2  tool  set_memory_type  d1 gfn=0x4 count=1 type=1
    3  d1    setup_table      self frames=1 list=0x3+0xffc
    4  d1    load             at=0x4 u64
    5  d1    setup_table      self frames=1 list=0x4+0xffc
    6  d1    load             at=0x5 u64`,
  '[M2] [B2] arguments run across the first 4 GiB, and a batch there is gone on with behind them': `
    0  d1  pte         table=0xb index=0 width=8 gfn=0xa p+rw+us
    1  d1  pte         table=0xa index=3 width=8 gfn=0x9 p+rw+us
    2  d1  pte         table=0xa index=4 width=8 gfn=0x9 p+rw+us
    3  d1  pte         table=0x9 index=511 width=8 gfn=0x8 p+rw+us
    4  d1  pte         table=0x9 index=0 width=8 gfn=0x8 p+rw+us
    5  d1  pte         table=0x8 index=511 width=8 gfn=0x6 p+rw+us
    6  d1  pte         table=0x8 index=0 width=8 gfn=0x7 p+rw+us
    7  d1  efer        value=lme
    8  d1  cr4         value=pae
    9  d1  cr3         value=0xb000
   10  d1  cr0         value=pe+et+wp+pg
   11  d1  store       va=0xfffffff8 u64 0x1
   12  d1  load        va=0x100000000 u64
   13  d1  marshalled  place=0x6+0xff8 va=0xfffffff8 : get_version self
   14  d1  marshalled  place=0x6+0xffc va=0xfffffffc : get_version self
   15  d1  marshalled  place=0x6+0xff4 va=0xfffffff4 : swap 3 4 ; 4 5 ; 5 6
   16  d1  interrupt   after=1
   17  d1  marshalled  place=0x6+0xff4 va=0xfffffff4 : swap 3 4 ; 4 5 ; 5 6
   18  d1  resume`,
  '[D8] a log tells what the control domain had mapped writable, and writes on a second page': `
    0  d1    grant        ref=3 to=d0 gfn=0x3 rw
    1  d0    map          d1/3 at=0x802 rw
    2  tool  log_dirty    d1 enable
    3  d0    unmap        h1 at=0x802
    4  tool  log_dirty    d1 clean
    5  tool  map_foreign  w1 d1:0x3 rw
    6  tool  map_foreign  w2 d1:0x4 rw
    7  d0    store        at=0x801+0xffc u64 0x7700000077
    8  tool  log_dirty    d1 clean`,
  '[G4] who joins a sub-page grant to write finds the part that is in use, or is refused': `
    0  d1  set_version  2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x10+8
    2  d1  grant        ref=4 to=d2 gfn=0x20 rw v2
    3  d1  store        at=0x1+0x10 u16 0x20
    4  d2  copy         d1/3+0x10 -> d1/4+0x34 bytes=2 ; d1/3+0x10 -> d1/3+0x10 bytes=8`,
  '[P15] the next search begins below where the last one ended': `
    0  d1  populate_physmap  self gfns=0x30,0x3f,0x2e
    1  d1  store             at=0x30 u32 0x1
    2  d0  populate_physmap  d1 gfns=0x41,0x42 on_demand=1
    3  d1  store             at=0x41 u32 0x5
    4  d1  store             at=0x30 u32 0x0
    5  d1  load              at=0x42 u32
    6  d1  load              at=0x30 u32`,
  '[P15] [T1] a page is taken back from a gfn that a processor has used': `
    0  d1  populate_physmap  self gfns=0x3f
    1  d1  load              va=0x3f000 u32
    2  d0  populate_physmap  d1 gfns=0x41 on_demand=1
    3  d1  store             va=0x41000 u32 0x5
    4  d1  load              va=0x3f000 u32`,
  '[P14] a store that ends in readonly RAM asks for no page behind it': `
    0  d1    decrease_reservation  self gfns=0x5
    1  d0    populate_physmap      d1 gfns=0x5 on_demand=1
    2  tool  set_memory_type       d1 gfn=0x4 count=1 type=1
    3  d1    store                 at=0x4+0xffc u64 0x77
    4  tool  pod_target            d1
    5  tool  memory_type           d1 gfn=0x5`,
  '[D13] a domain that is being destroyed has holes where it had gaps': `
    0  d2    grant             ref=3 to=d1 gfn=0x1 rw
    1  d1    map               d2/3 at=0x42 rw ; d2/3 at=0x43 rw
    2  d0    populate_physmap  d1 gfns=0x41 on_demand=1
    3  tool  memory_type       d1 gfn=0x41
    4  d0    interrupt         after=1
    5  tool  destroy           d1
    6  tool  memory_type       d1 gfn=0x41`,
  '[P15] a search that an interrupt cuts short is gone on with from there': `
    0  d0    populate_physmap     d2 gfns=0x46,0x48 on_demand=1
    1  d2    decrease_reservation  self gfns=0x0
    2  d0    populate_physmap     d2 gfns=0x47
    3  tool  inspect_gfn          d2 gfn=0x48
    4  d2    store                at=0x46 u8 0x1
    5  d0    interrupt            after=0
    6  d2    remove_from_physmap  self gfn=0x48
    7  d0    add_to_physmap_batch  d2 space=shared_info ; 0x0 at=0x47
    8  d2    load                 at=0x48 u32`,
  '[G17] with the last window on its pages a dying granter ends, and its handles in the batch do': `
    0  d3    grant    ref=3 to=d0 gfn=0x1 rw
    1  d0    map      d3/3 at=0x800 rw ; d3/3 at=0x801 rw
    2  tool  destroy  d3
    3  d0    unmap    h1.0 at=0x800 dev=0x1 ; h1.1 at=0x801 ; h1.1 at=0x801
    4  d1    grant    ref=3 to=d0 gfn=0x1 rw
    5  d0    map      d1/3 at=0x800 rw
    6  tool  destroy  d1
    7  d0    unmap    h5 at=0x800 ; h5 at=0x800`,
  '[M4.7] an exchange of 32 bits is for as many pages as are given': `
    0  d1  marshalled  place=0x6 va=0x6000 compat : exchange self given=0x1,0x2 taken=0x3
    1  d1  marshalled  place=0x6 va=0x6000 compat : exchange d2 given=0x1,0x2 taken=0x3`,
  '[M3] [G3.4] copies end with the one that crashes their caller': `
    0  d1  store             at=0x1 u32 0x77
    1  d1  grant             ref=3 to=d2 gfn=0x6 rw
    2  d1  grant             ref=4 to=d2 gfn=0x4 rw
    3  d2  map               d1/3 at=0x40 rw ; d1/4 at=0x41 rw
    4  d0  populate_physmap  d1 gfns=0x40 on_demand=1
    5  d1  marshalled        place=0x6 va=0x6000 : copy self:0x40 -> self:0x3 bytes=8 ; self:0x1 -> self:0x4 bytes=8`,
  '[B2] [D3] who crashes where a call is to stop does not go on with it': `
    0  d0    populate_physmap      d3 gfns=0x10 on_demand=1
    1  d3    interrupt             after=0
    2  tool  fail_next             entry after=1
    3  d3    decrease_reservation  self gfns=0x0,0x0 order=1`,
  '[B2] [M1] a call of 32 bits that is stopped goes on at an address of 32 bits': `
    0  d3  interrupt   after=0
    1  d3  marshalled  place=0x0 va=0x800000000000 compat : unmap #0 at=0x0 ; #0 at=0x0 ; #0 at=0x0 ; #0 at=0x0`,
};

describe('[E1] edges agree with the spec', () => {
  test.each(Object.entries(programs))('%s', (name, text) => {
    const { program } = parseTrace(`xenolith-trace 1\nmachine whole paging=hap\n${text}`, name);
    const running = new Running(
      program.machine,
      program.boot,
      subjectsOf({ Hypervisor, observe }, {}),
    );
    for (const line of program.lines) expect(running.perform(line)).toBeUndefined();
    expect(running.checkAll()).toBeUndefined();
  });
});
