import * as layouts from '../abi/layouts.js';
import { Gfn } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import { XENMAPSPACE_gmfn_range } from '../abi/step.js';
import type { Hypercall, PreemptibleCall } from '../abi/step.js';
import { count } from '../values/keyed.js';
import { after as furtherOn, argumentOf } from './buffers.js';
import { missingPages } from './demand-target.js';
import { guestOf } from './domains.js';
import type { State } from './state.js';

/** The units that a call consists of: it may be stopped between two of them ([B2]). */

/**
 * Where a call may stop: after each of its elements, extents or entries but the last; where some are done
 * together, only after these. Something is always done first.
 */
export function testPoint({ machine }: State, call: PreemptibleCall, after: number): number {
  const together = batchOf(machine, call);
  return Math.ceil(Math.max(1, after) / together) * together;
}

/** How many units of a call are done before it is looked whether it has to stop. */
function batchOf({ unmapBatch, typeBatch, resourceBatch }: Machine, call: PreemptibleCall): number {
  if (call.op === 'set_memory_type') return typeBatch;
  if (call.op === 'acquire_resource') return resourceBatch;
  const isUnmap = call.op === 'unmap' || call.op === 'unmap_and_replace';
  const isInMemory = call.op === 'hypercall' && call.command === layouts.GNTTABOP_unmap_grant_ref;
  return isUnmap || isInMemory ? unmapBatch : 1;
}

/** How many elements, extents or entries a call has; a destruction has one after its mappings. */
export function unitsOf(state: State, call: PreemptibleCall): number {
  switch (call.op) {
    case 'hypercall':
      return call.count > layouts.COUNT_MAXIMUM ? 1 : call.count;
    case 'destroy':
      return 1 + count(guestOf(state, call.domain)?.mappings, () => true);
    case 'pod_target':
      return Math.abs(missingPages(state, call));
    case 'set_memory_type': // Gfns that a p2m never had refuse the whole.
      return call.gfn + call.count - 1 > (guestOf(state, call.domain)?.maximumGfn ?? 0)
        ? 1
        : call.count;
    case 'add_to_physmap':
      return call.space === XENMAPSPACE_gmfn_range ? call.size : 1;
    default:
      if ('elements' in call) return call.elements.length;
      if ('extents' in call) return call.extents.length;
      return 'entries' in call ? call.entries.length : call.count;
  }
}

const sliced = <Batch extends { readonly elements: readonly unknown[] }>(
  batch: Batch,
  from: number,
  to: number,
): Batch => ({ ...batch, elements: batch.elements.slice(from, to) });

/** The call with those of its units alone. */
export function partOf(call: PreemptibleCall, from: number, to: number): PreemptibleCall {
  if ('elements' in call) return sliced(call, from, to);
  switch (call.op) {
    case 'populate_physmap':
    case 'decrease_reservation':
      return { ...call, extents: call.extents.slice(from, to) };
    case 'increase_reservation':
      return { ...call, count: to - from };
    case 'add_to_physmap':
      return { ...call, index: call.index + from, gfn: Gfn(call.gfn + from), size: to - from };
    case 'add_to_physmap_batch':
      return { ...call, entries: call.entries.slice(from, to) };
    case 'acquire_resource':
      return { ...call, frame: call.frame + from, count: to - from };
    case 'set_memory_type':
      return { ...call, gfn: Gfn(call.gfn + from), count: to - from };
    case 'hypercall':
      return elementsOf(call, from, to);
    case 'destroy':
    case 'pod_target':
      return call;
  }
}

/** A batch in memory, with those of its elements alone. */
export function elementsOf(call: Hypercall, from: number, to: number): Hypercall {
  const argument = furtherOn(argumentOf(call), from * (elementBytes(call) ?? 0));
  return { ...call, argument, count: to - from };
}

/**
 * [B2] A batch of grant operations in memory may be stopped as one of values: what is left of it has
 * other registers, an argument further on and a smaller count; of a memory operation, a command that
 * says from which extent on.
 */
export const isStoppable = (made: Hypercall): boolean =>
  made.number === layouts.HYPERVISOR_memory_op
    ? layouts.extentOperations.includes(made.command % 2 ** layouts.MEMOP_EXTENT_SHIFT)
    : elementBytes(made) !== undefined;

function elementBytes({ number, command, layout }: Hypercall): number | undefined {
  const element = layouts.batches.get(command);
  if (number !== layouts.HYPERVISOR_grant_table_op || element === undefined) return undefined;
  return layouts.structures[layout][element].bytes;
}
