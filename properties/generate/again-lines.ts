import { NO_HANDLE, GuestPhysical } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import type { Field, Layout } from '../../abi/layouts.js';
import type { Line, MarshalledCall } from '../../abi/program.js';
import type { Hypercall } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import { isRunning } from '../../model/derived.js';
import { pick } from '../choose.js';
import { marshalled } from '../marshal/marshal.js';
import { aligned } from '../marshal/structure.js';
import type { Scene } from './scene.js';

/** The registers of the call that was passed in memory last, if who made it still runs. */
function passedCall(scene: Scene): Hypercall | undefined {
  const { passed } = scene.attention;
  const domain = passed === undefined ? undefined : scene.domain(passed.caller);
  if (passed === undefined || domain === undefined || !isRunning(domain)) return undefined;
  const call = marshalled(passed, () => NO_HANDLE).at(-1);
  return call?.op === 'hypercall' ? call : undefined;
}

/** The memory operation made last, with what is at its arguments now; often from an extent on. */
export function madeAgain(scene: Scene): Hypercall | undefined {
  const call = passedCall(scene);
  const { passed } = scene.attention;
  if (passed === undefined || call?.number !== abi.HYPERVISOR_memory_op) return undefined;
  const size = unitsOf(passed.call);
  const first = pick(scene.choose, [size, size, size + 1, Math.max(0, size - 1), 0, 1, 2]);
  return { ...call, command: call.command + first * 2 ** abi.MEMOP_EXTENT_SHIFT };
}

function unitsOf(call: MarshalledCall): number {
  if ('extents' in call) return call.extents.length;
  if ('entries' in call) return call.entries.length;
  if (call.op === 'add_to_physmap') return call.size;
  return call.op === 'increase_reservation' ? call.count : 1;
}

/** A field of the arguments passed last gets a value at an edge, and the call is made again. */
export function patchedLine(scene: Scene): Line | undefined {
  const call = passedCall(scene);
  const { passed } = scene.attention;
  if (passed === undefined || call === undefined) return undefined;
  const edges = edgesOf(passed.call.op, passed.layout);
  if (edges.length === 0) return undefined;
  const { at, values } = pick(scene.choose, edges);
  scene.followUps.push(call);
  return {
    op: 'store',
    caller: passed.caller,
    vcpu: passed.vcpu,
    address: GuestPhysical(passed.place + at[0]),
    size: at[1],
    value: pick(scene.choose, values),
  };
}

interface Edge {
  readonly at: Field;
  readonly values: readonly Word[];
}

const small = (...numbers: readonly number[]): readonly Word[] =>
  numbers.map((low) => ({ low, high: 0 }));
/** All ones, and what a double rounds to that. */
const allOnes: readonly Word[] = [
  { low: 0xffff_ffff, high: 0xffff_ffff },
  { low: 0xffff_fffe, high: 0xffff_ffff },
  { low: 0xffff_ff00, high: 0xffff_ffff },
];
/** One bit too few for a page, none, and one enough: of an address. */
const bits = small(abi.ADDRESS_BITS_OF_A_PAGE, abi.ADDRESS_BITS_OF_A_PAGE + 1, 1, 0x1_0000);

/** Fields of the arguments of an operation, each with its edges. */
function edgesOf(op: MarshalledCall['op'], layout: Layout): readonly Edge[] {
  const { reservation, exchange, addToPhysmap, addToPhysmapBatch, map, frame } = {
    ...abi.structures.native,
    ...abi.structures[layout],
  };
  switch (op) {
    case 'populate_physmap':
    case 'decrease_reservation': {
      const list = aligned(reservation.bytes);
      const first: Field = [list, frame.bytes];
      return [
        { at: reservation.flags, values: bits },
        { at: reservation.count, values: small(0, abi.EXTENTS_MAXIMUM + 1, 7, 8) },
        { at: first, values: allOnes },
      ];
    }
    case 'increase_reservation':
      return [{ at: reservation.flags, values: bits }];
    case 'exchange': {
      const taken = exchange.taken + reservation.count[0];
      return [
        { at: exchange.done, values: small(1, 1, 2, 3) },
        { at: [taken, reservation.count[1]], values: small(0, 1, 2) },
      ];
    }
    case 'add_to_physmap':
      return [
        { at: addToPhysmap.index, values: allOnes },
        { at: addToPhysmap.gfn, values: allOnes },
        { at: addToPhysmap.size, values: small(0, 1, 2, 3) },
      ];
    case 'add_to_physmap_batch':
      return [
        { at: addToPhysmapBatch.size, values: small(0, 1, 2, 5) },
        { at: [aligned(addToPhysmapBatch.bytes), frame.bytes], values: allOnes },
        { at: addToPhysmapBatch.space, values: small(0, 2, 3, 99) },
      ];
    case 'map':
      return [{ at: map.address, values: allOnes }];
    default:
      return [];
  }
}
