import {
  presets,
  surfaces,
  type DomainConfig,
  type Machine,
  type PageRun,
  type Paging,
  type PresetName,
  type Surface,
} from '../abi/machine.js';
import { cpuText, parseCpu } from './cpu-words.js';
import { gfnText, listOf, listText, pairOf, parseGfn } from './names.js';
import { between, parseNumber, u32, type Range } from './numbers.js';
import { refuseToken, type Token, type Words } from './words.js';

/*
 * machine small domains=2 guest_frames=16 default.pages=9
 * machine paged paging=hap tlb_entries=4 address_bits=36 pse36=off
 *
 * A preset and what differs from it. A machine of another name is written over `small`, and says
 * `name=`. The keys are the field names of abi/machine.ts, in snake case.
 */

type NumericField = Exclude<keyof Machine, 'name' | 'surface' | 'paging' | 'cpu' | 'defaults'>;

/** A machine outside these bounds is refused: nothing could be built for it. */
const bounds: Readonly<Record<NumericField, Range>> = {
  domains: between(0, 1024),
  vcpus: between(1, 128),
  guestFrames: between(0, 2 ** 20),
  controlPages: between(0, 2 ** 10),
  gfnLimit: between(1, 2 ** 40),
  p2mTableFrames: between(1, 2 ** 16),
  refsPerFrame: { ...between(2, 512), what: 'an even number from 2 to 512' },
  statusesPerFrame: between(1, 2048),
  reservedRefs: between(0, 512),
  grantFramesMaximum: between(1, 1024),
  handlesPerFrame: between(1, 1024),
  maptrackFramesMaximum: between(0, 2 ** 16),
  pinLimit: between(1, 255),
  pauseLimit: between(0, 255),
  guestOrder: between(0, 18),
  controlOrder: between(0, 18),
  unmapBatch: between(1, 2 ** 16),
  typeBatch: between(1, 2 ** 16),
  resourceBatch: between(1, 2 ** 16),
  compatAreaBytes: between(48, 2 ** 16),
  demandsRemembered: between(1, 2 ** 10),
  sweepLength: between(0, 2 ** 20),
  sweepStride: between(1, 2 ** 10),
  shadowFrames: between(1, 2 ** 16),
  tlbEntries: { ...between(1, 2 ** 16), what: 'a power of two from 1 to 65536' },
  preemptionBudget: between(1, 2 ** 20),
};
/** `Object.keys` forgets the type of keys; this list is checked against `bounds` by the compiler. */
const numericFields: readonly NumericField[] = [
  'domains',
  'vcpus',
  'guestFrames',
  'controlPages',
  'gfnLimit',
  'p2mTableFrames',
  'refsPerFrame',
  'statusesPerFrame',
  'reservedRefs',
  'grantFramesMaximum',
  'handlesPerFrame',
  'maptrackFramesMaximum',
  'pinLimit',
  'pauseLimit',
  'guestOrder',
  'controlOrder',
  'unmapBatch',
  'typeBatch',
  'resourceBatch',
  'compatAreaBytes',
  'demandsRemembered',
  'sweepLength',
  'sweepStride',
  'shadowFrames',
  'tlbEntries',
  'preemptionBudget',
];

const DEFAULT_PREFIX = 'default.';

/** What follows the word `machine`. */
export function machineText(machine: Machine): string {
  const preset = isPreset(machine.name) ? machine.name : 'small';
  const base = presets[preset];
  return [
    preset,
    ...(preset === machine.name ? [] : [`name=${machine.name}`]),
    ...(machine.surface === base.surface ? [] : [`surface=${machine.surface}`]),
    ...(machine.paging === base.paging ? [] : [`paging=${machine.paging}`]),
    ...numericFields
      .filter((field) => machine[field] !== base[field])
      .map((field) => `${snake(field)}=${machine[field]}`),
    ...cpuText(machine.cpu, base.cpu),
    ...configText(machine.defaults, base.defaults, DEFAULT_PREFIX),
  ].join(' ');
}

/** Reads what `machineText` wrote. Throws TraceError. */
export function parseMachine(words: Words): Machine {
  const token = words.next('the name of a machine');
  if (!isPreset(token.text))
    return refuseToken(token, `a machine (${Object.keys(presets).join(', ')})`);
  const base: Machine = presets[token.text];
  const machine: { -readonly [Field in keyof Machine]: Machine[Field] } = { ...base };
  machine.name = words.optional('name')?.text ?? base.name;
  machine.surface = parseSurface(words.optional('surface')) ?? base.surface;
  machine.paging = parsePaging(words.optional('paging')) ?? base.paging;
  const given = new Map<NumericField, Token>();
  for (const field of numericFields) {
    const value = words.optional(snake(field));
    if (value !== undefined) {
      machine[field] = parseField(field, value);
      given.set(field, value);
    }
    if (field === 'shadowFrames' && value !== undefined && machine.paging === 'shadow')
      machine[field] = parseNumber(value, roomFor(machine));
  }
  machine.cpu = parseCpu(words, base.cpu);
  machine.defaults = parseConfig(words, base.defaults, DEFAULT_PREFIX);
  words.end();
  checkTogether(machine, given.get('reservedRefs') ?? given.get('refsPerFrame') ?? token, token);
  return machine;
}

/** What no field says by itself. */
function checkTogether(machine: Machine, refs: Token, all: Token): void {
  const { reservedRefs, refsPerFrame } = machine;
  if (reservedRefs > refsPerFrame / 2)
    refuseToken(
      refs,
      `at most ${refsPerFrame / 2} reserved refs, which one frame of version 2 has`,
    );
  const shadows = machine.paging === 'shadow' ? machine.shadowFrames : 0;
  const each = machine.p2mTableFrames + 2 * machine.grantFramesMaximum + shadows;
  const frames = machine.guestFrames + machine.controlPages + machine.domains * each;
  if (frames > FRAMES_LIMIT)
    refuseToken(all, `a machine of at most ${FRAMES_LIMIT} frames in all, this one has ${frames}`);
}

/** Of all kinds together: 8 GiB of memory are more than any test needs. */
const FRAMES_LIMIT = 2 ** 21;

/** What of `config` differs from `base`, as words. */
export function configText(config: DomainConfig, base: DomainConfig, prefix = ''): string[] {
  const ram = listText(config.ram.map(runText));
  const table = config.tableGfn === undefined ? 'none' : gfnText(config.tableGfn);
  const differences: readonly (readonly [boolean, string])[] = [
    [ram !== listText(base.ram.map(runText)), `ram=${ram}`],
    [config.maximumPages !== base.maximumPages, `pages=${config.maximumPages}`],
    [config.grantFrames !== base.grantFrames, `grant_frames=${config.grantFrames}`],
    [config.maptrackFrames !== base.maptrackFrames, `maptrack_frames=${config.maptrackFrames}`],
    [config.grantVersion !== base.grantVersion, `grant_version=${config.grantVersion}`],
    [config.tableGfn !== base.tableGfn, `table=${table}`],
  ];
  return differences.filter(([differs]) => differs).map(([, text]) => prefix + text);
}

/** Reads what `configText` wrote; it leaves other words for the caller. Throws TraceError. */
export function parseConfig(words: Words, base: DomainConfig, prefix = ''): DomainConfig {
  const ram = words.optional(`${prefix}ram`);
  const number = (key: string, value: number, range: Range): number => {
    const token = words.optional(prefix + key);
    return token === undefined ? value : parseNumber(token, range);
  };
  const pages = number('pages', base.maximumPages, between(0, 2 ** 53));
  const grantFrames = number('grant_frames', base.grantFrames, frames);
  const maptrackFrames = number('maptrack_frames', base.maptrackFrames, frames);
  const grantVersion = number('grant_version', base.grantVersion, u32);
  const table = words.optional(`${prefix}table`);
  return {
    ram: ram === undefined ? base.ram : listOf(ram, parseRun),
    maximumPages: pages,
    grantFrames,
    maptrackFrames,
    grantVersion,
    tableGfn: table === undefined ? base.tableGfn : parseTable(table),
  };
}

/** A count of frames, or -1 for the machine's maximum. */
const frames = between(-1, 0xffff_ffff);

const runText = (run: PageRun): string => `${gfnText(run.gfn)}+${run.count}`;

function parseRun(token: Token): PageRun {
  const [gfn, count] = pairOf(token, '+');
  if (count === undefined) return refuseToken(token, 'a run of pages (0x0+8)');
  return { gfn: parseGfn(gfn), count: parseNumber(count, u32) };
}

const parseTable = (token: Token): number | undefined =>
  token.text === 'none' ? undefined : parseGfn(token);

function parseField(field: NumericField, token: Token): number {
  const value = parseNumber(token, bounds[field]);
  if (field === 'tlbEntries' && !Number.isInteger(Math.log2(value)))
    refuseToken(token, bounds[field].what);
  if (field === 'refsPerFrame' && value % 2 !== 0) refuseToken(token, bounds[field].what);
  return value;
}

/** A pool holds what one access needs, while every vcpu keeps the tables it starts from. */
const roomFor = ({ vcpus }: Machine): Range => between(4 * vcpus + 6, 2 ** 16);

function parsePaging(token: Token | undefined): Paging | undefined {
  if (token === undefined) return undefined;
  if (token.text === 'hap' || token.text === 'shadow') return token.text;
  return refuseToken(token, 'hap or shadow');
}

function parseSurface(token: Token | undefined): Surface | undefined {
  if (token === undefined) return undefined;
  return surfaces.find((each) => each === token.text) ?? refuseToken(token, surfaces.join(' or '));
}

const isPreset = (name: string): name is PresetName => Object.hasOwn(presets, name);

const snake = (field: string): string =>
  field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
