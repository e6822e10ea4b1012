import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

/** Arguments at gfn 6 of a guest without paging; fields are those of `abi/layouts.ts`. */
const calls: Scenarios = {
  '[M1] [M2] [M3] a map is made by number, and answered where its element is': `
    0  d1  grant       ref=3 to=d2 gfn=0x1 rw                   ok
    1  d1  store       at=0x1 u64 0x77                          ok
    2  d2  marshalled  place=0x6 va=0x6000 : map d1/3 at=0x30 rw  ok of ok
    3  d2  load        at=0x30 u64                              0x00000077
    4  d2  load        at=0x6+0x12 u16                          0x00000000
    5  d2  load        at=0x6+0x14 u32                          0x00000000
    6  d2  marshalled  place=0x6 va=0x6000 : unmap h2 at=0x30   ok of ok
    7  d2  load        at=0x6+0x14 u16                          0x00000000`,
  '[M1.1] user code is refused before its number is looked at': `
    0  d1  hypercall  number=20 command=10 va=0x6000 user  -EPERM`,
  '[M1.2] [M1.3] [M1.5] an unknown hypercall, grant operation or memory operation does not exist': `
    0  d1  hypercall  number=99 command=0 va=0x6000                 -ENOSYS
    1  d1  hypercall  number=20 command=9 va=0x6000 count=4294967295  -ENOSYS
    2  d1  hypercall  number=20 command=4106 va=0x6000              -ENOSYS
    3  d1  hypercall  number=12 command=99 va=0x6000                -ENOSYS`,
  '[M1.4] a negative count is refused, also where the count means nothing': `
    0  d1  hypercall  number=20 command=0 va=0x6000 count=2147483648  -EINVAL
    1  d1  hypercall  number=20 command=10 va=0x6000 count=2147483648  -EINVAL
    2  d1  hypercall  number=20 command=10 va=0x6000 count=2147483647  -EPERM of -EPERM
    3  d1  hypercall  number=20 command=0 va=0x60000 count=0         ok of none`,
  '[M2.1] what cannot be read ends the call, and what was done before stays': `
    0  d1  grant       ref=3 to=d2 gfn=0x1 rw                                           ok
    1  d2  marshalled  place=0x7+0xfd0 va=0x7fd0 : map d1/3 at=0x30 rw ; d1/3 at=0x31 rw  -EFAULT of ok
    2  d2  load        at=0x7+0xfe2 u16                                                 0x00000000
    3  d2  load        at=0x30 u32                                                      0x00000000
    4  d2  load        at=0x31 u32                                                      0xffffffff
    5  d2  marshalled  place=0x6 va=0x60000 : get_version self                          -EFAULT`,
  '[M2.1] an unmap that ends so has released what it has unmapped': `
    0  d1  grant       ref=3 to=d2 gfn=0x1 rw                                                      ok
    1  d2  map         d1/3 at=0x30 rw ; d1/3 at=0x31 rw                                           ok ; ok
    2  d2  marshalled  place=0x7+0xfd0 va=0x7fd0 : unmap h1.0 at=0x30 ; h1.1 at=0x31 ; h1.1 at=0x31  -EFAULT of ok ; ok
    3  d1  load        at=0x20+0x18 u16                                                            0x00000001`,
  '[M2] a grant mapping holds no arguments, and a page of the hypervisor’s own does': `
    0  d1  grant       ref=3 to=d2 gfn=0x1 rw                       ok
    1  d2  map         d1/3 at=0x30 rw                              ok
    2  d2  marshalled  place=0x30 va=0x30000 : query_size self      -EFAULT
    3  d2  marshalled  place=0x20+0x80 va=0x20080 : get_version self  ok of ok v1
    4  d2  load        at=0x20+0x84 u32                             0x00000001`,
  '[M3.1] a map over its own argument stays made, and is not answered': `
    0  d1  grant       ref=3 to=d2 gfn=0x1 rw                                    ok
    1  d1  store       at=0x1+0x12 u16 0x1234                                    ok
    2  d2  marshalled  place=0x6 va=0x6000 : map d1/3 at=0x6 rw ; d1/3 at=0x31 rw  -EFAULT of ok
    3  d2  load        at=0x6+0x12 u16                                           0x00001234
    4  d2  load        at=0x31 u32                                               0xffffffff`,
  '[M3] an argument is what it is when its turn has come': `
    0  d1  store       at=0x3 u64 0x707                    ok
    1  d1  store       at=0x5 u64 0x1                      ok
    2  d1  marshalled  place=0x6 va=0x6000 : swap 3 4 ; 5 6  ok of ok ; ok
    3  d1  marshalled  place=0x6 va=0x6000 : copy self:0x5 -> self:0x6+0x48 bytes=4 ; self:0x3 -> self:0x4 bytes=8  ok of ok ; ok
    4  d1  load        at=0x4 u64                          0x00000007`,
  '[M3] copies of 32 bits are read before the first of them is made': `
    0  d1  store       at=0x3 u64 0x707  ok
    1  d1  store       at=0x5 u64 0x1  ok
    2  d1  marshalled  place=0x6 va=0x6000 compat : copy self:0x5 -> self:0x6+0x28 bytes=4 ; self:0x3 -> self:0x4 bytes=8  ok of ok ; ok
    3  d1  load        at=0x4 u64      0x00000707
    4  d1  marshalled  place=0x7+0xfe0 va=0x7fe0 compat : copy self:0x3 -> self:0x2 bytes=4 ; self:0x3 -> self:0x2 bytes=8  -EFAULT of none
    5  d1  load        at=0x2 u64      0x00000000`,
  '[M3] what ends a map with a crash is answered by memory alone': `
    0  d1  grant       ref=3 to=d2 gfn=0x1 rw                                     ok
    1  d2  grant       ref=3 to=d1 gfn=0x6 rw                                     ok
    2  d1  map         d2/3 at=0x30 rw                                            ok
    3  d2  map         d1/3 at=0x30 rw                                            ok
    4  d2  marshalled  place=0x6 va=0x6000 : map d1/3 at=0x30 rw ; d1/3 at=0x31 rw  crashed
    5  d1  load        at=0x30+0x12 u16                                           0x0000ffff
    6  d1  load        at=0x30+0x32 u16                                           0x00000000`,
  '[M3] [G3.4] copies end with the one that crashes their caller, which is answered': `
    0  d1  store             at=0x1 u32 0x77                    ok
    1  d1  grant             ref=3 to=d2 gfn=0x6 rw             ok
    2  d1  grant             ref=4 to=d2 gfn=0x4 rw             ok
    3  d2  map               d1/3 at=0x40 rw ; d1/4 at=0x41 rw  ok ; ok
    4  d0  populate_physmap  d1 gfns=0x40 on_demand=1           1
    5  d1  marshalled        place=0x6 va=0x6000 : copy self:0x40 -> self:0x3 bytes=8 ; self:0x1 -> self:0x4 bytes=8  crashed
    6  d2  load              at=0x40+0x24 u16                0x0000fff7
    7  d2  load              at=0x40+0x4c u16                0x00000000
    8  d2  load              at=0x41 u32                        0x00000000`,
  '[M3] [G3.4] copies of 32 bits end with the one that crashes their caller, which is answered': `
    0  d1  store             at=0x1 u32 0x77                    ok
    1  d1  grant             ref=3 to=d2 gfn=0x6 rw             ok
    2  d1  grant             ref=4 to=d2 gfn=0x4 rw             ok
    3  d2  map               d1/3 at=0x40 rw ; d1/4 at=0x41 rw  ok ; ok
    4  d0  populate_physmap  d1 gfns=0x40 on_demand=1           1
    5  d1  marshalled        place=0x6 va=0x6000 compat : copy self:0x40 -> self:0x3 bytes=8 ; self:0x1 -> self:0x4 bytes=8  crashed
    6  d2  load              at=0x40+0x14 u16                0x0000fff7
    7  d2  load              at=0x40+0x2c u16                0x00000000
    8  d2  load              at=0x41 u32                        0x00000000`,
  '[M3] [G1.12] a map that finds no page for what was granted is the last of its batch': `
    0  d1    decrease_reservation  self gfns=0x1,0x2,0x3,0x4,0x5,0x6,0x7  7
    1  d0    populate_physmap      d1 gfns=0x41,0x30 on_demand=1  2
    2  d1    decrease_reservation  self gfns=0x0             1
    3  d1    grant                 ref=3 to=d1 gfn=0x30 rw   ok
    4  d1    marshalled            place=0x41 va=0x41000 : map d1/3 at=0x0 rw ; d1/3 at=0x0 rw ; d1/3 at=0x0 rw  crashed
    5  tool  memory_type           d1 gfn=0x0                mmio_dm`,
};

const tables: Scenarios = {
  '[M3] setup_table lists where it is told to, and [M3.2] tells what cannot be listed': `
    0  d1  marshalled  place=0x6 va=0x6000 : setup_table self frames=2               ok of ok 0x20,~0
    1  d1  load        at=0x6+0x8 u16                                                0x00000000
    2  d1  load        at=0x6+0x18 u64                                               0x00000020
    3  d1  load        at=0x6+0x20 u64                                               0xffffffffffffffff
    4  d1  marshalled  place=0x6 va=0x6000 : setup_table self frames=2 list=0x7+0xff8  ok of bad_virt_addr
    5  d1  load        at=0x6+0x8 u16                                                0x0000fffb
    6  d1  load        at=0x7+0xff8 u64                                              0x00000020
    7  d1  marshalled  place=0x6 va=0x6000 compat : setup_table self frames=2        ok of ok 0x20,~0
    8  d1  load        at=0x6+0x10 u64                                               0xffffffff00000020
    9  d1  marshalled  place=0x6 va=0x6000 : setup_table self frames=2 count=2       -EINVAL of -EINVAL`,
  '[M3] a list over its own argument is overwritten by the status, or of 32 bits by the argument': `
    0  d1  marshalled  place=0x6 va=0x6000 : setup_table self frames=2 list=0x6       ok of ok 0x20,~0
    1  d1  load        at=0x6+0x8 u64                                                 0xffffffffffff0000
    2  d1  marshalled  place=0x6 va=0x6000 compat : setup_table self frames=2 list=0x6  ok of ok 0x20,~0
    3  d1  load        at=0x6 u32                                                     0x00007ff0
    4  d1  marshalled  place=0x6 va=0x6000 compat count=0 : setup_table d77 frames=2  ok`,
  '[M3] query_size keeps the guest’s numbers where it has none': `
    0  d1  store       at=0x6+0x8 u64 0x9                           ok
    1  d1  marshalled  place=0x6 va=0x6000 : query_size d77         ok of bad_domain frames=0 maximum=0
    2  d1  load        at=0x6+0xc u16                               0x0000fffe
    3  d1  marshalled  place=0x6 va=0x6000 : query_size self        ok of ok frames=1 maximum=3
    4  d1  load        at=0x6+0x4 u64                               0x0000000300000001
    5  d1  marshalled  place=0x6 va=0x6000 : query_size self count=0  -EINVAL of -EINVAL`,
  '[M3] set_version writes the version in force, whatever its count, and get_version if it has one': `
    0  d1  marshalled  place=0x6 va=0x6000 count=0 : set_version 7  -EINVAL of -EINVAL v1
    1  d1  load        at=0x6 u32                                 0x00000001
    2  d1  marshalled  place=0x6 va=0x6000 count=5 : set_version 2  ok of ok v2
    3  d1  load        at=0x6 u32                                 0x00000002
    4  d1  marshalled  place=0x6 va=0x6000 : get_version d2       -EPERM of -EPERM
    5  d1  load        at=0x6+0x4 u32                             0x00000000
    6  d1  marshalled  place=0x6 va=0x6000 : get_version self     ok of ok v2
    7  d1  load        at=0x6+0x4 u32                             0x00000002`,
};

const memory: Scenarios = {
  '[M4] a memory operation goes on from the extent that is named': `
    0  d1  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x40,0x41,0x42      3 of 3
    1  d1  hypercall   number=12 command=65 va=0x6000                                       3 of 3
    2  d1  load        at=0x40 u32                                                          0x00000000
    3  d1  load        at=0x41 u32                                                          0xffffffff
    4  d1  marshalled  place=0x6 va=0x6000 compat : decrease_reservation self gfns=0x40,0x50  1 of 1
    5  d1  marshalled  place=0x6 va=0x6000 : increase_reservation self count=2              2 of 2`,
  '[M3] [P9.6] an exchange in memory asks for the page that it is refused': `
    0  d0    populate_physmap  d1 gfns=0x40 on_demand=1                                  1
    1  tool  pod_target        d1 pages=9                                                ok pages=9 kept=1 gfns=1
    2  d1    marshalled        place=0x6 va=0x6000 : exchange self given=0x40 taken=0x1  -EOPNOTSUPP of -EOPNOTSUPP count=0
    3  tool  pod_target        d1                                                        ok pages=9 kept=0 gfns=0`,
  '[M2.2] what cannot be read stops a reservation as what cannot be done does': `
    0  d1  hypercall   number=12 command=134 va=0x60000                                                2 of 2
    1  d1  marshalled  place=0x7+0xfd8 va=0x7fd8 : populate_physmap self gfns=0x40,0x41                1 of 1
    2  d1  load        at=0x40 u32                                                                     0x00000000
    3  d1  marshalled  place=0x7+0xfe0 va=0x7fe0 compat : decrease_reservation self gfns=0x40,0x41,0x42  1 of 1`,
  '[M2] a list that lies where pages are put is read when it is its turn, of 32 bits beforehand': `
    0  d1  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x40,0x6,0x41       3 of 3
    1  d1  load        at=0x41 u32                                                          0xffffffff
    2  d1  marshalled  place=0x5 va=0x5000 compat : populate_physmap self gfns=0x42,0x5,0x43  3 of 3
    3  d1  load        at=0x43 u32                                                          0x00000000`,
  '[M4.1] an operation without extents is not gone on with': `
    0  d1  hypercall  number=12 command=67 va=0x6000  -EINVAL
    1  d1  hypercall  number=12 command=79 va=0x60000  -EINVAL
    2  d1  hypercall  number=12 command=75 va=0x6000  -EINVAL`,
  '[M4.2] [M4.3] a range goes on from an entry that it has': `
    0  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap self space=gmfn_range index=0x1 gfn=0x40 size=3  ok of ok
    1  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap self space=gmfn_range index=0x3 gfn=0x44 size=2  -EINVAL of -EINVAL
    2  d1  hypercall   number=12 command=263 va=0x6000                                                     -EILSEQ of -EILSEQ
    3  d1  hypercall   number=12 command=71 va=0x6000                                                      ok of ok
    4  d1  hypercall   number=12 command=4194311 va=0x6000                                                 -EDOM
    5  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap d2 space=gmfn_range index=0x3 gfn=0x44 size=2  -EPERM of -EPERM
    6  d1  hypercall   number=12 command=263 va=0x6000                                                     -EPERM of -EPERM`,
  '[M3] [M4.3] a batch answers each entry in its list of errors': `
    0  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x1 at=0x40 ; 0x50 at=0x41  ok of ok each ok,-EINVAL
    1  d1  load        at=0x6+0x40 u64                                                                        0xffffffea00000000
    2  d1  marshalled  place=0x6 va=0x6000 compat : add_to_physmap_batch self space=gmfn ; 0x2 at=0x42 ; 0x50 at=0x43  ok of ok each ok,-EINVAL
    3  d1  load        at=0x6+0x28 u64                                                                        0xffffffea00000000
    4  d1  hypercall   number=12 command=151 va=0x6000 compat                                                 -EILSEQ of -EILSEQ each none
    5  d1  hypercall   number=12 command=4194327 va=0x6000                                                    -EDOM
    6  d1  marshalled  place=0x7+0xfc8 va=0x7fc8 : add_to_physmap_batch self space=gmfn ; 0x3 at=0x44 ; 0x50 at=0x45  -EFAULT of -EFAULT each ok
    7  d1  load        at=0x44 u32                                                                            0x00000000
    8  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch d2 space=gmfn ; 0x3 at=0x44                 -EPERM of -EPERM each none
    9  d1  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x4 at=~0                 -EINVAL of -EINVAL each none`,
  '[M4.4] [M4.5] [M4.6] a reservation has so many extents, and pages of so many bits': `
    0  d1  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x40  1 of 1
    1  d1  hypercall   number=12 command=70 va=0x6000                       1 of 1
    2  d1  store       at=0x6+0x8 u64 0x4000000                             ok
    3  d1  hypercall   number=12 command=6 va=0x6000                        ok of ok
    4  d1  store       at=0x6+0x8 u64 0x1                                   ok
    5  d1  store       at=0x6+0x14 u32 0xc                                  ok
    6  d1  hypercall   number=12 command=6 va=0x6000                        ok of ok`,
  '[M4.6] [M4.8] [P8] which memory it is to be is asked before the list is read': `
    0  d0    populate_physmap  d1 gfns=0x40,0x41 on_demand=1                        2
    1  tool  pod_target        d1 pages=10                                          ok pages=10 kept=2 gfns=2
    2  d1    marshalled        place=0x6 va=0x6000 : decrease_reservation self gfns=0x1  1 of 1
    3  d1    store             at=0x6 u64 0x40000                                   ok
    4  d1    store             at=0x6+0x14 u32 0x20100                              ok
    5  d1    hypercall         number=12 command=1 va=0x6000                        ok of ok
    6  d1    store             at=0x6+0x14 u32 0xc                                  ok
    7  d1    hypercall         number=12 command=1 va=0x6000                        ok of ok
    8  tool  pod_target        d1                                                   ok pages=9 kept=2 gfns=2
    9  d1    store             at=0x6+0x14 u32 0x60100                              ok
   10  d1    hypercall         number=12 command=1 va=0x6000                        1 of 1
   11  tool  pod_target        d1                                                   ok pages=8 kept=1 gfns=1`,
  '[M4.9] [P7] there is no memory of so few address bits': `
    0  d1  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x40  1 of 1
    1  d1  store       at=0x6+0x14 u32 0x14                                  ok
    2  d1  hypercall   number=12 command=6 va=0x6000                         ok of ok
    3  d1  hypercall   number=12 command=0 va=0x6000                         ok of ok
    4  d1  hypercall   number=12 command=1 va=0x6000                         1 of 1
    5  d1  store       at=0x6+0x14 u32 0x15                                  ok
    6  d1  hypercall   number=12 command=0 va=0x6000                         1 of 1`,
  '[M2] [P6.1] [P6.2] [P6.11] a list is read once the call could be made': `
    0  d0    populate_physmap  d1 gfns=0x7 on_demand=1                              0
    1  d1    remove_from_physmap  self gfn=0x7                                      ok
    2  d0    populate_physmap  d1 gfns=0x7 on_demand=1                              1
    3  tool  pod_target        d1 pages=9                                           ok pages=9 kept=1 gfns=1
    4  d1    marshalled        place=0x6 va=0x6000 : populate_physmap self gfns=0x40  1 of 1
    5  d1    store             at=0x6 u64 0x7000                                    ok
    6  d1    store             at=0x6+0x10 u32 0x14                                 ok
    7  d1    hypercall         number=12 command=6 va=0x6000                        ok of ok
    8  d1    store             at=0x6+0x10 u64 0x9000000000                         ok
    9  d1    store             at=0x6+0x18 u16 0x9                                  ok
   10  d1    hypercall         number=12 command=6 va=0x6000                        ok of ok
   11  tool  pod_target        d1                                                   ok pages=10 kept=1 gfns=1
   12  d1    store             at=0x6+0x18 u16 0x7ff0                               ok
   13  d1    store             at=0x6+0x10 u64 0x1000000000000                      ok
   14  d1    hypercall         number=12 command=6 va=0x6000                        ok of ok
   15  tool  pod_target        d1                                                   ok pages=10 kept=0 gfns=0`,
  '[M4.7] an exchange says how many extents are done, and does not hang together otherwise': `
    0  d1  marshalled  place=0x6 va=0x6000 : exchange self given=0x1 taken=0x2        -EOPNOTSUPP of -EOPNOTSUPP count=0
    1  d1  store       at=0x6+0x40 u64 0x1                                            ok
    2  d1  hypercall   number=12 command=11 va=0x6000                                 ok of ok count=1
    3  d1  store       at=0x6+0x40 u64 0x2                                            ok
    4  d1  hypercall   number=12 command=11 va=0x6000                                 -EINVAL of -EINVAL count=2
    5  d1  marshalled  place=0x6 va=0x6000 compat : exchange self given=0x1 taken=none  -EINVAL of -EINVAL count=0
    6  d1  marshalled  place=0x6 va=0x6000 compat : exchange d2 given=0x1 taken=0x2   -EPERM of -EPERM count=0
    7  d1  marshalled  place=0x7+0xfb8 va=0x7fb8 : exchange self given=0x1 taken=0x2  -EFAULT of -EFAULT count=0
    8  d1  hypercall   number=12 command=11 va=0x7ff0                                 -EFAULT`,
  '[M1] what else is asked of memory is asked by one structure': `
    0  d1  marshalled  place=0x6 va=0x6000 : current_reservation self                                       8 of 8
    1  d1  marshalled  place=0x6 va=0x6000 : maximum_reservation d2                                         -EPERM of -EPERM
    2  d1  marshalled  place=0x6 va=0x6000 : maximum_gpfn self                                              32 of 32
    3  d1  marshalled  place=0x6 va=0x6000 compat : remove_from_physmap self gfn=0x1                        ok of ok
    4  d1  marshalled  place=0x6 va=0x6000 compat : add_to_physmap self space=shared_info index=0x0 gfn=0x40  ok of ok`,
};

describe('hypercalls with their arguments in memory', () => {
  test.each(Object.entries({ ...calls, ...tables, ...memory }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
