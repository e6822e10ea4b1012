import { CONTROL, FIRST_VCPU } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { DestroyDomain, Preemption, PreemptibleCall } from '../abi/step.js';
import { assert } from './assert.js';
import { destroyDomain } from './destroy-domain.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { addToPhysmap, addToPhysmapBatch } from './hypercalls/add-to-physmap.js';
import { copyGrant } from './hypercalls/copy-grant.js';
import { decrease } from './hypercalls/decrease.js';
import { unmapAndReplace } from './hypercalls/control-grants.js';
import { mapGrant } from './hypercalls/map-grant.js';
import { acquireResource } from './hypercalls/resources.js';
import { setMemoryType } from './memory-type.js';
import { podTarget } from './pod-target.js';
import { hypercall } from './hypercalls/in-memory.js';
import { advanced } from './hypercalls/in-memory-rest.js';
import { increase, populate } from './hypercalls/populate.js';
import { swapGrant } from './hypercalls/swap-grant.js';
import { transferGrant } from './hypercalls/transfer.js';
import { unmapGrant } from './hypercalls/unmap-grant.js';
import { Invocation } from './invocation.js';
import { crashedIn, DONE, IDLE, NO_DOMAIN, PAUSED, rcReply } from './replies.js';

/*
 * Calls that are stopped and gone on with (grants.md 5.4, p2m.md 2.9). A call that was stopped is
 * kept as it was made, with the unit at which it goes on: it looks its domains up again.
 */

/** Makes a call, or goes on with one at a unit; keeps it where it is stopped. */
export function invoke(host: Host, caller: Domain, call: PreemptibleCall, start: number): Reply {
  // The toolstack is on the first vcpu of the control domain.
  const vcpu = 'caller' in call ? call.vcpu : FIRST_VCPU;
  const limit = host.continuations.takeLimit(caller.id, vcpu);
  const invocation = new Invocation(start, limit);
  const reply = make(host, caller, call.op, call, invocation);
  const next = invocation.stoppedAt();
  // Whoever crashed does not go on.
  if (next === undefined || caller.isCrashed) return reply;
  const left = call.op === 'hypercall' ? { call: advanced(call, next), next: 0 } : { call, next };
  host.continuations.stop(caller.id, vcpu, left);
  return { is: 'preempted', done: reply };
}

/** A vcpu is told to stop, or to go on. */
export function preemption(host: Host, step: Preemption): Reply {
  const caller = host.domains.byId(step.caller);
  const isAble = step.caller === CONTROL || caller?.isAlive() === true;
  if (caller === undefined || !isAble || step.vcpu >= host.machine.vcpus) return NO_DOMAIN;
  if (!caller.isRunning()) return PAUSED;
  if (step.op === 'interrupt') {
    host.continuations.interrupt(step.caller, step.vcpu, step.after);
    return DONE;
  }
  const stopped = host.continuations.take(step.caller, step.vcpu);
  if (stopped === undefined) return IDLE;
  const reply = invoke(host, caller, stopped.call, stopped.next);
  return caller.isCrashed ? crashedIn(reply) : reply;
}

/** Neither the control domain nor one that was destroyed is there to be destroyed. */
function destroy(host: Host, { domain: id }: DestroyDomain, invocation: Invocation): Reply {
  const domain = host.domains.byId(id);
  if (id === CONTROL || domain === undefined) return rcReply('-ESRCH');
  if (domain.isTornDown) return rcReply('-ESRCH');

  // Nothing below this line can fail.
  const mappings = destroyDomain(host, domain, invocation);
  return mappings === 'destroyed' ? rcReply(0) : { is: 'released', mappings };
}

type Calls = { readonly [Call in PreemptibleCall as Call['op']]: Call };

/** Makes a call from where the invocation starts, to where it has to stop. */
type Make<Call> = (host: Host, caller: Domain, call: Call, invocation: Invocation) => Reply;

const makers: { readonly [Op in keyof Calls]: Make<Calls[Op]> } = {
  map: mapGrant,
  unmap: unmapGrant,
  copy: copyGrant,
  swap: swapGrant,
  transfer: transferGrant,
  unmap_and_replace: unmapAndReplace,
  populate_physmap: populate,
  decrease_reservation: decrease,
  increase_reservation: increase,
  add_to_physmap: addToPhysmap,
  add_to_physmap_batch: addToPhysmapBatch,
  acquire_resource: acquireResource,
  hypercall: (host, caller, call, invocation) => {
    const vcpu = caller.vcpus[call.vcpu];
    assert(vcpu !== undefined, 'who makes a hypercall has a vcpu');
    return hypercall(host, caller, vcpu, call, invocation);
  },
  destroy: (host, _, call, invocation) => destroy(host, call, invocation),
  set_memory_type: (host, _, call, invocation) => setMemoryType(host, call, invocation),
  pod_target: (host, _, call, invocation) => podTarget(host, call, invocation),
};

/** Chooses by the operation, which says what kind of call it is. */
function make<Op extends keyof Calls>(
  host: Host,
  caller: Domain,
  op: Op,
  call: Calls[Op],
  invocation: Invocation,
): Reply {
  return makers[op](host, caller, call, invocation);
}
