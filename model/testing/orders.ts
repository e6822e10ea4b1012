/** A grant of version 2 whose range is 64 bytes from 16 on, of d1 to d2. */
const part = `
    0  d1  set_version  2                                               ok v2
    1  d1  grant        ref=3 to=d2 gfn=0x1 flags=0x101 v2 sub=0x10+64  ok`;

/** d1 may have no more pages than it has, and is dying. */
const dying = `
    0  tool  set_memory_limit  d1 pages=0x8        ok
    1  d1    grant             ref=3 to=d2 gfn=0x1 rw  ok
    2  d2    map               d1/3 at=0x30 rw     ok
    3  tool  destroy           d1                  ok`;

/** The machine has one page left, and d1 may have none. */
const short = `
    machine small guest_frames=25
    0  tool  set_memory_limit  d1 pages=0x8     ok`;

/**
 * Calls that could be refused for two reasons: the one that is named first is found first. Most of
 * these pairs have the same answer, so that only the rule tells them apart.
 */
export const orders: Readonly<Record<string, string>> = {
  'G1.9 before G1.10': `
    0  d1  grant  ref=3 to=d3 gfn=0x1 flags=0x101  ok
    1  d2  map    d1/3 at=0x30 rw                  general_error`,
  'G1.15 before G1.16': `
    machine small p2m_table_frames=4 default.table=0x10
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw        ok
    1  d2  map    d1/3 at=0x1000000000 rw       general_error`,
  'G3.7 before G3.8': `
    0  d2  copy  self:0x2+0xfff -> self:0x3+0xfff bytes=2  bad_copy_arg`,
  'G3.8 before G3.9': `${part}
    2  d2  copy  d1/3+0x60 -> self:0x2+0xfff bytes=2  bad_copy_arg`,
  'G3.8 before G3.10': `${part}
    2  d2  copy  self:0x2 -> d1/3+0xfff bytes=2  bad_copy_arg`,
  'G3.9 before G3.10': `${part}
    2  d2  copy  d1/3+0x60 -> d1/3+0x60 bytes=2  general_error`,
  'G4.4 before G4.5': `
    0  d1  grant  ref=3 to=d3 gfn=0x1 flags=0x0  ok
    1  d2  copy   d1/3 -> self:0x2 bytes=4       general_error`,
  'G5.1 before G5.2': `
    0  d3  set_version  2                                          ok v2
    1  d3  grant        ref=2 to=d1 gfn=0x0 flags=0x3 v2 via=d3/1  ok
    2  d1  set_version  2                                          ok v2
    3  d1  grant        ref=3 to=d2 gfn=0x0 flags=0x3 v2 via=d3/2  ok
    4  d2  copy         d1/3 -> self:0x2 bytes=4                   general_error`,
  'G10.1 before G10.2': `
    0  d1  swap  16 17  bad_gntref`,
  'G10.3 before G10.4': `
    0  d1  grant  ref=3 to=d2 gfn=0x1 rw                  ok
    1  d1  grant  ref=4 to=d2 gfn=0x2 rw                  ok
    2  d2  map    d1/3 at=0x30 ro ; d1/4 at=0x31 ro       ok ; ok
    3  d1  swap   3 4                                     eagain`,
  'P6.4 before P6.5': `${dying}
    4  d0    populate_physmap  d1 gfns=0x40     0`,
  'P6.5 before P6.6': `${short}
    1  d1    populate_physmap  self gfns=0x40 order=1  0`,
  'P6.9 before P6.10': `
    machine small p2m_table_frames=4 default.table=0x10
    0  d1  populate_physmap  self gfns=0x1000000000  0`,
  'P7.4 before P7.5': `${dying}
    4  d0    increase_reservation  d1 count=1   0`,
  'P7.5 before P7.6': `${short}
    1  d1    increase_reservation  self count=1 order=1  0`,
  'P8.4 before P8.5': `
    0  d1  grant                 ref=3 to=d2 gfn=0x1 rw  ok
    1  d2  map                   d1/3 at=0x31 rw         ok
    2  d2  decrease_reservation  self gfns=0x30 order=1  0`,
  'P11.3 before P11.4': `
    0  d1  add_to_physmap  d0 space=dev_mmio index=0x0 gfn=0x40  -EACCES`,
  'P12.3 before P12.4': `
    0  d1  add_to_physmap_batch  d0 space=dev_mmio ; 0x0 at=0x40  -EACCES each untouched`,
};
