import { expect, test } from 'vitest';
import { parseTrace } from '../counterexamples/parse.js';
import { occasionOf } from './occasion.js';

/** What lines of a trace are the occasion of. */
function occasions(lines: readonly string[]): readonly string[] {
  const head = ['xenolith-trace 1', 'machine whole paging=hap vcpus=1', ''];
  return parseTrace([...head, ...lines, ''].join('\n'), 'lines').program.lines.map(occasionOf);
}

test('[E1] calls by registers are told apart by the call that they make', () => {
  const lines = [
    '0  d2  marshalled  place=0x6+0x800 va=0x6800 compat : map d1/0 at=0x46 rw  ok of ok',
    '1  d1  marshalled  place=0xe+0x80 va=0xe080 : populate_physmap self gfns=0x0  1 of 1',
    '2  d1  set_version  2                                                          ok v2',
  ];
  expect(occasions(lines)).toEqual([
    'marshalled.map',
    'marshalled.populate_physmap',
    'set_version',
  ]);
});

test('[E1] and where there are registers only, by what these name', () => {
  const { lines } = parseTrace(
    [
      'xenolith-trace 1',
      'machine whole paging=hap vcpus=1',
      '',
      '0  d1  set_version  2  ok v2',
      '',
    ].join('\n'),
    'lines',
  ).program;
  const [line] = lines;
  if (line?.op !== 'set_version') throw new Error('the line is there');
  const { caller, vcpu } = line;
  const argument = { low: 0, high: 0 };
  const by = {
    op: 'hypercall',
    caller,
    vcpu,
    layout: 'native',
    as: 'kernel',
    argument,
    count: 1,
  } as const;
  const named = [
    [20, 0],
    [20, 99],
    [12, 6 + 64 * 3],
    [12, 63],
    [29, 0],
  ].map(([number = 0, command = 0]) => occasionOf({ ...by, number, command }));
  expect(named).toEqual([
    'hypercall.map',
    'hypercall.grant_table_op',
    'hypercall.populate_physmap',
    'hypercall.memory_op',
    'hypercall.unknown',
  ]);
});
