import {
  CONTROL,
  Gfn,
  GrantRef,
  GuestPhysical,
  Handle,
  VcpuId,
  type DomainId,
} from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import { statuses, type Status } from '../../abi/status.js';
import type { CopyElement, CopySide, GrantCall, ReplaceElement, Step } from '../../abi/step.js';
import type { Expected } from './expected.js';
import type { Fields } from './fields.js';
import { transferStep, writeBackCall } from './frame-calls.js';
import { isList } from './fields.js';
import {
  domainOf,
  expectation,
  frameOf,
  notBuilt,
  rcOf,
  rcReply,
  single,
  u16,
  u32,
  u64,
  valued,
  type Meaning,
  type NotBuilt,
} from './meaning.js';
import { elsewhere } from './raw-hypercalls.js';

/** Arguments that a grant operation may carry; any other makes it an operation not built. */
export const grantArguments: Readonly<Record<string, readonly string[]>> = {
  map: ['dom', 'ref', 'gfn', 'addr', 'flags', 'ops', 'count'],
  unmap: ['gfn', 'addr', 'handle', 'dev_bus_addr', 'ops', 'count'],
  copy: ['src', 'dst', 'len', 'flags', 'ops', 'count'],
  swap: ['a', 'b', 'ops', 'count'],
  setup_table: ['dom', 'nr_frames', 'count', 'frame_list'],
  query_size: ['dom', 'count', 'uop'],
  // The hypervisor ignores the count of these two (grants.md 5.2).
  set_version: ['version', 'count', 'uop'],
  get_version: ['dom', 'count', 'uop'],
  unmap_replace: ['gfn', 'addr', 'handle', 'new_gfn', 'new_addr', 'ops'],
  status_frames: ['dom', 'nr_frames', 'frame_list'],
  transfer: ['mfn', 'dom', 'ref', 'ops', 'count'],
  dump_table: ['dom'],
  cache_flush: ['addr', 'off', 'len', 'flags', 'ops'],
};

/** A recorded `gnt.*` operation of a guest, as the hypercall that it was. */
export function grantCall(name: string, args: Fields, caller: DomainId): Meaning | NotBuilt {
  const by = { caller, vcpu: VcpuId(0) };
  const command = args.has('uop') ? commands.get(name) : undefined;
  if (command !== undefined) return elsewhere(args, caller, command, countOf(args));
  switch (name) {
    case 'map':
      return batched(args, (each) => ({ ...by, op: 'map', elements: each.map(mapElement) }));
    case 'unmap':
      return batched(args, (each) => ({ ...by, op: 'unmap', elements: each.map(unmapElement) }));
    case 'copy':
      return batched(args, (each) => ({ ...by, op: 'copy', elements: each.map(copyElement) }));
    case 'swap':
      return batched(args, (each) => ({ ...by, op: 'swap', elements: each.map(swapElement) }));
    case 'setup_table':
      return setupTable(args, by);
    case 'query_size':
      return single({ ...by, op: 'query_size', target: target(args), count: countOf(args) }, size);
    case 'set_version':
      return single({ ...by, op: 'set_version', version: u32(args.quantity('version')) }, version);
    case 'get_version':
      return single({ ...by, op: 'get_version', target: target(args) }, version);
    case 'unmap_replace':
      if (caller !== CONTROL)
        return valued({ ...by, op: 'refused_grant_call', name: 'unmap_and_replace' });
      return batched(args, (each) => {
        return { ...by, op: 'unmap_and_replace', elements: each.map(replaceElement) };
      });
    case 'status_frames':
      return statusFrames(args, by);
    case 'transfer':
      if (caller !== CONTROL) return valued({ ...by, op: 'refused_grant_call', name });
      return batched(args, transferStep);
    case 'cache_flush':
      if (caller !== CONTROL) return valued({ ...by, op: 'refused_grant_call', name });
      return writeBackCall(args.has('ops') ? args.objects('ops') : [args]);
    default: {
      const refused = refusedNames.get(name);
      if (refused === undefined) return notBuilt(`gnt.${name}`);
      return valued({ ...by, op: 'refused_grant_call', name: refused });
    }
  }
}

/** The operations whose argument a recording may have had elsewhere. */
const commands = new Map([
  ['query_size', abi.GNTTABOP_query_size],
  ['set_version', abi.GNTTABOP_set_version],
  ['get_version', abi.GNTTABOP_get_version],
]);

type By = { readonly caller: DomainId; readonly vcpu: VcpuId };

const refusedNames = new Map([
  ['dump_table', 'dump_table'],
  ['unmap_replace', 'unmap_and_replace'],
  ['status_frames', 'get_status_frames'],
] as const) as ReadonlyMap<string, (GrantCall & { op: 'refused_grant_call' })['name']>;

const target = (args: Fields): DomainId => domainOf(args, 'dom');
const countOf = (args: Fields): number => (args.has('count') ? args.count('count', 0, U32) : 1);
const U32 = 0xffff_ffff;

/** A batch: one element given by the arguments themselves, or several in `ops`. */
function batched(args: Fields, build: (elements: readonly Fields[]) => Step): Meaning | NotBuilt {
  const all = args.has('ops') ? args.objects('ops') : [args];
  const passed = args.has('count') ? countOf(args) : all.length;
  if (passed > all.length) return notBuilt('count beyond the elements');
  return single(build(all.slice(0, passed)), (result) => batchReply(result, passed));
}

function batchReply(result: Fields, passed: number): Reply | undefined {
  const rc = rcOf(result.raw('rc'));
  if (rc !== 0) return rcReply(result);
  const all = result.has('ops') ? result.objects('ops') : [result];
  if (all.length < passed) result.refuse('ops', `the results of ${passed} elements`);
  const elements = all.slice(0, passed).map(elementReply);
  return { is: 'statuses', elements };
}

function elementReply(result: Fields): ElementReply {
  const status = statusOf(result);
  if (!result.has('handle')) return { status };
  return { status, handle: Handle(u32(result.quantity('handle'))), frame: frameOf(result) };
}

const statusOf = (result: Fields): Status =>
  statuses.find((name) => name === result.raw('status')) ?? result.refuse('status', 'a status');

function mapElement(args: Fields): (GrantCall & { op: 'map' })['elements'][number] {
  return {
    granter: target(args),
    ref: GrantRef(args.has('ref') ? u32(args.quantity('ref')) : 0),
    address: hostAddress(args),
    flags: mapFlags(args),
  };
}

/** `addr`, or the start of page `gfn`; 0 where neither is given. */
function hostAddress(args: Fields): GuestPhysical {
  if (args.has('addr')) return GuestPhysical(u64(args.quantity('addr')));
  return GuestPhysical(args.has('gfn') ? u64(args.quantity('gfn') << 12n) : 0);
}

const mapFlagNames = new Map([
  ['device', 1],
  ['host', 2],
  ['readonly', 4],
  ['application', 8],
  ['pte', 16],
]);

/** Flags by number, or a list of names and numbers; host_map where nothing is said. */
function mapFlags(args: Fields): number {
  const flags = args.raw('flags');
  if (flags === undefined) return 2;
  if (!isList(flags)) return u32(args.quantity('flags'));
  return flags.reduce((sum: number, flag) => {
    const named = typeof flag === 'string' ? mapFlagNames.get(flag) : undefined;
    return (sum | (named ?? u32(args.asQuantity(flag, 'flags')))) >>> 0;
  }, 0);
}

function unmapElement(args: Fields): (GrantCall & { op: 'unmap' })['elements'][number] {
  return {
    handle: Handle(args.has('handle') ? u32(args.quantity('handle')) : 0),
    address: hostAddress(args),
    deviceAddress: args.has('dev_bus_addr') ? u64(args.quantity('dev_bus_addr')) : 0,
  };
}

const replaceElement = (args: Fields): ReplaceElement => ({
  handle: Handle(args.has('handle') ? u32(args.quantity('handle')) : 0),
  address: hostAddress(args),
  newAddress: GuestPhysical(args.has('new_addr') ? u64(args.quantity('new_addr')) : 0),
});

function statusFrames(args: Fields, by: By): Meaning {
  if (by.caller !== CONTROL)
    return valued({ ...by, op: 'refused_grant_call', name: 'get_status_frames' });
  const frames = args.has('nr_frames') ? u32(args.quantity('nr_frames')) : 1;
  const step: Step = { ...by, op: 'get_status_frames', target: target(args), frames, count: 1 };
  return single(step, tableReply);
}

function copyElement(args: Fields): CopyElement {
  const [source, dest] = [args.object('src'), args.object('dst')];
  const byRef = (source.has('ref') ? 1 : 0) | (dest.has('ref') ? 2 : 0);
  return {
    source: copySide(source),
    dest: copySide(dest),
    length: args.has('len') ? u16(args.quantity('len')) : 16,
    flags: args.has('flags') ? u16(args.quantity('flags')) : byRef,
  };
}

function copySide(side: Fields): CopySide {
  const frame = side.has('gfn') ? u64(side.quantity('gfn')) : 0;
  return {
    domain: target(side),
    at: side.has('ref') ? u32(side.quantity('ref')) : frame,
    offset: side.has('off') ? u16(side.quantity('off')) : 0,
  };
}

const swapElement = (args: Fields): { first: GrantRef; second: GrantRef } => ({
  first: GrantRef(u32(args.quantity('a'))),
  second: GrantRef(u32(args.quantity('b'))),
});

function setupTable(args: Fields, by: By): Meaning {
  const frames = args.has('nr_frames') ? u32(args.quantity('nr_frames')) : 1;
  const list = args.has('frame_list') ? GuestPhysical(u64(args.quantity('frame_list'))) : undefined;
  const step: Step = {
    ...by,
    op: 'setup_table',
    target: target(args),
    frames,
    count: countOf(args),
    list,
  };
  if (list === undefined) return single(step, tableReply);
  // The list went where the guest asked for it; what was recorded is the rig's own, untouched one.
  const expect = (result: Fields): readonly Expected[] => {
    const reply = tableReply(result);
    const isListed = reply?.is === 'table' && reply.status === 'okay';
    return [isListed ? { is: 'listed' } : expectation(reply, result)];
  };
  return { steps: [step], expect };
}

function tableReply(result: Fields): Reply | undefined {
  if (rcOf(result.raw('rc')) !== 0) return rcReply(result);
  const status = statusOf(result);
  const listed = status === 'okay' ? result.quantities('frames') : [];
  return { is: 'table', status, frames: listed.map((gfn) => Gfn(u64(gfn))) };
}

function size(result: Fields): Reply | undefined {
  if (rcOf(result.raw('rc')) !== 0) return rcReply(result);
  const status = statusOf(result);
  const okay = status === 'okay';
  return {
    is: 'size',
    status,
    frames: okay ? result.count('nr_frames', 0, U32) : 0,
    maximum: okay ? result.count('max_nr_frames', 0, U32) : 0,
  };
}

function version(result: Fields): Reply | undefined {
  const rc = rcOf(result.raw('rc'));
  const reported = ([0, 1, 2] as const).find((n) => n === result.raw('version'));
  return rc === undefined || reported === undefined
    ? undefined
    : { is: 'version', rc, version: reported };
}
