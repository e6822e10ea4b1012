import { describe, expect, test } from 'vitest';
import { demanded, play, type Scenarios } from './testing/scenario.js';

const effects: Scenarios = {
  '[P14] [A2] readonly RAM is read and not written by its guest': `
    0  d1    store            at=0x1 u32 0x11            ok
    1  tool  set_memory_type  d1 gfn=0x1 count=1 type=1  ok
    2  d1    store            at=0x1 u32 0x22            ok
    3  d1    load             at=0x1 u32                 0x00000011
    4  d1    cmpxchg          at=0x1 u32 expect=0x11 put=0x33  0x00000011
    5  d1    xadd             at=0x1 u32 0x5             0x00000005
    6  d1    load             at=0x1 u32                 0x00000011
    7  tool  set_memory_type  d1 gfn=0x1 count=1 type=0  ok
    8  d1    xadd             at=0x1 u32 0x5             0x00000011`,
  '[A2] [A3] an access that comes to readonly RAM after RAM is dropped as a whole': `
    0  tool  set_memory_type  d1 gfn=0x1 count=1 type=1     ok
    1  d1    store            at=0x0+0xffc u64 ~0           ok
    2  d1    load             at=0x0+0xffc u32              0x00000000
    3  d1    xadd             at=0x1+0xffc u64 0x7          0x00000007
    4  d1    load             at=0x2 u32                    0x00000000
    5  d1    cmpxchg          at=0x0+0xffc u64 expect=0x0 put=0x1  0x00000000
    6  d1    load             at=0x0+0xffc u32              0x00000000`,
  '[A2] [A3] an access that comes to readonly RAM after a hole goes on': `
    0  d1    store                at=0x2 u32 0x22            ok
    1  tool  set_memory_type      d1 gfn=0x2 count=1 type=1  ok
    2  d1    remove_from_physmap  self gfn=0x1               ok
    3  d1    xadd                 at=0x1+0xffc u64 0x1       0x00000022ffffffff
    4  d1    store                at=0x1+0xffc u64 0x1       ok
    5  d1    load                 at=0x2 u32                 0x00000022`,
  '[P14] [G1] readonly RAM is granted, mapped and written like any other': `
    0  d1    grant            ref=3 to=d2 gfn=0x1 rw     ok
    1  tool  set_memory_type  d1 gfn=0x1 count=1 type=1  ok
    2  d2    map              d1/3 at=0x40 rw            ok
    3  d2    store            at=0x40 u32 0x11           ok
    4  d1    load             at=0x1 u32                 0x00000011
    5  tool  set_memory_type  d2 gfn=0x40 count=1 type=1  -EINVAL`,
  '[P14] [P11] readonly RAM that moves is writable where it comes to be': `
    0  tool  set_memory_type  d1 gfn=0x1 count=1 type=1           ok
    1  tool  inspect_gfn      d1 gfn=0x1                          ram_ro mapped 0x0000000000000000
    2  d1    add_to_physmap   self space=gmfn index=0x1 gfn=0x30  ok
    3  tool  inspect_gfn      d1 gfn=0x30                         ram_rw mapped 0x0000000000000000`,
  '[P14] memory of a device has left its gfn and stays with its domain': `
    0  tool  set_memory_type  d1 gfn=0x1 count=2 type=2  ok
    1  d1    load             at=0x1 u32                 0xffffffff
    2  tool  domain_info      d1                         pages=8 maximum=14
    3  tool  set_memory_type  d1 gfn=0x1 count=1 type=2  ok
    4  tool  set_memory_type  d1 gfn=0x1 count=1 type=0  -EINVAL`,
  '[P14] [P11.15] a page of the hypervisor’s is taken to be where a device’s memory is': `
    0  tool  set_memory_type  d1 gfn=0x20 count=1 type=2                 ok
    1  d1    setup_table      self frames=1                              ok 0x20
    2  d1    add_to_physmap   self space=grant_table index=0x0 gfn=0x30  -EILSEQ
    3  d1    add_to_physmap   self space=grant_table index=0x0 gfn=0x20  ok
    4  d1    add_to_physmap   self space=grant_table index=0x0 gfn=0x30  ok`,
  '[P11] [G2.2] a grant mapping where a page of the hypervisor’s is taken to be goes in its place': `
    0  d2    grant            ref=3 to=d1 gfn=0x1 rw                         ok
    1  tool  set_memory_type  d1 gfn=0x20 count=1 type=2                     ok
    2  d1    map              d2/3 at=0x20 rw                                ok
    3  d1    add_to_physmap   self space=grant_table index=0x0 gfn=0x30      ok
    4  tool  inspect_gfn      d1 gfn=0x20                                    mmio_dm
    5  d1    setup_table      self frames=1                                  ok 0x30
    6  d1    unmap            h2 at=0x20                                     general_error`,
  '[P11.15] [P14] ordinary RAM there is noticed': `
    0  tool  set_memory_type   d1 gfn=0x20 count=1 type=2                    ok
    1  d1    populate_physmap  self gfns=0x20                                1
    2  d1    add_to_physmap    self space=grant_table index=0x0 gfn=0x30     -EILSEQ
    3  d1    load              at=0x20 u8                                    0x00000000`,
  '[P11] [P16] a gfn on demand goes there as well, and goes on being counted': `
    0  tool  set_memory_type   d1 gfn=0x20 count=1 type=2                    ok
    1  d0    populate_physmap  d1 gfns=0x20 on_demand=1                      1
    2  d1    add_to_physmap    self space=grant_table index=0x0 gfn=0x30     ok
    3  tool  pod_target        d1                                            ok pages=8 kept=0 gfns=1
    4  tool  memory_type       d1 gfn=0x20                                   mmio_dm`,
  '[G8] [G2.2] a grant mapping goes in the place of a status frame': `
    0  d2    grant            ref=3 to=d1 gfn=0x1 rw                             ok
    1  d1    set_version      2                                                  ok v2
    2  d1    add_to_physmap   self space=grant_table index=0x80000000 gfn=0x30   ok
    3  tool  set_memory_type  d1 gfn=0x30 count=1 type=2                         ok
    4  d1    map              d2/3 at=0x30 rw                                    ok
    5  d1    set_version      1                                                  ok v1
    6  d1    unmap            h4 at=0x30                                         general_error`,
  '[P14] [A5] a result into readonly RAM is lost, and reported': `
    0  tool  set_memory_type  d1 gfn=0x1 count=1 type=1        ok
    1  d1    setup_table      self frames=1 list=0x1+0x8       ok 0x20
    2  d1    load             at=0x1+0x8 u32                   0x00000000`,
};

const refusals: Scenarios = {
  '[P14.8] [P14.6] a gfn for which no page is left stays what it was, and its domain is crashed': `
    0  d0    populate_physmap  d2 gfns=0x40 on_demand=1      1
    1  tool  set_memory_type   d2 gfn=0x40 count=1 type=2    -EBUSY
    2  d2    load              at=0x0 u8                     no_domain
    3  d0    populate_physmap  d1 gfns=0x40 on_demand=1      1
    4  tool  set_memory_type   d1 gfn=0x40 count=1 type=1    -EINVAL
    5  d1    load              at=0x0 u8                     no_domain`,
  '[P14.1] set_memory_type refuses -ESRCH for a domain that does not exist': `
    0  tool  set_memory_type  d9 gfn=0x0 count=1 type=1  -ESRCH`,
  '[P14.2] set_memory_type refuses -EPERM for the control domain': `
    0  tool  set_memory_type  d0 gfn=0x0 count=0 type=9  -EPERM`,
  '[P14.3] set_memory_type refuses -EINVAL for no page and for one above the highest gfn': `
    0  tool  set_memory_type  d1 gfn=0x0 count=0 type=1   -EINVAL
    1  tool  set_memory_type  d1 gfn=0x20 count=2 type=2  -EINVAL
    2  tool  set_memory_type  d1 gfn=~0 count=2 type=4    -EINVAL`,
  '[P14.4] set_memory_type refuses -EOPNOTSUPP for the type of an ioreq server without nested paging': `
    machine small paging=shadow
    0  tool  set_memory_type  d1 gfn=0x0 count=1 type=4  -EOPNOTSUPP`,
  '[P14.5] set_memory_type refuses -EINVAL for a type that there is not': `
    0  tool  set_memory_type  d1 gfn=0x0 count=1 type=3  -EINVAL
    1  tool  set_memory_type  d1 gfn=0x0 count=1 type=4  -EINVAL`,
  '[P14.6] set_memory_type refuses -EINVAL at a hole, what was changed before stays so': `
    0  tool  set_memory_type  d1 gfn=0x7 count=2 type=1  -EINVAL
    1  tool  inspect_gfn      d1 gfn=0x7                 ram_ro mapped 0x0000000000000000`,
  '[P14.8] set_memory_type refuses -EBUSY where no page is left for a gfn that is to be a hole': `
    0  d0    populate_physmap  d1 gfns=0x40 on_demand=1       1
    1  tool  set_memory_type   d1 gfn=0x40 count=1 type=2     -EBUSY
    2  d1    load              at=0x0 u32                     no_domain`,
  '[P14.7] set_memory_type refuses -ENOMEM where the p2m has no table for a hole': `
    machine small p2m_table_frames=4 default.table=0x10
    0  tool  set_memory_type  d1 gfn=0x8 count=1 type=2        ok
    1  d1    remove_from_physmap  self gfn=0x1                 ok
    2  d1    grant            ref=3 to=d2 gfn=0x2 rw           ok
    3  d2    map              d1/3 at=0x30 rw                  ok
    4  tool  destroy          d1                               ok
    5  tool  set_memory_type  d1 gfn=0x2 count=1 type=2        -ENOMEM`,
  '[G8.6] set_version crashes the caller where a status frame is not at its gfn': `
    0  d1    set_version      2                                                   ok v2
    1  d1    add_to_physmap   self space=grant_table index=0x80000000 gfn=0x30   ok
    2  tool  set_memory_type  d1 gfn=0x30 count=1 type=2                         ok
    3  d1    set_version      1                                                   crashed`,
};

describe('set_memory_type', () => {
  test.each(Object.entries({ ...effects, ...refusals }))('%s', (title, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached).toEqual(expect.arrayContaining([...demanded(title)]));
  });
});
