import type { Reply } from '../abi/reply.js';
import type { ByGuest, DestroyDomain, Interrupt, PreemptibleCall } from '../abi/step.js';
import type { Resume, Step } from '../abi/step.js';
import { XENMAPSPACE_gmfn_range } from '../abi/step.js';
import { accept, finished, isObjection, rc, refuse, type Alternative } from './outcome.js';
import { vcpuOf, withVcpu } from './registers.js';
import type { Pending, State } from './state.js';
import { CONTROL, FIRST_VCPU, Gfn } from '../abi/ids.js';
import { count } from '../values/keyed.js';
import { destroyPartly } from './destroy.js';
import { guestOf } from './domains.js';

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
  const rest = invoked(now, pending, perform);
  return { ...rest, rules: [...rest.rules, 'B3'] };
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
  const [units, all] = [testPoint(state, call, by.interrupt), unitsOf(state, call)];
  const first = units < all ? head(now, call, units, perform) : undefined;
  if (first === undefined || !isThrough(first.reply, call, units))
    return counted(perform(now, call), call, done);

  const reached = done + units;
  const reply = first.reply.is === 'rc' ? rc(reached) : first.reply;
  return {
    reply: { is: 'preempted', done: reply },
    rules: [...first.rules, 'B2'],
    next: (actual) => {
      const after = first.next(actual.is === 'preempted' ? actual.done : actual);
      if (isObjection(after)) return after;
      const pending: Pending = { call: partOf(call, units, all), done: reached };
      return withVcpu(after, caller, vcpu, { ...vcpuOf(after, caller, vcpu), pending });
    },
  };
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
  if (reply.is === 'errors') return reply.rc === 0;
  return reply.is === 'statuses' || reply.is === 'released';
}

/**
 * Where a call may stop: after each of its elements, extents or entries but the last; an unmap only
 * where a batch of them is complete. Something is always done first.
 */
function testPoint({ machine }: State, { op }: PreemptibleCall, after: number): number {
  const units = Math.max(1, after);
  return op === 'unmap' ? Math.ceil(units / machine.unmapBatch) * machine.unmapBatch : units;
}

/** How many elements, extents or entries a call has; a destruction has one after its mappings. */
function unitsOf(state: State, call: PreemptibleCall): number {
  if ('domain' in call) return 1 + count(guestOf(state, call.domain)?.mappings, () => true);
  if ('elements' in call) return call.elements.length;
  if ('extents' in call) return call.extents.length;
  if ('entries' in call) return call.entries.length;
  if ('count' in call) return call.count;
  return call.space === XENMAPSPACE_gmfn_range ? call.size : 1;
}

/** The call with those of its units alone. */
function partOf(call: PreemptibleCall, from: number, to: number): PreemptibleCall {
  switch (call.op) {
    case 'map':
      return { ...call, elements: call.elements.slice(from, to) };
    case 'unmap':
      return { ...call, elements: call.elements.slice(from, to) };
    case 'copy':
      return { ...call, elements: call.elements.slice(from, to) };
    case 'swap':
      return { ...call, elements: call.elements.slice(from, to) };
    case 'populate_physmap':
    case 'decrease_reservation':
      return { ...call, extents: call.extents.slice(from, to) };
    case 'increase_reservation':
      return { ...call, count: to - from };
    case 'add_to_physmap':
      return { ...call, index: call.index + from, gfn: Gfn(call.gfn + from), size: to - from };
    case 'add_to_physmap_batch':
      return { ...call, entries: call.entries.slice(from, to) };
    case 'destroy':
      return call;
  }
}
