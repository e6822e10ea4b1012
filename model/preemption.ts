import type { Reply } from '../abi/reply.js';
import { XENMAPSPACE_gmfn_range, type ByGuest, type DestroyDomain } from '../abi/step.js';
import type { Interrupt, PreemptibleCall, Hypercall, Resume, Step } from '../abi/step.js';
import * as layouts from '../abi/layouts.js';
import { accept, finished, isObjection, rc, refuse, type Alternative } from './outcome.js';
import { vcpuOf, withVcpu } from './registers.js';
import type { Pending, State } from './state.js';
import { CONTROL, FIRST_VCPU, Gfn } from '../abi/ids.js';
import { count } from '../values/keyed.js';
import { after as furtherOn, argumentOf } from './buffers.js';
import { destroyPartly } from './destroy.js';
import { guestOf } from './domains.js';
import { alternativeOf } from './hypercalls.js';
import { memoryHypercall } from './memory-hypercalls.js';

/**
 * Calls that are stopped and gone on with (grants.md 5.4, p2m.md 2.9). What a call does is a matter
 * of its elements, so a call that was stopped is the call with its first elements, and what is left
 * is the same call with the others: nothing but the buffers of a copy lasts from one to the next.
 */

/** What a call comes to when nothing stops it. */
type Perform = (state: State, call: PreemptibleCall) => Alternative;

/** [B1] interrupt: the next call of the vcpu that can be stopped is to stop after so many units. */
export function interrupt(state: State, { caller, vcpu, after }: Interrupt): Alternative {
  // Nothing below this line can fail.
  const next = withVcpu(state, caller, vcpu, { ...vcpuOf(state, caller, vcpu), interrupt: after });
  return finished(state, accept({ is: 'done' }, 'B1', next));
}

/** [B2] While a call of its is stopped, a vcpu does nothing else. */
export function isBusy(state: State, made: Step): boolean {
  if (made.op === 'interrupt' || made.op === 'resume') return false;
  if (!('caller' in made) && made.op !== 'destroy') return false;
  const { caller, vcpu } = whoMakes(made);
  return vcpuOf(state, caller, vcpu).pending !== undefined;
}

/** [B4] Domains are destroyed on the first vcpu of the control domain. */
const whoMakes = (made: ByGuest | DestroyDomain): ByGuest =>
  'caller' in made ? made : { caller: CONTROL, vcpu: FIRST_VCPU };

/** [B3] resume: the rest of the call is made, on the state as it is now. */
export function resume(state: State, { caller, vcpu }: Resume, perform: Perform): Alternative {
  const { pending, ...idle } = vcpuOf(state, caller, vcpu);
  if (pending === undefined) return finished(state, refuse({ is: 'idle' }, 'B3.1'));

  // Nothing below this line can fail.
  const now = withVcpu(state, caller, vcpu, { ...idle, pending: undefined });
  return resumed(invoked(now, pending, perform));
}

function resumed(rest: Alternative): Alternative {
  const { given } = rest;
  const alternative: Alternative = { ...rest, rules: [...rest.rules, 'B3'] };
  return given === undefined
    ? alternative
    : { ...alternative, given: (actual) => resumed(given(actual)) };
}

/**
 * [B2] A call is made, or the rest of one: whole, unless the vcpu is to be interrupted. Then it stops
 * where so many units are done, if it gets there: what is left is done by `resume`.
 */
export function invoked(state: State, { call, done }: Pending, perform: Perform): Alternative {
  const { caller, vcpu } = whoMakes(call);
  const by = vcpuOf(state, caller, vcpu);
  if (by.interrupt === undefined) return counted(perform(state, call), call, done);
  const now = withVcpu(state, caller, vcpu, { ...by, interrupt: undefined });
  if (call.op === 'hypercall' && call.number === layouts.HYPERVISOR_memory_op)
    return memoryInvoked(now, call, Math.max(1, by.interrupt), perform);
  const [units, all] = [testPoint(state, call, by.interrupt), unitsOf(state, call)];
  const first = units < all ? head(now, call, units, perform) : undefined;
  // Who is crashed on the way makes no more of it.
  if (first?.reply.is === 'crashed') return first;
  if (first === undefined || !isThrough(first.reply, call, units))
    return counted(perform(now, call), call, done);

  return stopped(first, { caller, vcpu }, { call: partOf(call, units, all), done: done + units });
}

/** [B2] How much a memory call has to do is in memory, and read when it is made, or made again. */
function memoryInvoked(
  state: State,
  call: Hypercall,
  units: number,
  perform: Perform,
): Alternative {
  if (call.as === 'user') return perform(state, call);
  const ended = memoryHypercall(state, call, units);
  const alternative = alternativeOf(ended, call.caller);
  if (ended.isStopped !== true || alternative.reply.is === 'crashed') return alternative;
  const command = call.command + units * 2 ** layouts.MEMOP_EXTENT_SHIFT;
  return stopped(alternative, call, { call: { ...call, command }, done: 0 });
}

/** What the first units of a call came to, with the rest still to do. */
function stopped(first: Alternative, { caller, vcpu }: ByGuest, pending: Pending): Alternative {
  const { given, reply } = first;
  const ofFirst = (actual: Reply): Reply => (actual.is === 'preempted' ? actual.done : actual);
  const alternative: Alternative = {
    reply: { is: 'preempted', done: reply.is === 'rc' ? rc(pending.done) : reply },
    rules: [...first.rules, 'B2'],
    next: (actual) => {
      const after = first.next(ofFirst(actual));
      if (isObjection(after)) return after;
      return withVcpu(after, caller, vcpu, { ...vcpuOf(after, caller, vcpu), pending });
    },
  };
  if (given === undefined) return alternative;
  const by = { caller, vcpu };
  return { ...alternative, given: (actual) => stopped(given(ofFirst(actual)), by, pending) };
}

/** What comes of the first units of a call. */
const head = (state: State, call: PreemptibleCall, units: number, perform: Perform): Alternative =>
  call.op === 'destroy'
    ? destroyPartly(state, call.domain, units)
    : perform(state, partOf(call, 0, units));

/** An answer that counts extents counts those that were done before. */
function counted(alternative: Alternative, { op }: PreemptibleCall, done: number): Alternative {
  const { reply } = alternative;
  if (reply.is !== 'rc' || typeof reply.rc !== 'number') return alternative;
  if (op === 'add_to_physmap' || op === 'destroy') return alternative;
  return { ...alternative, reply: rc(reply.rc + done) };
}

/** Whether a call did all its units: else it ended there, and was not stopped. */
function isThrough(reply: Reply, { op }: PreemptibleCall, units: number): boolean {
  if (reply.is === 'rc') return reply.rc === (op === 'add_to_physmap' ? 0 : units);
  if (reply.is === 'errors' || reply.is === 'hypercall') return reply.rc === 0;
  return reply.is === 'statuses' || reply.is === 'released';
}

/**
 * Where a call may stop: after each of its elements, extents or entries but the last; an unmap only
 * where a batch of them is complete. Something is always done first.
 */
function testPoint({ machine }: State, call: PreemptibleCall, after: number): number {
  const units = Math.max(1, after);
  const isUnmap =
    call.op === 'hypercall'
      ? call.command === layouts.GNTTABOP_unmap_grant_ref
      : call.op === 'unmap';
  return isUnmap ? Math.ceil(units / machine.unmapBatch) * machine.unmapBatch : units;
}

/** How many elements, extents or entries a call has; a destruction has one after its mappings. */
function unitsOf(state: State, call: PreemptibleCall): number {
  if (call.op === 'hypercall') return call.count > layouts.COUNT_MAXIMUM ? 1 : call.count;
  if ('domain' in call) return 1 + count(guestOf(state, call.domain)?.mappings, () => true);
  if ('elements' in call) return call.elements.length;
  if ('extents' in call) return call.extents.length;
  if ('entries' in call) return call.entries.length;
  if ('count' in call) return call.count;
  return call.space === XENMAPSPACE_gmfn_range ? call.size : 1;
}

const sliced = <Batch extends { readonly elements: readonly unknown[] }>(
  batch: Batch,
  from: number,
  to: number,
): Batch => ({ ...batch, elements: batch.elements.slice(from, to) });

/** The call with those of its units alone. */
function partOf(call: PreemptibleCall, from: number, to: number): PreemptibleCall {
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
    case 'hypercall': {
      const argument = furtherOn(argumentOf(call), from * (elementBytes(call) ?? 0));
      return { ...call, argument, count: to - from };
    }
    case 'destroy':
      return call;
  }
}

/**
 * [B2] A batch of grant operations in memory may be stopped as one of values: what is left of it has
 * other registers, an argument further on and a smaller count; of a memory operation, a command that
 * says from which extent on. Copies of a guest of 32 bits go through another place, and are not
 * stopped here.
 */
export const isStoppable = (made: Hypercall): boolean =>
  made.number === layouts.HYPERVISOR_memory_op
    ? extentOperations.includes(made.command % 2 ** layouts.MEMOP_EXTENT_SHIFT)
    : elementBytes(made) !== undefined;

const extentOperations: readonly number[] = [
  layouts.XENMEM_populate_physmap,
  layouts.XENMEM_decrease_reservation,
  layouts.XENMEM_increase_reservation,
  layouts.XENMEM_add_to_physmap,
  layouts.XENMEM_add_to_physmap_batch,
];

function elementBytes({ number, command, layout }: Hypercall): number | undefined {
  if (number !== layouts.HYPERVISOR_grant_table_op) return undefined;
  const { map, unmap, copy, swap } = layouts.structures.native;
  if (command === layouts.GNTTABOP_map_grant_ref) return map.bytes;
  if (command === layouts.GNTTABOP_unmap_grant_ref) return unmap.bytes;
  if (command === layouts.GNTTABOP_swap_grant_ref) return swap.bytes;
  return command === layouts.GNTTABOP_copy && layout === 'native' ? copy.bytes : undefined;
}
