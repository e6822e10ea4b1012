import { isDeepStrictEqual } from 'node:util';
import type { DomainConfig, Machine } from '../../../abi/machine.js';
import type { Line, MarshalledLine } from '../../../abi/program.js';
import type { Fetch } from '../../../abi/step.js';
import type { Word } from '../../../abi/word.js';
import { percent, seeded, type Choose } from '../../choose.js';
import { desugar, Handles } from '../../desugar.js';
import { chooseEmphasis, type EmphasisName } from '../../generate/emphasis.js';
import { nextLine, openingLines } from '../../generate/line.js';
import { mapTableLine } from '../../generate/physmap-lines.js';
import { Scene } from '../../generate/scene.js';
import { ours } from '../../our-subject.js';
import { Running } from '../../running.js';
import { defaultBoot } from '../../walker.js';
import type { JsonObject } from '../json-text.js';
import { programPages } from '../toolstack.js';
import { stepsMeant } from '../translate.js';
import type { RigStep } from './grant-steps.js';
import { isAnswerable } from './answerable.js';
import { byRegisters, wordsAt } from './by-registers.js';
import { isHarmless, OWN_PAGES } from './harmless.js';
import { lastLook } from './last-look.js';
import { rigLayout, rigMachine } from './rig-machine.js';
import { rigConfig, rigStep } from './rig-steps.js';

/**
 * A random program as the rig runs it: a real hypervisor answers each of its steps, and what it
 * answered is then a recording like any other. The same seed is the same program.
 */
export function exportedProgram(name: string, seed: string, emphasis: EmphasisName): JsonObject {
  const choose = seeded(seed);
  const machine = rigMachine(choose);
  const walk = new Walk(choose, machine, emphasis);
  walk.open();
  for (let left = 60 + choose.below(140); left > 0; left--) walk.next();
  walk.lookAround();
  const domains = defaultBoot(machine).map(
    ({ domain, config }) => [domain, rigConfig(config, machine)] as const,
  );
  return { name, domains: Object.fromEntries(domains), steps: [...wiped, ...walk.steps] };
}

/** What earlier programs left in pages of the control domain. */
const wiped: readonly RigStep[] = Array.from({ length: OWN_PAGES }, (_, i) => ({
  op: 'fill',
  addr: `ram:${i}`,
  value: 0,
}));

/** Percentage of calls whose arguments are in memory. */
const MARSHALLED = 20;

/** Attempts at a line that the rig can do. */
const ATTEMPTS = 200;

/** A walk along the state of the spec, of which each line is a step of the rig. */
class Walk {
  readonly steps: RigStep[] = [];
  readonly #machine: Machine;
  readonly #running: Running;
  readonly #scene: Scene;
  readonly #handles = new Handles();

  constructor(choose: Choose, machine: Machine, name: EmphasisName) {
    this.#machine = machine;
    this.#running = new Running(machine, defaultBoot(machine), ours);
    const emphasis = chooseEmphasis(choose, name, undefined, machine.surface);
    this.#scene = new Scene(choose, machine, emphasis, this.#running.state, rigLayout);
  }

  /** Each domain chooses its version and maps its grant table. */
  open(): void {
    const domains = defaultBoot(this.#machine).map(({ domain }) => domain);
    for (const line of openingLines(this.#scene, domains)) this.#take(line);
    for (const id of domains) {
      const domain = this.#scene.domain(id);
      if (domain !== undefined) this.#take(mapTableLine(this.#scene, domain, 0, false));
    }
  }

  next(): void {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const line = suited(nextLine(this.#scene));
      // What lies about in memory as arguments may name what the rig's guest does not have.
      if (line.op === 'hypercall') continue;
      if (line.op === 'fetch' && !isAnswerable(this.#scene.state, line))
        this.#take(storeOfCode(line));
      const marshalled = percent(this.#scene.choose, MARSHALLED)
        ? byRegisters(this.#scene, line)
        : undefined;
      if (marshalled === undefined ? this.#take(line) : this.#marshal(marshalled)) return;
    }
  }

  lookAround(): void {
    for (const line of lastLook(this.#scene)) this.#take(line);
  }

  /** Makes a call with its arguments in memory, and looks at them afterwards. */
  #marshal(line: MarshalledLine): boolean {
    if (!isHarmless(this.#scene, line.call)) return false;
    const steps = desugar(line, this.#machine, this.#handles);
    if (steps.some((step) => this.#exported(step) === undefined)) return false;
    for (const step of [...steps, ...wordsAt(line)]) this.#take(step);
    return true;
  }

  /** Performs a line that the rig can do; false for another. */
  #take(line: Line): boolean {
    const index = this.#running.lines.length;
    const step = this.#exported(line);
    if (step === undefined || this.#running.perform(line) !== undefined) return false;
    this.steps.push(line.op === 'map' ? { ...step, as: `l${index}` } : step);
    this.#scene.state = this.#running.state;
    this.#scene.noteHandles(line, index, this.#running.reply);
    if (line.op === 'map') this.#handles.note(index, this.#running.reply);
    return true;
  }

  /** A line as a step of the rig, if that means the same. */
  #exported(line: Line): RigStep | undefined {
    if (!isHarmless(this.#scene, line) || !isAnswerable(this.#scene.state, line)) return undefined;
    const meant = rigStep(line, this.#machine, (handle) => this.#handles.named(handle));
    const steps = desugar(line, this.#machine, this.#handles);
    if (meant === undefined || !isDeepStrictEqual(stepsMeant(meant), steps)) return undefined;
    return rigStep(line, this.#machine, ({ line: from, element }) => ({
      $: `l${from}.ops.${element}.handle`,
    }));
  }
}

/** Code that returns a value of its own. */
const storeOfCode = ({ caller, vcpu, address }: Fetch): Line => ({
  op: 'store',
  caller,
  vcpu,
  address,
  size: 8,
  value: { low: 0x1234_56b8, high: 0xc300 },
});

/** A line as the rig can say it: domains have its program, values have no more bytes than are used. */
function suited(line: Line): Line {
  switch (line.op) {
    case 'create':
      return { ...line, config: suitedConfig(line.config) };
    case 'store':
      return { ...line, value: cut(line.value, line.size) };
    case 'cmpxchg': {
      const [expected, value] = [cut(line.expected, line.size), cut(line.value, line.size)];
      return { ...line, expected, value };
    }
    default:
      return line;
  }
}

const cut = ({ low, high }: Word, size: number): Word =>
  size < 8 ? { low: size < 4 ? low % 2 ** (8 * size) : low, high: 0 } : { low, high };

function suitedConfig(config: DomainConfig): DomainConfig {
  const count = Math.min(32, config.ram.at(-1)?.count ?? 0);
  return {
    ...config,
    ram: [programPages, { gfn: rigLayout.ram, count }],
    maximumPages: Math.max(config.maximumPages, programPages.count + count),
    tableGfn: undefined,
  };
}
