import { describe, expect, test } from 'vitest';
import { ALL_ONES, DomainId, VcpuId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import { printLine } from './lines.js';
import { parseTrace } from './parse.js';
import { printTrace } from './print.js';

/** The text as it is printed: this is what people see, so its look is held here. */
const GOLDEN = `# A mapping outlives its unmap.
#
# d2 maps a page of d1, unmaps it, and can still read it.
#
# Broke:  [G12] after unmap_grant_ref the gfn is empty.
# Kin:    XSA-286.
# Found:  seed 7, 214 steps shrunk to 7.
# Fixed:  impl/hypercalls/unmap-grant.ts
# Missed: generators never loaded a page between map
#         and unmap.

xenolith-trace 1
machine small domains=2 default.pages=9
domain d1
domain d2 ram=0x0+4 table=none

0  d1    grant           ref=9 to=d2 gfn=0x3 ro                ok
1  d2    map             d1/9 at=0x6 ro ; d1/9 at=0x7+0x10 rw  ok ; permission_denied
2  d2.1  load            at=0x6+0x8 u32                        0x00000000
3  d2    unmap           h1 at=0x6 ; h1.1 at=0x7 ; #17 at=0x0
4  d2    add_to_physmap  self space=grant_table index=0x0 gfn=0x8 size=4096  ok
5  tool  destroy         d1                                    ok
6  d2    crash                                                 crashed
`;

/** Paging: registers, an entry of a page table, accesses through it. */
const PAGED = `xenolith-trace 1
machine paged paging=hap tlb_entries=4 pse36=off

0  d1    pte        table=0x4 index=3 width=8 gfn=0x7 p+rw+us+a+nx+0x200 bits=0x8000000  ok
1  d1    cr3        value=0x4000                   done
2  d1    cr4        value=pae+smep                 done
3  d1    cr4        value=0x40                     #GP
4  d1.1  cr0        value=pe+et+wp+pg              done
5  d1    cr0        value=0x0                      done
6  d1.1  store      va=0x3010 u32 user 0x00000001  #PF P+W+U va=0x3010
7  d1.1  load       va=0xffff800000000000 u64      0x00000001 | 0x00000000
8  d1.1  load       at=0x7+0x10 u64                only 0x00000001
9  tool  log_dirty  d1 peek                        dirty 0x4,0x7
`;

describe('the text of a trace', () => {
  test('of paging names flags, and tells linear addresses from guest-physical ones', () => {
    expect(printTrace(parseTrace(PAGED, 'paged.trace'))).toBe(PAGED);
  });

  test('has flags in any order and as numbers', () => {
    const loose = PAGED.replace('p+rw+us+a+nx+0x200', 'nx+0x23+us+0x200')
      .replace('pe+et+wp+pg', 'pg+0x11+wp')
      .replace('u32 user 0x', 'user u32 0x')
      .replace('at=0x7+0x10', 'at=7+16');
    expect(printTrace(parseTrace(loose, 'loose.trace'))).toBe(PAGED);
  });

  test('is aligned, and long arguments do not move the right column', () => {
    expect(printTrace(parseTrace(GOLDEN, 'golden.trace'))).toBe(GOLDEN);
  });

  test('may be written with other spaces, line ends and spellings of the same values', () => {
    const loose = GOLDEN.replaceAll('\n', '\r\n')
      .replace('at=0x6+0x8', 'at=6+8')
      .replace('d2    crash', 'd2.0\tcrash')
      .replace('.\r\n# Kin:    XSA', '.    Kin: XSA');
    expect(parseTrace(loose, 'a.trace')).toStrictEqual(parseTrace(GOLDEN, 'a.trace'));
  });

  test('reads all ones as ~0 and as sixteen digits', () => {
    const load = (at: string): string =>
      `xenolith-trace 1\nmachine tiny\n0  d1  remove_from_physmap  self gfn=${at}\n`;
    const read = parseTrace(load('~0'), 'a.trace');
    expect(read.program.lines[0]).toMatchObject({ gfn: ALL_ONES });
    expect(parseTrace(load('0xffffffffffffffff'), 'a.trace')).toStrictEqual(read);
  });

  test('without a domain line starts every domain, with `domain none` it starts none', () => {
    const head = 'xenolith-trace 1\nmachine small\n';
    const started = parseTrace(head, 'a.trace').program.boot.map(({ domain }) => domain);
    expect(started).toEqual([1, 2, 3]);
    expect(parseTrace(`${head}domain none\n`, 'a.trace').program.boot).toEqual([]);
  });

  test('of one line stands alone', () => {
    const crash = { op: 'crash', caller: DomainId(2), vcpu: VcpuId(0) } as const;
    expect(printLine(crash, presets.small)).toBe('d2  crash');
  });
});
