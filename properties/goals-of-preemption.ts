import * as layouts from '../abi/layouts.js';
import type { Reply } from '../abi/reply.js';
import type { Step } from '../abi/step.js';
import { get } from '../values/keyed.js';
import type { State, Vcpu } from '../model/state.js';
import type { Goal } from './goals.js';

/** The vcpu that makes a step, as it is in a state. */
const vcpuOf = (state: State, step: Step): Vcpu | undefined =>
  'caller' in step ? get(state.domains, step.caller)?.vcpus[step.vcpu] : undefined;

/** Some elements of a batch were done, whether or not it was stopped once more. */
const hasElements = (reply: Reply): boolean => {
  const done = reply.is === 'preempted' ? reply.done : reply;
  return done.is === 'statuses' && done.elements.length > 0;
};

/** A memory operation that goes on from an extent or entry in memory, and is stopped once more. */
const stoppedInMemory = (id: string, operation: number, what: string): Goal => ({
  id,
  sentence: `${what} in memory that was stopped is stopped once more`,
  operations: ['resume'],
  reached: (before, step, reply) => {
    const call = vcpuOf(before, step)?.pending?.call;
    return (
      reply.is === 'preempted' &&
      call?.op === 'hypercall' &&
      call.number === layouts.HYPERVISOR_memory_op &&
      call.command % 2 ** layouts.MEMOP_EXTENT_SHIFT === operation
    );
  },
});

export const preemptionGoals: readonly Goal[] = [
  {
    id: 'S90',
    sentence: 'a call that was stopped is stopped once more',
    operations: ['resume'],
    reached: (_before, _step, reply) => reply.is === 'preempted',
  },
  {
    id: 'S91',
    sentence: 'a call of the control domain is stopped',
    operations: ['populate_physmap', 'decrease_reservation', 'add_to_physmap_batch'],
    reached: (_before, step, reply) =>
      'caller' in step && step.caller === 0 && reply.is === 'preempted',
  },
  {
    id: 'S98',
    sentence: 'a batch of grant operations of the control domain is stopped',
    operations: ['map', 'copy'],
    reached: (_before, step, reply) =>
      'caller' in step && step.caller === 0 && reply.is === 'preempted' && hasElements(reply),
  },
  {
    id: 'S99',
    sentence: 'a batch of unmaps of the control domain is stopped',
    operations: ['unmap'],
    reached: (_before, step, reply) =>
      'caller' in step && step.caller === 0 && reply.is === 'preempted' && hasElements(reply),
  },
  stoppedInMemory('S100', layouts.XENMEM_populate_physmap, 'a populate_physmap'),
  stoppedInMemory('S101', layouts.XENMEM_decrease_reservation, 'a decrease_reservation'),
  stoppedInMemory('S102', layouts.XENMEM_increase_reservation, 'an increase_reservation'),
  stoppedInMemory('S103', layouts.XENMEM_add_to_physmap, 'a range of add_to_physmap'),
  stoppedInMemory('S104', layouts.XENMEM_add_to_physmap_batch, 'a batch of add_to_physmap'),
  {
    id: 'S92',
    sentence: 'a copy that was stopped goes on',
    operations: ['resume'],
    reached: (before, step, reply) =>
      vcpuOf(before, step)?.pending?.call.op === 'copy' && hasElements(reply),
  },
  {
    id: 'S93',
    sentence: 'a batch of unmaps that was stopped goes on',
    operations: ['resume'],
    reached: (before, step, reply) =>
      vcpuOf(before, step)?.pending?.call.op === 'unmap' && hasElements(reply),
  },
  {
    id: 'S94',
    sentence: 'a domain is told to stop a call that ends before',
    operations: ['map', 'copy', 'swap', 'unmap'],
    reached: (before, step, reply) =>
      vcpuOf(before, step)?.interrupt !== undefined && reply.is === 'statuses',
  },
  {
    id: 'S95',
    sentence: 'a domain dies in the middle of a call',
    operations: ['destroy'],
    reached: (before, step, reply) =>
      step.op === 'destroy' &&
      reply.is === 'rc' &&
      reply.rc === 0 &&
      get(before.domains, step.domain)?.vcpus.some(({ pending }) => pending !== undefined) === true,
  },
  {
    id: 'S96',
    sentence: 'a destruction is stopped between two mappings',
    operations: ['destroy'],
    reached: (_before, _step, reply) => reply.is === 'preempted',
  },
  {
    id: 'S97',
    sentence: 'a grant of a domain that is being destroyed is mapped',
    operations: ['map'],
    reached: (before, step, reply) =>
      step.op === 'map' &&
      reply.is === 'statuses' &&
      step.elements.some(({ granter }, i) => {
        const domain = get(before.domains, granter);
        return domain?.dying === true && !domain.tornDown && reply.elements[i]?.status === 'okay';
      }),
  },
];
