import { describe, expect, test } from 'vitest';
import { CR0_PE, CR0_PG, CR0_WP, PTE_A, PTE_NX_HIGH, PTE_P, PTE_RW } from '../../abi/control.js';
import { DomainId, Gfn, VcpuId } from '../../abi/ids.js';
import { presets, type Machine } from '../../abi/machine.js';
import type { Line, Program, PteLine } from '../../abi/program.js';
import type { LinearStore } from '../../abi/step.js';
import { canonical } from '../canonical.js';
import { simplerLines, sumOfNumbers } from './arguments.js';
import { withoutVcpus } from './deletions.js';
import { simplerMachines } from './machines.js';

const by = { caller: DomainId(1), vcpu: VcpuId(1) };

const store: LinearStore = {
  op: 'store_linear',
  ...by,
  linear: { low: 0x0020_0010, high: 0xffff_8000 },
  size: 8,
  as: 'implicit',
  value: { low: 7, high: 0 },
};

const pte: PteLine = {
  op: 'pte',
  ...by,
  table: Gfn(4),
  index: 3,
  width: 8,
  flags: PTE_P | PTE_RW | PTE_A,
  frame: Gfn(7),
  high: PTE_NX_HIGH,
};

const lines: readonly Line[] = [
  store,
  pte,
  { op: 'cr0', ...by, value: (CR0_PE | CR0_WP | CR0_PG) >>> 0 },
  { op: 'cr3', ...by, value: { low: 0x6018, high: 1 } },
  { op: 'invlpg', ...by, linear: { low: 0x3000, high: 0 } },
];

const programOf = (machine: Machine, ...rest: readonly Line[]): Program => ({
  machine,
  boot: [],
  lines: [...rest],
});

describe('a line about paging is simplified', () => {
  test.each(lines)('$op: to lines of smaller numbers', (line) => {
    const simpler = [...simplerLines(line)];
    expect(simpler.length).toBeGreaterThan(2);
    for (const each of simpler) {
      expect(each.op).toBe(line.op);
      expect(sumOfNumbers(each)).toBeLessThan(sumOfNumbers(line));
    }
  });

  test('an address goes to a small canonical page, an access to the kernel’s', () => {
    const simpler = [...simplerLines(store)];
    const addresses = simpler.flatMap((line) => ('linear' in line ? [line.linear] : []));
    expect(addresses).toEqual(
      expect.arrayContaining([
        { low: 0x0020_0010, high: 0 },
        { low: 0x10, high: 0xffff_8000 },
        { low: 0x0020_0000, high: 0xffff_8000 },
      ]),
    );
    expect(addresses.some(({ high }) => high === 0x7fff_c000)).toBe(false);
    expect(simpler.map((line) => ('as' in line ? line.as : ''))).toEqual(
      expect.arrayContaining(['kernel', 'user']),
    );
    expect(simpler.some((line) => 'vcpu' in line && line.vcpu === 0)).toBe(true);
  });

  test('a register loses its flags one by one, an entry too, whose width stays', () => {
    const values = [...simplerLines({ op: 'cr4', ...by, value: 0x30 })].flatMap((line) =>
      line.op === 'cr4' ? [line.value] : [],
    );
    expect(new Set(values)).toEqual(new Set([0, 0x10, 0x20, 0x30]));
    const entries = [...simplerLines(pte)].flatMap((line) => (line.op === 'pte' ? [line] : []));
    const flags = new Set(entries.map((line) => line.flags));
    expect([...flags].toSorted((a, b) => a - b)).toEqual([0, 3, 0x21, 0x22, 0x23]);
    expect(new Set(entries.map(({ width }) => width))).toEqual(new Set([8]));
    expect(entries.some(({ high }) => high === 0)).toBe(true);
  });
});

test('what one vcpu does is left out, or done by the first', () => {
  const { domain, first } = { domain: DomainId(2), first: VcpuId(0) };
  const other: Line = { op: 'crash', caller: domain, vcpu: VcpuId(2) };
  const program = programOf(presets.paged, store, other, { ...pte, vcpu: first });
  expect([...withoutVcpus(program)].map((each) => each.lines)).toEqual([
    [other, { ...pte, vcpu: first }],
    [{ ...store, vcpu: first }, other, { ...pte, vcpu: first }],
    [store, { ...pte, vcpu: first }],
    [store, { ...other, vcpu: first }, { ...pte, vcpu: first }],
  ]);
});

test('a machine goes back to its preset feature by feature, its paging stays', () => {
  const odd: Machine = {
    ...presets.paged,
    domains: 1,
    paging: 'hap',
    cpu: { addressBits: 36, gibPages: false, pse36: true, protectionKeys: false },
    tlbEntries: 1,
  };
  const machines = [...simplerMachines(programOf(odd, store))].map(({ machine }) => machine);
  expect(machines).toEqual([
    { ...odd, cpu: { ...odd.cpu, addressBits: 40 } },
    { ...odd, cpu: { ...odd.cpu, gibPages: true } },
    { ...odd, cpu: { ...odd.cpu, protectionKeys: true } },
    { ...odd, tlbEntries: 16 },
  ]);
  const onFirst = { ...store, vcpu: VcpuId(0) };
  const [one] = [...simplerMachines(programOf({ ...presets.paged, domains: 1 }, onFirst))];
  expect(one?.machine).toEqual({ ...presets.paged, domains: 1, vcpus: 1 });
});

test('gfns keep their numbers where page tables hold them as data', () => {
  const inspect: Line = { op: 'inspect_gfn', domain: DomainId(1), gfn: Gfn(0x45) };
  const alone = programOf(presets.small, inspect);
  expect(canonical(alone).lines).toEqual([{ ...inspect, gfn: 0x40 }]);
  for (const line of lines) {
    const paged = programOf(presets.paged, inspect, line);
    expect(canonical(paged).lines).toEqual(paged.lines);
  }
});
