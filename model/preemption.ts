import type { Reply } from '../abi/reply.js';
import * as layouts from '../abi/layouts.js';
import { CONTROL, FIRST_VCPU } from '../abi/ids.js';
import type { ByGuest, ByToolstack, Interrupt, PreemptibleCall } from '../abi/step.js';
import type { Resume, Step } from '../abi/step.js';
import { podTarget } from './demand-target.js';
import { destroyPartly } from './destroy.js';
import { compatCopyCall } from './grant-hypercalls.js';
import { alternativeOf } from './hypercalls.js';
import { memoryHypercall } from './memory-hypercalls.js';
import { accept, finished, isObjection, rc, refuse, throughout } from './outcome.js';
import type { Alternative } from './outcome.js';
import { vcpuOf, withVcpu } from './registers.js';
import type { Pending, State } from './state.js';
import { elementsOf, partOf, testPoint, unitsOf } from './units.js';

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
  if (!('caller' in made) && !isByToolstack(made)) return false;
  const { caller, vcpu } = whoMakes(made);
  return vcpuOf(state, caller, vcpu).pending !== undefined;
}

const isByToolstack = (made: Step): made is ByToolstack =>
  made.op === 'destroy' || made.op === 'set_memory_type' || made.op === 'pod_target';

/** [B4] The toolstack is on the first vcpu of the control domain. */
const whoMakes = (made: ByGuest | ByToolstack): ByGuest =>
  'caller' in made ? made : { caller: CONTROL, vcpu: FIRST_VCPU };

/** [B3] resume: the rest of the call is made, on the state as it is now. */
export function resume(state: State, { caller, vcpu }: Resume, perform: Perform): Alternative {
  const { pending, ...idle } = vcpuOf(state, caller, vcpu);
  if (pending === undefined) return finished(state, refuse({ is: 'idle' }, 'B3.1'));

  // Nothing below this line can fail.
  const now = withVcpu(state, caller, vcpu, { ...idle, pending: undefined });
  const rest = invoked(now, pending, perform);
  return throughout(rest, (each) => ({ ...each, rules: [...each.rules, 'B3'] }));
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
  const known = call.op === 'hypercall' ? limited(now, call, Math.max(1, by.interrupt)) : undefined;
  if (known !== undefined) return known;
  const [units, all] = [testPoint(state, call, by.interrupt), unitsOf(state, call)];
  const first = units < all ? head(now, call, units, perform) : undefined;
  // Who is crashed on the way makes no more of it.
  if (first?.reply.is === 'crashed') return first;
  if (first === undefined || !isThrough(first.reply, call, units))
    return counted(perform(now, call), call, done);

  return stopped(first, { caller, vcpu }, { call: partOf(call, units, all), done: done + units });
}

/**
 * [B2] How much a memory call has to do is in memory, and read when it is made, or made again; copies of
 * a guest of 32 bits are read many at once, also where only some of these are made.
 */
function limited(state: State, call: PreemptibleCall, units: number): Alternative | undefined {
  if (call.op !== 'hypercall' || call.as === 'user') return undefined;
  const isMemory = call.number === layouts.HYPERVISOR_memory_op;
  const isCopy =
    call.number === layouts.HYPERVISOR_grant_table_op &&
    call.layout === 'compat' &&
    call.command === layouts.GNTTABOP_copy;
  if (!isMemory && !(isCopy && call.count <= layouts.COUNT_MAXIMUM)) return undefined;
  const ended = (isMemory ? memoryHypercall : compatCopyCall)(state, call, units);
  const { outcome, isStopped } = ended;
  const alternative = alternativeOf(ended, call.caller);
  if (isStopped !== true || alternative.reply.is === 'crashed') return alternative;
  const done = outcome?.is === 'statuses' ? outcome.elements.length : units;
  const command = call.command + units * 2 ** layouts.MEMOP_EXTENT_SHIFT;
  const rest = isMemory ? { ...call, command } : elementsOf(call, done, call.count);
  return stopped(alternative, call, { call: rest, done: 0 });
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
    : call.op === 'pod_target'
      ? finished(state, podTarget(state, call, units))
      : perform(state, partOf(call, 0, units));

/** An answer that counts extents counts those that were done before. */
function counted(alternative: Alternative, { op }: PreemptibleCall, done: number): Alternative {
  const { reply } = alternative;
  if (reply.is !== 'rc' || typeof reply.rc !== 'number') return alternative;
  if (isWithoutCount(op)) return alternative;
  return { ...alternative, reply: rc(reply.rc + done) };
}

/** Calls whose value is 0 if all is done. */
const isWithoutCount = (op: PreemptibleCall['op']): boolean =>
  op === 'add_to_physmap' || op === 'destroy' || op === 'set_memory_type';

/** Whether a call did all its units: else it ended there, and was not stopped. */
function isThrough(reply: Reply, { op }: PreemptibleCall, units: number): boolean {
  if (reply.is === 'rc') return reply.rc === (isWithoutCount(op) ? 0 : units);
  if ('rc' in reply) return reply.rc === 0;
  return reply.is === 'statuses' || reply.is === 'released';
}
