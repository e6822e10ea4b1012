import * as layouts from '../abi/layouts.js';
import type { Line, MarshalledCall } from '../abi/program.js';
import type { Hypercall } from '../abi/step.js';

/**
 * What happened: a line's operation, or the building of the machine before line 0. A call by registers is
 * known by the call that it makes, so that a failure of one does not pass for that of another.
 */
export type Occasion =
  | Exclude<Line['op'], 'marshalled' | 'hypercall'>
  | `marshalled.${MarshalledCall['op']}`
  | `hypercall.${string}`;

export function occasionOf(line: Line): Occasion {
  if (line.op === 'marshalled') return `marshalled.${line.call.op}`;
  if (line.op === 'hypercall') return `hypercall.${nameOf(line)}`;
  return line.op;
}

/** The operation that a number and a command name, as far as they name one. */
function nameOf({ number, command }: Hypercall): string {
  switch (number) {
    case layouts.HYPERVISOR_grant_table_op:
      return grantOperations.get(command) ?? 'grant_table_op';
    case layouts.HYPERVISOR_memory_op:
      return memoryOperations.get(command % 2 ** layouts.MEMOP_EXTENT_SHIFT) ?? 'memory_op';
    default:
      return 'unknown';
  }
}

const grantOperations: ReadonlyMap<number, Line['op']> = new Map([
  [layouts.GNTTABOP_map_grant_ref, 'map'],
  [layouts.GNTTABOP_unmap_grant_ref, 'unmap'],
  [layouts.GNTTABOP_setup_table, 'setup_table'],
  [layouts.GNTTABOP_copy, 'copy'],
  [layouts.GNTTABOP_query_size, 'query_size'],
  [layouts.GNTTABOP_set_version, 'set_version'],
  [layouts.GNTTABOP_get_version, 'get_version'],
  [layouts.GNTTABOP_swap_grant_ref, 'swap'],
]);

const memoryOperations: ReadonlyMap<number, Line['op']> = new Map([
  [layouts.XENMEM_increase_reservation, 'increase_reservation'],
  [layouts.XENMEM_decrease_reservation, 'decrease_reservation'],
  [layouts.XENMEM_current_reservation, 'current_reservation'],
  [layouts.XENMEM_maximum_reservation, 'maximum_reservation'],
  [layouts.XENMEM_populate_physmap, 'populate_physmap'],
  [layouts.XENMEM_add_to_physmap, 'add_to_physmap'],
  [layouts.XENMEM_exchange, 'exchange'],
  [layouts.XENMEM_maximum_gpfn, 'maximum_gpfn'],
  [layouts.XENMEM_remove_from_physmap, 'remove_from_physmap'],
  [layouts.XENMEM_add_to_physmap_batch, 'add_to_physmap_batch'],
]);
