import { presets, type Cpu, type DomainConfig, type Machine } from '../../abi/machine.js';
import type { Boot, Line, Program } from '../../abi/program.js';

/**
 * The programs on a plainer machine: fewer domain ids and vcpus, features of paging and sizes as in
 * its preset, and domains like the machine's defaults. How page tables are served stays.
 */
export function* simplerMachines(program: Program): IterableIterator<Program> {
  const { machine, boot, lines } = program;
  const highest = Math.max(1, ...boot.map(({ domain }) => domain), ...lines.map(highestDomain));
  if (highest < machine.domains) yield { ...program, machine: { ...machine, domains: highest } };
  const vcpus = Math.max(1, ...lines.map((line) => ('vcpu' in line ? line.vcpu + 1 : 1)));
  if (vcpus < machine.vcpus) yield { ...program, machine: { ...machine, vcpus } };
  for (const usual of morePreset(machine)) yield { ...program, machine: usual };
  for (const [index, { domain, config }] of boot.entries()) {
    if (isSame(config, machine.defaults)) continue;
    const plain: Boot = { domain, config: machine.defaults };
    yield { ...program, boot: boot.with(index, plain) };
  }
  for (const [index, line] of lines.entries())
    if (line.op === 'create' && !isSame(line.config, machine.defaults))
      yield { ...program, lines: lines.with(index, { ...line, config: machine.defaults }) };
}

/** The machines that have one thing about paging as their preset has it. */
function* morePreset(machine: Machine): IterableIterator<Machine> {
  const preset: Machine = Object.values(presets).find(isCalled(machine.name)) ?? presets.small;
  const { cpu } = machine;
  const { addressBits, gibPages, pse36, protectionKeys } = preset.cpu;
  const changes: readonly Partial<Cpu>[] = [
    { addressBits },
    { gibPages },
    { pse36 },
    { protectionKeys },
  ];
  const machines: readonly Machine[] = [
    ...changes.map((change): Machine => ({ ...machine, cpu: { ...cpu, ...change } })),
    { ...machine, shadowFrames: preset.shadowFrames },
    { ...machine, tlbEntries: preset.tlbEntries },
  ];
  yield* machines.filter((other) => !isSame(other, machine));
}

const isCalled =
  (name: string) =>
  (preset: Machine): boolean =>
    preset.name === name;

const isSame = <Value extends Cpu | DomainConfig | Machine>(a: Value, b: Value): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

const highestDomain = (line: Line): number =>
  'caller' in line ? line.caller : line.op === 'create' ? line.domain : 0;
