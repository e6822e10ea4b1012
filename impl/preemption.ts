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
import { mapGrant } from './hypercalls/map-grant.js';
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
  // Domains are destroyed on the first vcpu of the control domain.
  const vcpu = 'caller' in call ? call.vcpu : FIRST_VCPU;
  const limit = host.continuations.takeLimit(caller.id, vcpu);
  const invocation = new Invocation(start, limit);
  const reply = make(host, caller, call, invocation);
  const next = invocation.stoppedAt();
  if (next === undefined) return reply;
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

function make(host: Host, caller: Domain, call: PreemptibleCall, invocation: Invocation): Reply {
  switch (call.op) {
    case 'map':
      return mapGrant(host, caller, call, invocation);
    case 'unmap':
      return unmapGrant(host, caller, call, invocation);
    case 'copy':
      return copyGrant(host, caller, call, invocation);
    case 'swap':
      return swapGrant(host, caller, call, invocation);
    case 'transfer':
      return transferGrant(host, caller, call, invocation);
    case 'populate_physmap':
      return populate(host, caller, call, invocation);
    case 'decrease_reservation':
      return decrease(host, caller, call, invocation);
    case 'increase_reservation':
      return increase(host, caller, call, invocation);
    case 'add_to_physmap':
      return addToPhysmap(host, caller, call, invocation);
    case 'add_to_physmap_batch':
      return addToPhysmapBatch(host, caller, call, invocation);
    case 'hypercall': {
      const vcpu = caller.vcpus[call.vcpu];
      assert(vcpu !== undefined, 'who makes a hypercall has a vcpu');
      return hypercall(host, caller, vcpu, call, invocation);
    }
    case 'destroy':
      return destroy(host, call, invocation);
  }
}
