import { describe, expect, test } from 'vitest';
import { decodeWalks } from './decode.js';
import { contentAt } from './pattern.js';
import { reachOf, type Reach } from './reach.js';
import { caseObject, READ, walksText } from './testing/case-text.js';

describe('data memory', () => {
  test.each([
    ['the start of a page names the page', 0x123_4000, 0xcccc_cc34],
    ['a slot loads its own address', 0x123_4f50, 0x234f_50b8],
    ['with the rest of it in the next dword', 0x123_4f54, 0xcccc_cc01],
    ['and is filled up', 0x123_4f58, 0xcccc_cccc],
    ['so is the end of a page', 0x123_4ff4, 0xcccc_cccc],
    ['but for an instruction that runs into the next', 0x123_4ffc, 0x234f_fcb8],
    ['elsewhere addresses are mixed (a recorded value)', 0x100_fd88, 0x91bd_b071],
    ['below it all is zero', 0xff_fffc, 0],
    ['and above it', 0x400_0000, 0],
  ])('%s', (_, address, content) => {
    expect(contentAt(address)).toBe(content);
  });
});

const reach = (steps: readonly object[], rest: object = {}): Reach => {
  const [one] = decodeWalks(walksText(caseObject(steps, rest)), 'a.json').cases;
  if (one === undefined) throw new Error('a case');
  return reachOf(one);
};

describe('the memory that a case can come to', () => {
  test('is its tables, and the page that its access goes to', () => {
    const { gfns, dwords } = reach([READ]);
    expect(gfns).toEqual([0x400, 0x401, 0x1000]);
    expect(dwords.get(0x401000)).toBe(0x1000007);
    expect(dwords.get(0x1000000)).toBe(0xcccccc00);
  });

  test('also that by an entry put in later', () => {
    const poke = { op: 'poke', pa: '0x401000', value: '0x1234007', width: 4, '=>': { ok: true } };
    expect(reach([READ, poke]).gfns).toContain(0x1234);
  });

  test('both pages of an access that crosses', () => {
    const tables = [
      { pa: '0x400010', value: '0x401007', width: 4 },
      { pa: '0x401000', value: '0x1000007', width: 4 },
      { pa: '0x401004', value: '0x1007007', width: 4 },
    ];
    const rest = { tables, after: tables.map(({ pa, value }) => ({ pa, value })) };
    expect(reach([{ ...READ, la: '0x1000ffe' }], rest).gfns).toEqual([
      0x400, 0x401, 0x1000, 0x1007,
    ]);
  });

  test('of a superpage only the page that is asked for', () => {
    const tables = [{ pa: '0x400010', value: '0x1400087', width: 4 }];
    const rest = { tables, after: [{ pa: '0x400010', value: '0x1400087' }] };
    // Without CR4.PSE the same entry names a table, in data memory.
    expect(reach([{ ...READ, la: '0x1003000' }], rest).gfns).toContain(0x1403);
  });

  test('no page through an entry that is never present', () => {
    const tables = [
      { pa: '0x400010', value: '0x401007', width: 4 },
      { pa: '0x401000', value: '0x1000006', width: 4 },
    ];
    const rest = { tables, after: tables.map(({ pa, value }) => ({ pa, value })) };
    expect(reach([READ], rest).gfns).toEqual([0x400, 0x401]);
  });
});
