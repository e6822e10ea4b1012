import { CONTROL, FIRST_VCPU } from '../abi/ids.js';
import type { DomainId, VcpuId } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type { Reply } from '../abi/reply.js';
import type {
  ByGuest,
  GrantCall,
  Hypercall,
  MemoryCall,
  Step,
  Toolstack,
  WindowCall,
} from '../abi/step.js';
import type { System } from '../abi/system.js';
import { accessPhysical } from './access.js';
import { control } from './control.js';
import { createControl } from './create-domain.js';
import type { Domain } from './domain.js';
import { Host, isTranslated } from './host.js';
import { writeBack } from './hypercalls/write-back.js';
import { exchange } from './hypercalls/exchange.js';
import { hypercall } from './hypercalls/in-memory.js';
import { isPreemptible } from './hypercalls/in-memory-rest.js';
import { getVersion, querySize } from './hypercalls/query-table.js';
import { removeFromPhysmap } from './hypercalls/remove-from-physmap.js';
import { reservation } from './hypercalls/reservation.js';
import { claimPages } from './hypercalls/resources.js';
import { setVersion } from './hypercalls/set-version.js';
import { setupTable, statusFrames } from './hypercalls/setup-table.js';
import { accessLinear } from './linear-access.js';
import { defaultOptions } from './options.js';
import type { Counters, Options } from './options.js';
import { crash } from './physmap.js';
import { unstopped } from './invocation.js';
import { invoke, preemption } from './preemption.js';
import { BUSY, crashedIn, CRASHED, NO_DOMAIN, PAUSED, rcReply } from './replies.js';
import type { StopPoint } from './stop-points.js';
import { toolstack } from './toolstack.js';
import { accessWindow, windowCall } from './windows.js';

export type { StopPoint } from './stop-points.js';

/**
 * The hypervisor: one machine with the control domain and no guests. Whatever a guest passes, a
 * step answers; it throws `AssertionFailed` only where the hypervisor itself is broken.
 */
export class Hypervisor implements System {
  readonly name = 'hypervisor';
  /** For the audit; nothing else looks inside. */
  readonly host: Host;

  constructor(
    machine: Machine,
    options: Partial<Options> = {},
    stop: (point: StopPoint) => void = doNotStop,
  ) {
    this.host = new Host(machine, { ...defaultOptions, ...options }, stop);
    createControl(this.host);
  }

  /** How often each path was taken so far. */
  counters(): Readonly<Counters> {
    return this.host.counters;
  }

  perform(step: Step): Reply {
    if (!('caller' in step)) return this.#toolstack(step);
    if (step.caller === CONTROL) return this.#byControl(step);
    switch (step.op) {
      case 'load':
      case 'store':
      case 'cmpxchg':
      case 'xadd':
      case 'fetch': {
        const caller = this.#running(step.caller, step.vcpu);
        return caller === undefined ? this.#notNow(step) : accessPhysical(this.host, caller, step);
      }
      case 'load_linear':
      case 'store_linear':
      case 'cmpxchg_linear':
      case 'xadd_linear':
      case 'fetch_linear': {
        const caller = this.#running(step.caller, step.vcpu);
        const vcpu = caller?.vcpus[step.vcpu];
        if (caller === undefined || vcpu === undefined) return this.#notNow(step);
        return accessLinear(this.host, caller, vcpu, step);
      }
      case 'cr0':
      case 'cr3':
      case 'cr4':
      case 'efer':
      case 'pkru':
      case 'invlpg': {
        const caller = this.#running(step.caller, step.vcpu);
        const vcpu = caller?.vcpus[step.vcpu];
        if (caller === undefined || vcpu === undefined) return this.#notNow(step);
        return control(this.host, caller, vcpu, step);
      }
      case 'hypercall':
        return this.#hypercall(step);
      case 'crash': {
        const caller = this.#running(step.caller, step.vcpu);
        if (caller === undefined) return this.#notNow(step);
        crash(caller);
        return CRASHED;
      }
      case 'interrupt':
      case 'resume':
        return preemption(this.host, step);
      default:
        return this.#call(step);
    }
  }

  /** A guest makes a call by its registers. */
  #hypercall(step: Hypercall): Reply {
    const caller = this.#running(step.caller, step.vcpu);
    const vcpu = caller?.vcpus[step.vcpu];
    if (caller === undefined || vcpu === undefined) return this.#notNow(step);
    const reply = isPreemptible(step)
      ? invoke(this.host, caller, step, 0)
      : hypercall(this.host, caller, vcpu, step, unstopped);
    return caller.isCrashed ? crashedIn(reply) : reply;
  }

  #toolstack(step: Toolstack | WindowCall): Reply {
    switch (step.op) {
      case 'destroy':
      case 'set_memory_type':
      case 'pod_target':
        if (!this.#isControlFree(FIRST_VCPU)) return BUSY;
        return invoke(this.host, this.host.control(), step, 0);
      case 'map_foreign':
      case 'unmap_window':
        return windowCall(this.host, step);
      default:
        return toolstack(this.host, step);
    }
  }

  #call(step: GrantCall | MemoryCall): Reply {
    const caller = this.#running(step.caller, step.vcpu);
    if (caller === undefined) return this.#notNow(step);
    const reply = performCall(this.host, caller, step);
    return caller.isCrashed ? CRASHED : reply;
  }

  /**
   * What the control domain's kernel does: its hypercalls, and accesses to its own address space. What
   * else its processors do is not looked at.
   */
  #byControl(step: Extract<Step, ByGuest>): Reply {
    switch (step.op) {
      case 'interrupt':
      case 'resume':
        return preemption(this.host, step);
      case 'load':
      case 'store':
      case 'cmpxchg':
        return this.#isControlFree(step.vcpu) ? accessWindow(this.host, step) : this.#notNow(step);
      case 'xadd':
      case 'fetch':
      case 'crash':
      case 'load_linear':
      case 'store_linear':
      case 'cmpxchg_linear':
      case 'xadd_linear':
      case 'fetch_linear':
      case 'cr0':
      case 'cr3':
      case 'cr4':
      case 'efer':
      case 'pkru':
      case 'invlpg':
      case 'hypercall':
        return NO_DOMAIN;
      default:
        if (!this.#isControlFree(step.vcpu)) return this.#notNow(step);
        return performCall(this.host, this.host.control(), step);
    }
  }

  /** The control domain's vcpu is not in the middle of a call. */
  #isControlFree(vcpu: VcpuId): boolean {
    if (vcpu >= this.host.machine.vcpus) return false;
    return !this.host.continuations.isStopped(CONTROL, vcpu);
  }

  /** What a step answers whose caller cannot make it: there is none, it is paused, or in a call. */
  #notNow({ caller, vcpu }: ByGuest): Reply {
    const domain = this.host.domains.byId(caller);
    const isAlive = caller === CONTROL || domain?.isAlive() === true;
    if (isAlive && vcpu < this.host.machine.vcpus && domain?.isRunning() === false) return PAUSED;
    return isAlive && this.host.continuations.isStopped(caller, vcpu) ? BUSY : NO_DOMAIN;
  }

  /** A guest whose vcpu executes instructions, and is not in the middle of a call. */
  #running(id: DomainId, vcpu: VcpuId): Domain | undefined {
    const domain = this.host.domains.byId(id);
    if (domain === undefined || id === CONTROL) return undefined;
    if (!domain.isRunning() || vcpu >= this.host.machine.vcpus) return undefined;
    if (this.host.continuations.isStopped(id, vcpu)) return undefined;
    return domain;
  }
}

function performCall(host: Host, caller: Domain, step: GrantCall | MemoryCall): Reply {
  switch (step.op) {
    case 'setup_table':
      return setupTable(host, caller, step);
    case 'query_size':
      return querySize(host, caller, step);
    case 'set_version':
      return setVersion(host, caller, step);
    case 'get_version':
      return getVersion(host, caller, step);
    case 'refused_grant_call':
      return rcReply('-ENOSYS');
    case 'get_status_frames':
      return isTranslated(caller) ? rcReply('-ENOSYS') : statusFrames(host, caller, step);
    case 'transfer':
    case 'unmap_and_replace':
      return isTranslated(caller) ? rcReply('-ENOSYS') : invoke(host, caller, step, 0);
    case 'write_back':
      return isTranslated(caller) ? rcReply('-ENOSYS') : writeBack(host, caller, step);
    case 'remove_from_physmap':
      return removeFromPhysmap(host, caller, step);
    case 'exchange':
      return exchange(host, caller, step);
    case 'claim_pages':
      return claimPages(host, caller, step);
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return reservation(host, caller, step);
    default:
      return invoke(host, caller, step, 0);
  }
}

function doNotStop(): void {
  // Nobody waits at the stop points by default.
}
