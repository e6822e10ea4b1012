import * as abi from '../../abi/layouts.js';
import type { Hypercall } from '../../abi/step.js';

/*
 * What is left of a call with its arguments in memory that was stopped (grants.md 5.4, p2m.md 2.9): the
 * same call with other registers.
 */

/** The call may be stopped between two of its elements, extents or entries. */
export function isPreemptible(step: Hypercall): boolean {
  if (step.number !== abi.HYPERVISOR_memory_op) return elementBytes(step) !== undefined;
  return abi.extentOperations.includes(step.command % 2 ** abi.MEMOP_EXTENT_SHIFT);
}

/** The same call once so many units are done. */
export function advanced(step: Hypercall, units: number): Hypercall {
  if (step.number === abi.HYPERVISOR_memory_op) {
    return { ...step, command: step.command + units * 2 ** abi.MEMOP_EXTENT_SHIFT };
  }
  const isCompat = step.layout === 'compat';
  const low = step.argument.low + units * (elementBytes(step) ?? 0);
  // A register of 32 bits has no upper half.
  const high = isCompat ? 0 : (step.argument.high + Math.floor(low / 2 ** 32)) >>> 0;
  const argument = { low: low % 2 ** 32, high };
  return { ...step, argument, count: step.count - units };
}

/** Bytes of an element of the batches that may be stopped; undefined for any other call. */
function elementBytes({ number, command, layout }: Hypercall): number | undefined {
  const element = abi.batches.get(command);
  if (number !== abi.HYPERVISOR_grant_table_op || element === undefined) return undefined;
  return abi.structures[layout][element].bytes;
}
