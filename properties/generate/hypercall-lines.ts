import { GNTCOPY_dest_gref } from '../../abi/grant-table.js';
import { DOMID_SELF, Gfn, GuestPhysical, type VcpuId } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import {
  marshalledCalls,
  type Line,
  type MarshalledCall,
  type MarshalledLine,
} from '../../abi/program.js';
import type { Accessor, Hypercall, SetupTable } from '../../abi/step.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import { theDomain } from '../../model/derived.js';
import { linearNumber, modeOf, vcpuOf } from '../../model/registers.js';
import type { Domain } from '../../model/state.js';
import { walks } from '../../model/walk.js';
import { percent, pick } from '../choose.js';
import { wordOf } from '../marshal/structure.js';
import { madeAgain, patchedLine } from './again-lines.js';
import { copyLine } from './copy-lines.js';
import { linearFor } from './linear-lines.js';
import { mapLine } from './map-lines.js';
import { exchangeLine, physmapLine } from './physmap-lines.js';
import { addressOf, ramGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';
import { tableLine } from './table-lines.js';
import { unmapLine } from './unmap-lines.js';

/** A guest makes a call by its registers, with the arguments in its memory. */
export function hypercallLine(scene: Scene): Line | undefined {
  const caller = scene.running();
  if (caller === undefined) return undefined;
  const vcpu = scene.vcpu;
  if (percent(scene.choose, 10)) return stoppedTwice(scene, caller, vcpu);
  const patch = percent(scene.choose, 14) ? patchedLine(scene) : undefined;
  if (patch !== undefined) return patch;
  if (percent(scene.choose, scene.hostile() ? 50 : 12)) return anyCall(scene, caller, vcpu);
  const line = callLine(scene, caller);
  // A map may need its grant first.
  return isCall(line) && line.caller === caller.id ? inMemory(scene, { ...line, vcpu }) : line;
}

/** A memory operation with its extents in memory is stopped, gone on with, and stopped once more. */
function stoppedTwice(scene: Scene, caller: Domain, vcpu: VcpuId): Line {
  scene.wantsBatch = true;
  const call = physmapLine(scene, caller);
  scene.wantsBatch = false;
  if (!isCall(call) || call.caller !== caller.id) return call;
  const by = { caller: caller.id, vcpu };
  const interrupt = (): Line => ({ op: 'interrupt', ...by, after: 1 + scene.choose.below(2) });
  const resume: Line = { op: 'resume', ...by };
  const line = inMemory(scene, { ...call, vcpu });
  scene.followUps.push(line, interrupt(), resume, interrupt(), resume, resume);
  return interrupt();
}

/** The same call by registers, with its arguments in the caller's memory. */
export function inMemory(scene: Scene, call: MarshalledCall): MarshalledLine {
  const { caller: id, vcpu } = call;
  const caller = theDomain(scene.state, id);
  const linear = linearOf(scene, caller, vcpu);
  const marshalledLine: MarshalledLine = {
    op: 'marshalled',
    caller: id,
    vcpu,
    ...manner(scene),
    place: placeOf(scene, caller, vcpu, linear),
    linear,
    count: countFor(scene, call),
    call,
  };
  const over = percent(scene.choose, 15) ? overItself(marshalledLine) : marshalledLine;
  scene.attention.passed = over;
  return over;
}

function countFor(scene: Scene, { op }: MarshalledCall): number | undefined {
  // So many elements there are never, but some calls have one argument whatever the count is.
  const isOne = op === 'get_version' || op === 'set_version';
  if (isOne && percent(scene.choose, 12)) return abi.COUNT_MAXIMUM;
  return scene.hostile() ? pick(scene.choose, strangeCounts) : undefined;
}

/** The call changes what is at the gfn of its own argument, where it can. */
function overItself(line: MarshalledLine): MarshalledLine {
  const { call, place } = line;
  const gfn = Gfn(Math.floor(place / PAGE_BYTES));
  switch (call.op) {
    case 'map': {
      const [first, ...others] = call.elements;
      if (first === undefined) return line;
      return { ...line, call: { ...call, elements: [{ ...first, address: place }, ...others] } };
    }
    case 'populate_physmap':
    case 'decrease_reservation':
      return { ...line, call: { ...call, extents: [gfn, ...call.extents] } };
    case 'add_to_physmap_batch': {
      const [first, ...others] = call.entries;
      if (first === undefined) return line;
      return { ...line, call: { ...call, entries: [{ ...first, gfn }, ...others] } };
    }
    case 'copy': {
      // The first element is copied over one of the others.
      const [first, ...others] = call.elements;
      if (first === undefined) return line;
      const { bytes } = abi.structures[line.layout].copy;
      const offset = (place % PAGE_BYTES) + bytes * others.length;
      const dest = { domain: DOMID_SELF, at: gfn, offset };
      const flags = first.flags & ~GNTCOPY_dest_gref;
      return { ...line, call: { ...call, elements: [{ ...first, dest, flags }, ...others] } };
    }
    case 'add_to_physmap':
      return { ...line, call: { ...call, gfn } };
    default:
      return line;
  }
}

const strangeCounts = [0, 1, 2, 7, 0x8000_0000, 0xffff_ffff] as const;

/** Some call, by values, that could be made by registers just as well. */
export function marshalledCallLine(scene: Scene): MarshalledCall | undefined {
  const caller = scene.running();
  const line = caller === undefined ? undefined : callLine(scene, caller);
  return line !== undefined && isCall(line) && line.caller === caller?.id ? line : undefined;
}

function callLine(scene: Scene, caller: Domain): Line {
  const way = scene.choose.below(100);
  scene.wantsBatch = percent(scene.choose, 40);
  const line =
    way < 30
      ? mapLine(scene, caller)
      : way < 48
        ? unmapLine(scene, caller)
        : way < 66
          ? copyLine(scene, caller)
          : way < 80
            ? listedTable(scene, caller)
            : way < 83
              ? exchangeLine(scene, caller)
              : physmapLine(scene, caller);
  scene.wantsBatch = false;
  return line;
}

/** The list of setup_table is at a linear address here: mostly behind the argument, or at an edge. */
function listedTable(scene: Scene, caller: Domain): Line {
  const { choose } = scene;
  if (percent(choose, 30)) return edgeOfList(scene, caller);
  const line = tableLine(scene, caller);
  if (line.op !== 'setup_table' || percent(choose, 30)) return line;
  return { ...line, list: undefined };
}

/** Where RAM ends, or begins again, both by the usual page tables and without any. */
const edgesOfRam = [
  0x3ffc, 0x3ffa, 0x7ffc, 0x7ffa, 0xfffc, 0xfffa, 0x6ffc, 0x6ff8, 0x1_fffc, 0x1_fff8,
] as const;

const edgeOfList = (scene: Scene, caller: Domain): SetupTable => ({
  op: 'setup_table',
  caller: caller.id,
  vcpu: scene.vcpu,
  target: DOMID_SELF,
  frames: 1 + scene.choose.below(caller.grantFramesMaximum),
  count: 1,
  list: GuestPhysical(pick(scene.choose, edgesOfRam)),
});

export const isCall = (line: Line): line is MarshalledCall =>
  Object.hasOwn(marshalledCalls, line.op);

const manner = (scene: Scene): { readonly layout: abi.Layout; readonly as: Accessor } => ({
  layout: percent(scene.choose, 60) ? 'native' : 'compat',
  as: scene.hostile() ? pick(scene.choose, ['user', 'implicit']) : pick(scene.choose, kernels),
});

const kernels: readonly Accessor[] = ['kernel', 'kernel', 'kernel_ac'];

/** Where the hypervisor is told that the arguments are. */
function linearOf(scene: Scene, caller: Domain, vcpu: VcpuId): Word {
  const { choose } = scene;
  const mode = modeOf(vcpuOf(scene.state, caller.id, vcpu));
  if (mode === 'unpaged') {
    const gfn = percent(choose, 80) ? ramGfn(scene, caller) : usedGfn(scene, caller);
    return wordOf(addressOf(gfn, byteFor(scene)));
  }
  for (let attempt = 0; attempt < 4; attempt++) {
    const linear = linearFor(scene, caller, vcpu);
    if (gfnAt(scene, caller, vcpu, linear) === undefined) continue;
    scene.attention.through({ domain: caller.id, vcpu, linear });
    const byte = (linear.low % PAGE_BYTES) + (percent(choose, 50) ? 0 : byteFor(scene));
    return { low: linear.low - (linear.low % PAGE_BYTES) + (byte % PAGE_BYTES), high: linear.high };
  }
  return linearFor(scene, caller, vcpu);
}

const bytesBeforeEnd = [64, 40, 32, 24, 20, 8, 3] as const;

/** In the page: at its start, somewhere in it, or so that an argument runs over its end. */
const byteFor = (scene: Scene): number =>
  pick(scene.choose, [
    0,
    0,
    0x40,
    0x80,
    0x800,
    ...bytesBeforeEnd.map((bytes) => PAGE_BYTES - bytes),
  ]);

/** Where the arguments are stored: where they are looked for, if that is known and mostly. */
function placeOf(
  scene: Scene,
  caller: Domain,
  vcpu: VcpuId,
  linear: Word,
): MarshalledLine['place'] {
  const gfn = gfnAt(scene, caller, vcpu, linear);
  const known = gfn === undefined || scene.hostile() ? ramGfn(scene, caller) : Gfn(gfn);
  return addressOf(known, linear.low % PAGE_BYTES);
}

function gfnAt(scene: Scene, caller: Domain, vcpu: VcpuId, linear: Word): number | undefined {
  const mode = modeOf(vcpuOf(scene.state, caller.id, vcpu));
  const [walk] = walks([scene.state], caller.id, vcpu, linearNumber(linear, mode), true);
  return walk === undefined || 'refusal' in walk ? undefined : walk.gfn;
}

/** Registers that nobody stored arguments for: what is in memory is taken for them. */
function anyCall(scene: Scene, caller: Domain, vcpu: VcpuId): Hypercall {
  const { choose } = scene;
  const again = percent(choose, 60) ? madeAgain(scene) : undefined;
  if (again !== undefined) return again;
  const isGrant = percent(choose, 50);
  const operation = pick(choose, isGrant ? grantCommands : memoryCommands);
  const first = !isGrant && percent(choose, 50) ? pick(choose, [1, 1, 2, 3, 0x1_0000]) : 0;
  return {
    op: 'hypercall',
    caller: caller.id,
    vcpu,
    ...manner(scene),
    number: scene.hostile() && percent(choose, 30) ? 99 : isGrant ? 20 : 12,
    command: operation + first * 2 ** abi.MEMOP_EXTENT_SHIFT,
    argument: linearOf(scene, caller, vcpu),
    count: pick(choose, [1, 1, 2, 3, 0, 0x8000_0000]),
  };
}

const grantCommands = [0, 1, 2, 5, 6, 8, 10, 11, 3, 9, 12, 0x100a] as const;
const memoryCommands = [0, 1, 3, 4, 6, 7, 7, 11, 11, 14, 15, 23, 23, 35, 63] as const;
