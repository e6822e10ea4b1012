import type { RefusalId } from '../../abi/rules.js';

/** d1 has set the bits itself that say that its grant is in use. */
const marked = `
    0  d1  grant  ref=3 to=d2 gfn=0x1 flags=0xd  ok`;

/** The same in version 2, where these bits are in the status frame, for a part of a page. */
const markedPart = `
    0  d1  set_version     2                                                    ok v2
    1  d1  grant           ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x10+64       ok
    2  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x24     ok
    3  d1  store           at=0x24+0x6 u16 0x18                                 ok`;

/** An argument is read at linear 0x5000, through tables that say nothing of it yet. */
const walked = `
    machine whole paging=hap
    0  d1  pte   table=0x4 index=0 width=4 gfn=0x5 p+rw+us  ok
    1  d1  pte   table=0x5 index=5 width=4 gfn=0x6 p+rw+us  ok
    2  d1  pte   table=0x5 index=6 width=4 gfn=0x7 p+rw+us  ok
    3  d1  cr3   value=0x4000                               done
    4  d1  cr0   value=pe+et+wp+pg                          done`;

/** Scenarios in which a refusal leaves something that random runs seldom see. */
export const leavingScenarios: Readonly<Partial<Record<RefusalId, string>>> = {
  'G1.4': `
    machine small handles_per_frame=1 default.maptrack_frames=1
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map    d1/3 at=0x30 ro         no_space`,
  'G1.7': `
    machine whole paging=hap pin_limit=1
    0  d1    grant  ref=3 to=d2 gfn=0x1 rw  ok
    1  d2    map    d1/3 at=0x30 ro         ok
    2  d2.1  map    d1/3 at=0x31 ro         general_error`,
  'G3.5': `${marked}
    1  d2  copy   d1/3 -> d1:0x2 bytes=4  permission_denied
    2  d1  load   at=0x20+0x18 u16        0x00000005`,
  'G3.9': `${markedPart}
    4  d2  copy   d1/3+0xf -> self:0x2 bytes=4  general_error
    5  d1  load   at=0x24+0x6 u16               0x00000010`,
  'G3.10': `${markedPart}
    4  d2  copy   self:0x2 -> d1/3+0xf bytes=4  general_error
    5  d1  load   at=0x24+0x6 u16               0x00000000`,
  'G4.2': `${marked}
    1  d1  grant  ref=5 to=d3 gfn=0x2 rw     ok
    2  d3  map    d1/5 at=0x30 rw            ok
    3  d2  copy   d1/3 -> d1/5 bytes=4       general_error
    4  d1  load   at=0x20+0x18 u16           0x00000005`,
  'G4.3': `
    machine small pin_limit=1
    0  d1  grant  ref=3 to=d2 gfn=0x1 flags=0xd  ok
    1  d1  grant  ref=5 to=d2 gfn=0x2 rw         ok
    2  d2  map    d1/5 at=0x30 rw                ok
    3  d2  copy   d1/3 -> d1/5 bytes=4           general_error
    4  d1  load   at=0x20+0x18 u16               0x00000005`,
  'G4.5': `${marked}
    1  d1  grant  ref=5 to=d3 gfn=0x2 rw     ok
    2  d2  copy   d1/3 -> d1/5 bytes=4       general_error
    3  d1  load   at=0x20+0x18 u16           0x00000005`,
  'G4.6': `${marked}
    1  d1  grant  ref=5 to=d2 gfn=0x2 ro     ok
    2  d2  copy   d1/3 -> d1/5 bytes=4       general_error
    3  d1  load   at=0x20+0x18 u16           0x00000005`,
  'G4.7': `${marked}
    1  d3    grant    ref=5 to=d2 gfn=0x2 rw     ok
    2  d2    map      d3/5 at=0x30 rw            ok
    3  tool  destroy  d3                         ok
    4  d2    copy     d1/3 -> d3/5 bytes=4       bad_domain
    5  d1    load     at=0x20+0x18 u16           0x00000005`,
  'G5.1': `${marked}
    1  d3  set_version  2                                          ok v2
    2  d3  grant        ref=2 to=d2 gfn=0x0 flags=0x3 v2 via=d2/1  ok
    3  d2  set_version  2                                          ok v2
    4  d2  grant        ref=1 to=d3 gfn=0x0 flags=0x3 v2 via=d1/1  ok
    5  d2  copy         d1/3 -> d3/2 bytes=4                       general_error
    6  d1  load         at=0x20+0x18 u16                           0x00000005`,
  'G5.2': `${marked}
    1  d3  set_version  2                                          ok v2
    2  d3  grant        ref=2 to=d2 gfn=0x0 flags=0x3 v2 via=d3/1  ok
    3  d2  copy         d1/3 -> d3/2 bytes=4                       general_error
    4  d1  load         at=0x20+0x18 u16                           0x00000005`,
  'G5.3': `${marked}
    1  d3  set_version  2                                          ok v2
    2  d3  grant        ref=2 to=d2 gfn=0x0 flags=0x3 v2 via=d9/1  ok
    3  d2  copy         d1/3 -> d3/2 bytes=4                       general_error
    4  d1  load         at=0x20+0x18 u16                           0x00000005`,
  'G5.4': `${marked}
    1  d2  grant        ref=1 to=d3 gfn=0x4 rw                     ok
    2  d3  set_version  2                                          ok v2
    3  d3  grant        ref=4 to=d2 gfn=0x2 rw v2                  ok
    4  d2  map          d3/4 at=0x30 ro                            ok
    5  d3  grant        ref=4 to=d2 gfn=0x0 flags=0x3 v2 via=d2/1  ok
    6  d2  copy         d1/3 -> d3/4 bytes=4                       general_error
    7  d1  load         at=0x20+0x18 u16                           0x00000005`,
  'G16.1': `
    0  d1    grant                 ref=3 to=d0 gfn=0x3 rw    ok
    1  d0    map                   d1/3 at=0x802 ro          ok
    2  tool  unmap_window          w2                        ok
    3  d1    decrease_reservation  self gfns=0x3             1
    4  d1    store                 at=0x20+0x18 u16 0x19     ok
    5  d0    map                   d1/3 at=0x802 rw          general_error
    6  d1    load                  at=0x20+0x18 u16          0x00000009`,
  'G16.2': `
    0  d1  grant  ref=3 to=d0 gfn=0x3 flags=0xd  ok
    1  d0  map    d1/3 at=0x1 ro                 general_error
    2  d1  load   at=0x20+0x18 u16               0x00000005`,
  'G20.10': `
    machine whole domains=1 vcpus=1
    0  d1    set_version   2                                          ok v2
    1  tool  unmap_window  w512                                       ok
    2  d1    grant         ref=4 to=d0 gfn=0x1000000000 flags=0x2 v2  ok
    3  d0    transfer      0x0 -> d1/4                                general_error
    4  tool  domain_info   d1                                         pages=17 maximum=24`,
  'G20.11': `
    machine whole domains=1 vcpus=1
    0  d1    grant         ref=8 to=d0 gfn=0x40 flags=0x2  ok
    1  tool  unmap_window  w512                            ok
    2  tool  fail_next     entry after=1                   done
    3  d0    transfer      0x0 -> d1/8                     general_error
    4  tool  domain_info   d1                              pages=17 maximum=24`,
  'P11.13': `
    0  d1  populate_physmap  self gfns=0x2f                                   1
    1  d1  grant             ref=3 to=d1 gfn=0x1 rw                           ok
    2  d1  map               d1/3 at=0x30 rw                                  ok
    3  d1  add_to_physmap    self space=gmfn_range index=0x2f gfn=0x40 size=2  -EXDEV
    4  d1  load              at=0x40 u32                                      0x00000000`,
  'P11.15': `
    0  tool  set_memory_type  d1 gfn=0x20 count=1 type=2               ok
    1  d1    add_to_physmap   self space=grant_table index=0x0 gfn=0x1  -EILSEQ
    2  d1    load             at=0x1 u32                               0xffffffff`,
  'P14.8': `
    0  d0    populate_physmap  d1 gfns=0x40 on_demand=1    1
    1  tool  set_memory_type   d1 gfn=0x40 count=1 type=2  -EBUSY
    2  d1    load              at=0x0 u32                  no_domain`,
  'P15.1': `
    0  d0  populate_physmap  d1 gfns=0x40 on_demand=1  1
    1  d1  load              at=0x40 u8                crashed`,
  'M4.3': `${walked}
    5  d1  store      at=0x6 u32 0x27ff0                ok
    6  d1  store      at=0x6+0x4 u32 0x3                ok
    7  d1  hypercall  number=12 command=263 va=0x5000   -EILSEQ of -EILSEQ
    8  d1  load       at=0x4 u32                        0x00005027`,
  'M4.5': `${walked}
    5  d1  store      at=0x6+0x8 u64 0x4000000          ok
    6  d1  hypercall  number=12 command=6 va=0x5000     ok of ok
    7  d1  load       at=0x4 u32                        0x00005027`,
  'M4.6': `${walked}
    5  d1  store      at=0x6+0x8 u64 0x1                ok
    6  d1  store      at=0x6+0x14 u32 0xc               ok
    7  d1  hypercall  number=12 command=6 va=0x5000     ok of ok
    8  d1  load       at=0x4 u32                        0x00005027`,
  'P18.7': `
    0  d0  acquire_resource  d1 id=0 frame=0x0 count=4 query=0  -EINVAL count=4
    1  d1  query_size        self                               ok frames=2 maximum=3`,
  'M4.8': `${walked}
    5  d1  store      at=0x6+0x8 u64 0x1                ok
    6  d1  store      at=0x6+0x14 u32 0x20100           ok
    7  d1  hypercall  number=12 command=6 va=0x5000     ok of ok
    8  d1  load       at=0x4 u32                        0x00005027`,
  'M4.9': `${walked}
    5  d1  store      at=0x6+0x8 u64 0x1                ok
    6  d1  store      at=0x6+0x14 u32 0x14              ok
    7  d1  store      at=0x6+0x18 u16 0x7ff0            ok
    8  d1  hypercall  number=12 command=0 va=0x5000     ok of ok
    9  d1  load       at=0x4 u32                        0x00005027`,
};
