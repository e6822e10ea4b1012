import * as abi from '../../abi/layouts.js';
import type { Reply } from '../../abi/reply.js';
import type { Hypercall } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { GuestArguments } from '../guest-arguments.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import type { Vcpu } from '../vcpu.js';
import {
  compatCopyInMemory,
  copyInMemory,
  mapInMemory,
  swapInMemory,
  unmapInMemory,
} from './in-memory-grants.js';
import { refused } from './in-memory-call.js';
import type { InMemory } from './in-memory-call.js';
import { memoryOpInMemory } from './in-memory-memory.js';
import {
  getVersionInMemory,
  querySizeInMemory,
  setVersionInMemory,
  setupTableInMemory,
} from './in-memory-tables.js';

/** A hypercall whose arguments are in the caller's memory (grants.md 5.1). */
export function hypercall(
  host: Host,
  caller: Domain,
  vcpu: Vcpu,
  step: Hypercall,
  invocation: Invocation,
): Reply {
  if (step.as === 'user') return refused('-EPERM');
  const { argument, layout } = step;
  const base = layout === 'native' ? argument : { low: argument.low, high: 0 };
  const call = { step, base, args: new GuestArguments(host, caller, vcpu, step), invocation };
  if (step.number === abi.HYPERVISOR_grant_table_op) return grantTableOp(call);
  if (step.number === abi.HYPERVISOR_memory_op) return memoryOpInMemory(call);
  return refused('-ENOSYS');
}

/** The operations there are for translated guests; whatever else the command says, there are no others. */
const grantOps: ReadonlyMap<number, (call: InMemory) => Reply> = new Map([
  [abi.GNTTABOP_map_grant_ref, mapInMemory],
  [abi.GNTTABOP_unmap_grant_ref, unmapInMemory],
  [abi.GNTTABOP_setup_table, setupTableInMemory],
  [abi.GNTTABOP_copy, copyInMemory],
  [abi.GNTTABOP_query_size, querySizeInMemory],
  [abi.GNTTABOP_set_version, setVersionInMemory],
  [abi.GNTTABOP_get_version, getVersionInMemory],
  [abi.GNTTABOP_swap_grant_ref, swapInMemory],
]);

function grantTableOp(call: InMemory): Reply {
  const { command, count, layout } = call.step;
  const operation = grantOps.get(command);
  if (operation === undefined) return refused('-ENOSYS');
  if (count > abi.COUNT_MAXIMUM) return refused('-EINVAL');
  const isCompatCopy = layout === 'compat' && command === abi.GNTTABOP_copy;
  return isCompatCopy ? compatCopyInMemory(call) : operation(call);
}
