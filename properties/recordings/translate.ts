import { CONTROL, DomainId } from '../../abi/ids.js';
import { presets, type Machine, type Paging } from '../../abi/machine.js';
import type { Step } from '../../abi/step.js';
import { actedOn } from './acted-on.js';
import {
  access,
  accessArguments,
  bootLayout,
  tableAccess,
  tableArguments,
  type Layout,
} from './accesses.js';
import { RIG_DOMAINS, type RecordedStep, type RecordedTrace } from './decode.js';
import type { Expected } from './expected.js';
import { controlCall } from './control-calls.js';
import { TableFrames, withNumbers } from './control-names.js';
import { Fields } from './fields.js';
import { grantArguments, grantCall } from './grant-calls.js';
import type { Json, JsonObject } from './json-text.js';
import { reachesApic } from './local-apic.js';
import { machineFor } from './machine-for.js';
import { notBuilt, rcOf, u32, wordOf, type Meaning, type NotBuilt } from './meaning.js';
import { memoryArguments, memoryCall } from './memory-calls.js';
import { rawHypercall } from './raw-hypercalls.js';
import { configOf, toolstackArguments, toolstackCall } from './toolstack.js';

/** A recorded trace as steps of the contract, each with what the real hypervisor answered. */
export interface Translation {
  readonly name: string;
  readonly machine: Machine;
  /** Why no step of it can be judged. */
  readonly obstacle: string | undefined;
  /** The creation of the trace's domains. */
  readonly boot: readonly Judged[];
  /** In order; only those that the rig ran and that reach the hypervisor. */
  readonly results: readonly TranslatedResult[];
  /** The destruction of what is left, then the proof that no domain is left. */
  readonly teardown: readonly Judged[];
  /** Whether the recorded host had all its pages back afterwards. */
  readonly leftNothing: boolean;
}

export type TranslatedResult = JudgedResult | (NotBuilt & Numbered);
export interface JudgedResult extends Numbered {
  readonly judged: readonly Judged[];
}
export interface Numbered {
  /** Which step of the recorded trace. */
  readonly index: number;
  readonly operation: string;
}

export interface Judged {
  readonly step: Step;
  readonly expected: Expected;
}

/** Translates a trace. Throws a `RecordingError` where an argument or result has a wrong shape. */
export function translate(trace: RecordedTrace, paging: Paging = 'hap'): Translation {
  const { machine, obstacle } = machineFor(trace, paging);
  const rig = new Rig(trace, machine);
  const boot = trace.domains.map(({ id, config, rc }) => ({
    step: { op: 'create', domain: DomainId(id), config: configOf(config) } as const,
    expected: expectedRc(rc),
  }));
  const results: TranslatedResult[] = [];
  for (const [index, step] of trace.steps.entries()) {
    const meaning = rig.meaningOf(step);
    if (step.result === undefined || meaning === undefined) continue;
    const numbered = { index, operation: step.operation };
    const judged = 'notBuilt' in meaning ? meaning : judgedAgainst(meaning, step, rig);
    results.push('notBuilt' in judged ? { ...numbered, ...judged } : { ...numbered, judged });
  }
  return {
    name: trace.name,
    machine,
    obstacle,
    boot,
    results,
    teardown: rig.teardown(),
    leftNothing: trace.leftNothing,
  };
}

/** The steps of the contract that a step of the rig stands for; undefined where none do. */
export function stepsMeant(step: JsonObject): readonly Step[] | undefined {
  const fields = new Fields(step, 'step', '$');
  const { d = 0, op: _, ...args } = step;
  const meaning = new Rig({ domains: [], teardown: new Map(), leftNothing: false }).meaningOf({
    caller: Number(d),
    operation: fields.string('op'),
    arguments: fields.replaced(args),
    result: undefined,
  });
  if (meaning === undefined || 'notBuilt' in meaning) return undefined;
  return meaning.steps.some(holdsNaN) || meaning.steps.some(reachesApic)
    ? undefined
    : meaning.steps;
}

/** What the rig's driver remembers between steps. */
class Rig {
  readonly #trace: Begun;
  readonly #layouts = new Map<number, Layout>();
  /** Domains to destroy at the end, in order. */
  readonly #slots: Set<number>;
  /** Where the control domain found its grant table. */
  readonly #tableFrames: TableFrames;
  /** Something may be left in the windows of the control domain. */
  #hasWindows = false;
  /** Domains that somebody else acted on since their own last step. */
  readonly #actedOn = new Set<number>();

  constructor(trace: Begun, machine: Machine = presets.xen) {
    this.#trace = trace;
    this.#tableFrames = new TableFrames(machine);
    this.#slots = new Set(trace.domains.map(({ id }) => id));
    for (const { id, config } of trace.domains) this.#layouts.set(id, layoutOf(config));
  }

  /** What a step means; undefined for a step that never reaches the hypervisor. */
  meaningOf(step: RecordedStep): Meaning | NotBuilt | undefined {
    const { operation, caller, arguments: args } = step;
    if (operation === 'gtinfo') return this.#layOut(caller, args);
    this.#remember(operation, caller, args);
    this.#hasWindows ||= operation === 'mapforeign' || (operation === 'gnt.map' && caller === 0);
    return unlisted(operation, args) ?? this.#named(operation, caller, args);
  }

  #named(operation: string, caller: number, args: Fields): Meaning | NotBuilt {
    const [family = '', name] = operation.split('.');
    const by = DomainId(caller);
    if (Object.hasOwn(toolstackArguments, operation))
      return toolstackCall(operation, this.#tableFrames.renamed(operation, args));
    if (family === 'mem' && name !== undefined) return memoryCall(name, args, by);
    if (operation === 'hypercall') return rawHypercall(args, by);
    const layout = this.#layouts.get(caller) ?? bootLayout;
    if (by === CONTROL) return controlCall(operation, args, layout, this.#tableFrames);
    if (family === 'gnt' && name !== undefined) return grantCall(name, args, by);
    if (family === 'gt' && name !== undefined) return tableAccess(name, args, by, layout);
    return access(operation, args, by);
  }

  /** Whether somebody else may have had the caller crashed before this step of its own. */
  mayHaveCrashedEarlier(caller: number): boolean {
    return this.#actedOn.delete(caller);
  }

  teardown(): readonly Judged[] {
    // The rig empties so many windows before it destroys what is left.
    const emptied = Array.from({ length: this.#hasWindows ? 8 : 0 }, (_, window) => ({
      step: { op: 'unmap_window', window } as const,
      expected: expectedRc(0),
    }));
    const destroyed = [...this.#slots].map((id) => ({
      step: { op: 'destroy', domain: DomainId(id) } as const,
      expected: expectedRc(this.#trace.teardown.get(id) ?? null),
    }));
    if (!this.#trace.leftNothing) return [...emptied, ...destroyed];
    const ids = Array.from({ length: RIG_DOMAINS }, (_, i) => DomainId(i + 1));
    const gone = ids.map((domain) => ({
      step: { op: 'domain_info', domain } as const,
      expected: expectedRc('-ESRCH'),
    }));
    return [...emptied, ...destroyed, ...gone];
  }

  #layOut(caller: number, args: Fields): undefined {
    const set = args.object('set');
    const before = this.#layouts.get(caller) ?? bootLayout;
    this.#layouts.set(caller, {
      version: set.has('v') ? versionOf(set) : before.version,
      table: tableOf(set, before),
      statusTable: set.has('stab') ? set.quantity('stab') : before.statusTable,
    });
  }

  #remember(operation: string, caller: number, args: Fields): void {
    const domain = args.has('dom') && typeof args.raw('dom') === 'number' ? args.raw('dom') : -1;
    const id = typeof domain === 'number' ? domain : -1;
    if (operation === 'create') {
      this.#slots.add(id);
      this.#layouts.set(id, layoutOf(args));
    } else if (operation === 'destroy') {
      this.#slots.delete(id);
    }
    for (const other of actedOn(operation, args)) if (other !== caller) this.#actedOn.add(other);
  }
}

type Begun = Pick<RecordedTrace, 'domains' | 'teardown' | 'leftNothing'>;

const layoutOf = (config: Fields): Layout =>
  config.has('tab') ? { ...bootLayout, table: config.quantity('tab') } : bootLayout;

/** The control domain has its table in a window. */
function tableOf(set: Fields, before: Layout): bigint {
  if (set.has('va')) return withNumbers(set).quantity('va') >> 12n;
  return set.has('tab') ? set.quantity('tab') : before.table;
}

const versionOf = (set: Fields): 1 | 2 => (set.count('v', 1, 2) === 1 ? 1 : 2);

const families = new Map([
  ['gnt', grantArguments],
  ['mem', memoryArguments],
  ['gt', tableArguments],
]);
const plainArguments = { ...toolstackArguments, ...accessArguments };

/** Refuses an operation that is unknown, or has an argument that the translation would lose. */
function unlisted(operation: string, args: Fields): NotBuilt | undefined {
  const [family = '', name = ''] = operation.split('.');
  if (operation === 'hypercall') return undefined;
  const table = families.get(family) ?? plainArguments;
  const row = families.has(family) ? name : operation;
  const listed = Object.hasOwn(table, row) ? table[row] : undefined;
  if (listed === undefined) return notBuilt(operation);
  const unknown = args.keys().find((key) => !listed.includes(key));
  return unknown === undefined ? undefined : notBuilt(`${operation} with ${unknown}`);
}

/** Pairs the steps with what was recorded for them. */
function judgedAgainst(
  meaning: Meaning,
  recorded: RecordedStep,
  rig: Rig,
): readonly Judged[] | NotBuilt {
  const { caller, result } = recorded;
  const first = meaning.steps[0];
  if (result === undefined || first === undefined) return [];
  if (meaning.steps.some(holdsNaN)) return notBuilt('a number that no double holds');
  if (meaning.steps.some(reachesApic)) return notBuilt('the local APIC');
  const earlier = caller !== Number(CONTROL) && rig.mayHaveCrashedEarlier(caller);
  if (result.has('xport')) {
    const expected = lostGuest(result.string('xport'), earlier);
    return 'notBuilt' in expected ? expected : [{ step: first, expected }];
  }
  if (result.has('fault')) return [{ step: first, expected: faulted(result) }];
  const expected = meaning.expect(result);
  return meaning.steps.map((step, i) => ({
    step,
    expected: expected[i] ?? { is: 'inexpressible', text: 'nothing was recorded' },
  }));
}

function lostGuest(transport: string, earlier: boolean): Expected | NotBuilt {
  switch (transport) {
    case 'domain_crashed':
      return { is: 'crash', earlier };
    case 'no_domain':
      return { is: 'reply', reply: { is: 'no_domain' } };
    default:
      return notBuilt(`no answer: ${transport}`);
  }
}

function faulted(result: Fields): Expected {
  const fault = result.string('fault');
  switch (fault) {
    case '#GP':
      return { is: 'reply', reply: { is: 'fault', vector: '#GP' } };
    case '#PF': {
      const [code, linear] = [u32(result.quantity('err')), wordOf(result.quantity('cr2'), 8)];
      return { is: 'reply', reply: { is: 'page_fault', code, linear } };
    }
    default:
      return { is: 'inexpressible', text: `fault ${fault}` };
  }
}

function expectedRc(recorded: Json): Expected {
  const rc = rcOf(recorded);
  return rc === undefined
    ? { is: 'inexpressible', text: JSON.stringify(recorded) }
    : { is: 'reply', reply: { is: 'rc', rc } };
}

const holdsNaN = (value: unknown): boolean =>
  typeof value === 'object' && value !== null
    ? Object.values(value).some(holdsNaN)
    : Number.isNaN(value);
