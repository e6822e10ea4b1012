import type { DomainConfig } from '../../abi/machine.js';
import type { Boot, Line, Program } from '../../abi/program.js';

/** The programs on a plainer machine: fewer domain ids, and domains like the machine's defaults. */
export function* simplerMachines(program: Program): IterableIterator<Program> {
  const { machine, boot, lines } = program;
  const highest = Math.max(1, ...boot.map(({ domain }) => domain), ...lines.map(highestDomain));
  if (highest < machine.domains) yield { ...program, machine: { ...machine, domains: highest } };
  for (const [index, { domain, config }] of boot.entries()) {
    if (isSame(config, machine.defaults)) continue;
    const plain: Boot = { domain, config: machine.defaults };
    yield { ...program, boot: boot.with(index, plain) };
  }
  for (const [index, line] of lines.entries())
    if (line.op === 'create' && !isSame(line.config, machine.defaults))
      yield { ...program, lines: lines.with(index, { ...line, config: machine.defaults }) };
}

const isSame = (a: DomainConfig, b: DomainConfig): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

const highestDomain = (line: Line): number =>
  'caller' in line ? line.caller : line.op === 'create' ? line.domain : 0;
