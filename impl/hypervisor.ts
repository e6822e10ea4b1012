import { CONTROL } from '../abi/ids.js';
import type { DomainId, VcpuId } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type { Reply } from '../abi/reply.js';
import type { GrantCall, MemoryCall, Step } from '../abi/step.js';
import type { System } from '../abi/system.js';
import { accessPhysical } from './access.js';
import { control } from './control.js';
import { createControl } from './create-domain.js';
import type { Domain } from './domain.js';
import { Host } from './host.js';
import { addToPhysmap, addToPhysmapBatch } from './hypercalls/add-to-physmap.js';
import { copyGrant } from './hypercalls/copy-grant.js';
import { decrease } from './hypercalls/decrease.js';
import { exchange } from './hypercalls/exchange.js';
import { hypercall } from './hypercalls/in-memory.js';
import { mapGrant } from './hypercalls/map-grant.js';
import { increase, populate } from './hypercalls/populate.js';
import { getVersion, querySize } from './hypercalls/query-table.js';
import { removeFromPhysmap } from './hypercalls/remove-from-physmap.js';
import { reservation } from './hypercalls/reservation.js';
import { setVersion } from './hypercalls/set-version.js';
import { setupTable } from './hypercalls/setup-table.js';
import { swapGrant } from './hypercalls/swap-grant.js';
import { unmapGrant } from './hypercalls/unmap-grant.js';
import { accessLinear } from './linear-access.js';
import { defaultOptions } from './options.js';
import type { Counters, Options } from './options.js';
import { crash } from './physmap.js';
import { CRASHED, NO_DOMAIN, rcReply } from './replies.js';
import type { StopPoint } from './stop-points.js';
import { toolstack } from './toolstack.js';

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
    switch (step.op) {
      case 'load':
      case 'store':
      case 'cmpxchg':
      case 'xadd':
      case 'fetch': {
        const caller = this.#running(step.caller, step.vcpu);
        return caller === undefined ? NO_DOMAIN : accessPhysical(this.host, caller, step);
      }
      case 'load_linear':
      case 'store_linear':
      case 'cmpxchg_linear':
      case 'xadd_linear':
      case 'fetch_linear': {
        const caller = this.#running(step.caller, step.vcpu);
        const vcpu = caller?.vcpus[step.vcpu];
        if (caller === undefined || vcpu === undefined) return NO_DOMAIN;
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
        if (caller === undefined || vcpu === undefined) return NO_DOMAIN;
        return control(this.host, caller, vcpu, step);
      }
      case 'hypercall': {
        const caller = this.#running(step.caller, step.vcpu);
        const vcpu = caller?.vcpus[step.vcpu];
        if (caller === undefined || vcpu === undefined) return NO_DOMAIN;
        const reply = hypercall(this.host, caller, vcpu, step);
        return caller.isCrashed ? CRASHED : reply;
      }
      case 'crash': {
        const caller = this.#running(step.caller, step.vcpu);
        if (caller === undefined) return NO_DOMAIN;
        crash(caller);
        return CRASHED;
      }
      case 'create':
      case 'destroy':
      case 'domain_info':
      case 'set_memory_limit':
      case 'inspect_gfn':
      case 'log_dirty':
      case 'fail_next':
        return toolstack(this.host, step);
      case 'map':
      case 'unmap':
      case 'copy':
      case 'setup_table':
      case 'query_size':
      case 'set_version':
      case 'get_version':
      case 'swap':
      case 'refused_grant_call': {
        const caller = this.#running(step.caller, step.vcpu);
        if (caller === undefined) return NO_DOMAIN;
        const reply = performGrantCall(this.host, caller, step);
        return caller.isCrashed ? CRASHED : reply;
      }
      default: {
        const caller =
          step.caller === CONTROL ? this.host.control() : this.#running(step.caller, step.vcpu);
        if (caller === undefined) return NO_DOMAIN;
        const reply = performMemoryCall(this.host, caller, step);
        return caller.isCrashed ? CRASHED : reply;
      }
    }
  }

  /** A guest whose vcpu executes instructions. */
  #running(id: DomainId, vcpu: VcpuId): Domain | undefined {
    const domain = this.host.domains.byId(id);
    if (domain === undefined || id === CONTROL) return undefined;
    if (!domain.isRunning() || vcpu >= this.host.machine.vcpus) return undefined;
    return domain;
  }
}

function performGrantCall(host: Host, caller: Domain, step: GrantCall): Reply {
  switch (step.op) {
    case 'map':
      return mapGrant(host, caller, step);
    case 'unmap':
      return unmapGrant(host, caller, step);
    case 'copy':
      return copyGrant(host, caller, step);
    case 'setup_table':
      return setupTable(host, caller, step);
    case 'query_size':
      return querySize(host, caller, step);
    case 'set_version':
      return setVersion(host, caller, step);
    case 'get_version':
      return getVersion(host, caller, step);
    case 'swap':
      return swapGrant(host, caller, step);
    case 'refused_grant_call':
      return rcReply('-ENOSYS');
  }
}

function performMemoryCall(host: Host, caller: Domain, step: MemoryCall): Reply {
  switch (step.op) {
    case 'populate_physmap':
      return populate(host, caller, step);
    case 'decrease_reservation':
      return decrease(host, caller, step);
    case 'increase_reservation':
      return increase(host, caller, step);
    case 'add_to_physmap':
      return addToPhysmap(host, caller, step);
    case 'add_to_physmap_batch':
      return addToPhysmapBatch(host, caller, step);
    case 'remove_from_physmap':
      return removeFromPhysmap(host, caller, step);
    case 'exchange':
      return exchange(host, caller, step);
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return reservation(host, caller, step);
  }
}

function doNotStop(): void {
  // Nobody waits at the stop points by default.
}
