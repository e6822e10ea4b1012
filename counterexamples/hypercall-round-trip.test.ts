import { expect, test } from 'vitest';
import { DomainId, GuestPhysical, VcpuId } from '../abi/ids.js';
import { presets } from '../abi/machine.js';
import type { Line, Program } from '../abi/program.js';
import { parseTrace } from './parse.js';
import { printTrace } from './print.js';

const by = (vcpu: number) => ({ caller: DomainId(1), vcpu: VcpuId(vcpu) });
const place = GuestPhysical(0x6010);
const linear = { low: 0x8000_6010, high: 0xffff_8000 };

const lines: readonly string[] = [
  'd1  hypercall  number=20 command=10 va=0x6010',
  'd1.1  hypercall  number=12 command=4294967295 va=0xffff800080006010 count=0 compat kernel_ac',
  'd1  marshalled  place=0x6+0x10 va=0x6010 : map d2/3 at=0x30 rw ; d2/4 at=0x31 flags=0x12',
  'd1.1  marshalled  place=0x6 va=0x6000 count=7 compat user : unmap h2.1 at=0x30 ; #7 at=0x0',
  'd1  marshalled  place=0x6 va=0x6000 : copy d2/3+0x8 -> self:0x4 bytes=8',
  'd1  marshalled  place=0x6 va=0x6000 : swap none',
  'd1  marshalled  place=0x6 va=0x6000 : setup_table self frames=2 count=0 list=0x7',
  'd1  marshalled  place=0x6 va=0x6000 : set_version 2',
  'd1  marshalled  place=0x6 va=0x6000 : populate_physmap self gfns=0x40,0x41 order=1',
  'd1  marshalled  place=0x6 va=0x6000 : add_to_physmap_batch self space=gmfn ; 0x3 at=0x8 ; 0x4 at=0x9',
  'd1  marshalled  place=0x6 va=0x6000 : exchange self given=0x3 taken=none taken_order=1',
  'd1  marshalled  place=0x6 va=0x6000 : maximum_gpfn self',
];

const text = (body: readonly string[]): string =>
  ['xenolith-trace 1', 'machine small', ...body.map((line, i) => `${i}  ${line}`)].join('\n');

test('hypercalls with their arguments in memory are read and printed as they were', () => {
  const { program } = parseTrace(text(lines), 'a');
  const printed = printTrace({ story: { text: [] }, program, expectations: [] });
  const again = parseTrace(printed, 'b').program;
  expect(again).toEqual(program);
  for (const line of lines) expect(printed.replaceAll(/ {2,}/g, '  ')).toContain(line);
});

test('the call that is stored has its caller from the line', () => {
  const { program } = parseTrace(text(lines), 'a');
  const line: Line = {
    op: 'marshalled',
    ...by(0),
    layout: 'native',
    as: 'kernel',
    place,
    linear,
    count: undefined,
    call: { op: 'get_version', ...by(0), target: DomainId(2) },
  };
  const told: Program = { ...program, machine: presets.small, lines: [line] };
  const printed = printTrace({ story: { text: [] }, program: told, expectations: [] });
  expect(parseTrace(printed, 'b').program.lines).toEqual([line]);
});

test.each([
  ['d1  marshalled  place=0x6 va=0x6000', 'a call, behind a colon'],
  ['d1  marshalled  place=0x6 va=0x6000 : load at=0x6 u8', 'arguments in memory'],
  ['d1  marshalled  place=0x6 : map d2/3 at=0x30 rw', 'a linear address'],
])('%s is refused', (line, why) => {
  expect(() => parseTrace(text([line]), 'a')).toThrow(why);
});
