import { describe, expect, test } from 'vitest';
import { play } from './testing/scenario.js';

/**
 * What the real hypervisor does, step by step, on a machine of its sizes (grants.md 17). Handles
 * are those it gave: its free list is a queue, and some calls that fail rotate it.
 */
const MACHINE = `
    machine xen domains=3 default.table=0x8
    domain d1 ram=0x0+8,0x1234+1
    domain d2 ram=0x0+8
    domain d3 ram=0x0+8`;

/** T1 and T2: a grant of d1 is mapped three times over, while d1 wipes its entry. */
const mappedOver = `${MACHINE}
     0  d1    grant        ref=9 to=d2 gfn=0x1234 rw                   ok
     1  d2    map          d1/9 at=0x5000 ro                           ok
     2  d1    load         at=0x8+0x48 u64                             0x0000123400020009
     3  tool  inspect_gfn  d2 gfn=0x5000                               ram_ro
     4  d2    map          d1/9 at=0x5001+0xfff rw                     ok
     5  d1    load         at=0x8+0x48 u16                             0x00000019
     6  tool  inspect_gfn  d2 gfn=0x5001                               ram_rw
     7  d1    grant        ref=9 to=d2 gfn=0x1234 flags=0x0            ok
     8  d2    map          d1/9 at=0x5002 rw                           ok
     9  d1    load         at=0x8+0x48 u16                             0x00000000
    10  d2    unmap        #2 at=0x5002 ; #1 at=0x5001 ; #0 at=0x5000  ok ; ok ; ok
    11  d1    load         at=0x8+0x48 u16                             0x00000000
    12  d2    unmap        #0 at=0x5000                                bad_handle
    13  d2    map          d1/10 at=0x5000 ro                          general_error
    14  d1    grant        ref=9 to=d2 gfn=0x1234 rw                   ok
    15  d2    map          d1/9 at=0x5000 ro                           ok
    16  d2    unmap        #4 at=0x5000                                ok`;

/** T3: flags that are refused, before and after the entry is marked. */
const refusedFlags = `${MACHINE}
    0  d1  grant  ref=9 to=d2 gfn=0x1234 rw  ok
    1  d2  map    d1/9 at=0x5000 flags=0x3   general_error
    2  d2  map    d1/9 at=0x5000 flags=0x22  general_error
    3  d1  load   at=0x8+0x48 u16            0x00000001
    4  d2  map    d1/9 at=0x5000 flags=0x4   bad_gntref`;

/** T5: as T1 with a granter of version 2, whose entry Xen does not write. */
const versionTwo = `${MACHINE}
    0  d1  set_version     2                             ok v2
    1  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x9  ok
    2  d1  grant           ref=9 to=d2 gfn=0x1234 rw v2  ok
    3  d2  map             d1/9 at=0x5000 ro             ok
    4  d1  load            at=0x9+0x12 u16               0x00000008
    5  d2  map             d1/9 at=0x5001+0xfff rw       ok
    6  d1  load            at=0x9+0x12 u16               0x00000018
    7  d1  load            at=0x8+0x90 u16               0x00000001
    8  d2  unmap           #1 at=0x5001 ; #0 at=0x5000   ok ; ok
    9  d1  load            at=0x9+0x12 u16               0x00000000`;

/** T6: a reserved ref stays in use across a change of version; any other forbids it. */
const acrossVersions = `${MACHINE}
     0  d1  grant           ref=1 to=d2 gfn=0x7 rw     ok
     1  d2  map             d1/1 at=0x5000 ro          ok
     2  d1  set_version     2                          ok v2
     3  d1  add_to_physmap  self space=grant_table index=0x80000000 gfn=0x9  ok
     4  d1  load            at=0x8+0x10 u64            0x00020001
     5  d1  load            at=0x8+0x18 u64            0x00000007
     6  d1  load            at=0x9+0x2 u16             0x00000008
     7  d1  swap            255 0 ; 256 0              ok ; bad_gntref
     8  d2  unmap           #0 at=0x5000               ok
     9  d1  grant           ref=8 to=d2 gfn=0x7 rw v2  ok
    10  d2  map             d1/8 at=0x5000 ro          ok
    11  d1  set_version     1                          -EBUSY v2`;

/** T7: copies that fail after, during and before the grant is taken into use. */
const failedCopies = `${MACHINE}
    0  d1  grant  ref=9 to=d2 gfn=0x1234 rw          ok
    1  d2  copy   d1/9+0xffa -> self:0x2 bytes=10    bad_copy_arg
    2  d1  load   at=0x8+0x48 u16                    0x00000001
    3  d2  copy   d99/9+0xffa -> self:0x2 bytes=10   bad_domain
    4  d2  copy   d1:0x9+0xffa -> self:0x2 bytes=10  permission_denied`;

/** T8: the last handle of the first maptrack frame is passed over when the frame after it comes. */
const manyMaps = `${MACHINE}
    0  d1  grant  ref=9 to=d2 gfn=0x1234 ro        ok
    1  d1  grant  ref=10 to=d2 gfn=0x1234 ro       ok
    2  d2  map    ${mapsOf(9, 0, 128)}             ${oks(128)}
    3  d2  map    ${mapsOf(10, 128, 127)}          ${oks(127)}
    4  d2  map    ${mapsOf(10, 255, 1)}            ok
    5  d2  unmap  #256 at=0x50ff ; #255 at=0x50ff  ok ; bad_handle`;

function mapsOf(ref: number, first: number, count: number): string {
  const gfns = Array.from({ length: count }, (_, i) => (0x5000 + first + i).toString(16));
  return gfns.map((gfn) => `d1/${ref} at=0x${gfn} ro`).join(' ; ');
}

function oks(count: number): string {
  return Array.from({ length: count }, () => 'ok').join(' ; ');
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, handle) => handle);

describe('the worked traces', () => {
  test.each([
    ['[G1] [G2] T1, T2: what was granted first is what is mapped', mappedOver, [0, 1, 2, 4]],
    ['[G1.2] [G1.13] T3: flags are looked at before and after the entry', refusedFlags, []],
    ['[G14] T5: the bits of a version 2 entry are in its status word', versionTwo, [0, 1]],
    [
      '[G8] [G8.3] T6: reserved refs stay in use across a change of version',
      acrossVersions,
      [0, 1],
    ],
    ['[G3.7] T7: a copy that fails leaves the entry as it was', failedCopies, []],
    ['[G15] T8: handles go on in the second maptrack frame', manyMaps, [...upTo(255), 256]],
  ])('%s', (_, script, handles) => {
    expect(play(script, handles).text).toBe(script);
  });
});
