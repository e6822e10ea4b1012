import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GTF_permit_access,
} from '../../abi/grant-table.js';
import { DOMID_SELF, DomainId, Gfn, GrantRef, GuestPhysical, VcpuId } from '../../abi/ids.js';
import type { Handle } from '../../abi/ids.js';
import { presets } from '../../abi/machine.js';
import type { DomainConfig, Machine } from '../../abi/machine.js';
import type { Observer } from '../../abi/observer.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { AssertionFailed } from '../assert.js';
import { observe } from '../audit.js';
import { Hypervisor } from '../hypervisor.js';
import type { Options } from '../options.js';
import type { StopPoint } from '../stop-points.js';

/** Where the domains of machine `small` find frame 0 of their grant table. */
export const TABLE_GFN = 0x20;
const V1_ENTRY_BYTES = 8;
const vcpu = VcpuId(0);

/** What a test may want otherwise. */
export interface Setting {
  readonly machine?: Machine;
  readonly config?: Partial<DomainConfig>;
  readonly options?: Partial<Options>;
  readonly stop?: (point: StopPoint) => void;
}

/**
 * Three guests on one hypervisor, for tests: what guests do most, in short form. Domains, gfns and
 * refs are plain numbers.
 */
export class Guests {
  readonly hypervisor: Hypervisor;
  readonly observer: Observer;

  readonly #config: DomainConfig;

  constructor({ machine = presets.small, config = {}, options, stop }: Setting = {}) {
    this.hypervisor = new Hypervisor(machine, options, stop);
    this.observer = observe(this.hypervisor);
    this.#config = { ...machine.defaults, ...config };
    for (let id = 1; id <= machine.domains; id += 1) this.create(id);
  }

  create(domain: number): Reply {
    return this.step({ op: 'create', domain: DomainId(domain), config: this.#config });
  }

  /** All domains are destroyed, so that nobody holds a page, and created anew. */
  recreateAll(): void {
    const { domains } = this.hypervisor.host.machine;
    for (let id = 1; id <= domains; id += 1) this.destroy(id);
    for (let id = 1; id <= domains; id += 1) this.create(id);
  }

  /** Some domain was crashed. */
  hasCrashed(): boolean {
    return [...this.hypervisor.host.domains.guests()].some(({ isCrashed }) => isCrashed);
  }

  step(step: Step): Reply {
    return this.hypervisor.perform(step);
  }

  /** A version 1 entry in the granter's own table. */
  grant(granter: number, ref: number, to: number, gfn: number, flags = GTF_permit_access): Reply {
    const address = TABLE_GFN * PAGE_BYTES + ref * V1_ENTRY_BYTES;
    return this.store(granter, address, { low: flags | (to << 16), high: gfn });
  }

  map(mapper: number, granter: number, ref: number, gfn: number, isReadonly = false): ElementReply {
    const flags = isReadonly ? GNTMAP_host_map | GNTMAP_readonly : GNTMAP_host_map;
    return this.mapWithFlags(mapper, granter, ref, gfn, flags);
  }

  mapWithFlags(
    mapper: number,
    granter: number,
    ref: number,
    gfn: number,
    flags: number,
  ): ElementReply {
    const address = GuestPhysical(gfn * PAGE_BYTES);
    const element = { granter: DomainId(granter), ref: GrantRef(ref), address, flags };
    const reply = this.step({ op: 'map', caller: DomainId(mapper), vcpu, elements: [element] });
    return only(reply);
  }

  unmap(mapper: number, handle: Handle | undefined, gfn: number): ElementReply {
    if (handle === undefined) throw new AssertionFailed('a mapping that ends was made');
    const element = { handle, address: GuestPhysical(gfn * PAGE_BYTES), deviceAddress: 0 };
    return only(this.step({ op: 'unmap', caller: DomainId(mapper), vcpu, elements: [element] }));
  }

  /** Copies from a ref to the caller's own gfn. */
  copyFromRef(caller: number, granter: number, ref: number, toGfn: number): ElementReply {
    return this.copy(caller, [
      { domain: granter, at: ref, isRef: true },
      { domain: DOMID_SELF, at: toGfn, isRef: false },
    ]);
  }

  /** Copies sixteen bytes between two sides: source, dest. */
  copy(caller: number, sides: readonly [Side, Side], length = 16): ElementReply {
    return only(this.copyAll(caller, [sides], length));
  }

  copyAll(caller: number, all: readonly (readonly [Side, Side])[], length = 16): Reply {
    const elements = all.map(([source, dest]) => ({
      source: { domain: DomainId(source.domain), at: source.at, offset: source.offset ?? 0 },
      dest: { domain: DomainId(dest.domain), at: dest.at, offset: dest.offset ?? 0 },
      length,
      flags: (source.isRef ? GNTCOPY_source_gref : 0) | (dest.isRef ? GNTCOPY_dest_gref : 0),
    }));
    return this.step({ op: 'copy', caller: DomainId(caller), vcpu, elements });
  }

  load(caller: number, address: number, size = 8): Reply {
    return this.step({
      op: 'load',
      caller: DomainId(caller),
      vcpu,
      address: GuestPhysical(address),
      size,
    });
  }

  /** The low 32 bits at the start of a page. */
  word(caller: number, gfn: number): number | undefined {
    const reply = this.load(caller, gfn * PAGE_BYTES, 4);
    return reply.is === 'value' ? reply.value.low : undefined;
  }

  store(caller: number, address: number, value: { low: number; high: number }, size = 8): Reply {
    return this.step({
      op: 'store',
      caller: DomainId(caller),
      vcpu,
      address: GuestPhysical(address),
      size,
      value,
    });
  }

  setWord(caller: number, gfn: number, low: number): Reply {
    return this.store(caller, gfn * PAGE_BYTES, { low, high: 0 }, 4);
  }

  destroy(domain: number): Reply {
    return this.step({ op: 'destroy', domain: DomainId(domain) });
  }

  pages(domain: number): number | undefined {
    const reply = this.step({ op: 'domain_info', domain: DomainId(domain) });
    return reply.is === 'domain_info' ? reply.pages : undefined;
  }

  populate(caller: number, gfns: readonly number[], order = 0): Reply {
    const target = DOMID_SELF;
    const extents = gfns.map(Gfn);
    return this.step({
      op: 'populate_physmap',
      caller: DomainId(caller),
      vcpu,
      target,
      extents,
      order,
    });
  }

  decrease(caller: number, gfns: readonly number[], order = 0): Reply {
    const target = DOMID_SELF;
    const extents = gfns.map(Gfn);
    return this.step({
      op: 'decrease_reservation',
      caller: DomainId(caller),
      vcpu,
      target,
      extents,
      order,
    });
  }

  addToPhysmap(caller: number, space: number, index: number, gfn: number): Reply {
    return this.step({
      op: 'add_to_physmap',
      caller: DomainId(caller),
      vcpu,
      target: DOMID_SELF,
      space,
      index,
      gfn: Gfn(gfn),
      size: 0,
    });
  }

  setVersion(caller: number, version: number): Reply {
    return this.step({ op: 'set_version', caller: DomainId(caller), vcpu, version });
  }
}

/** One side of a copy. */
export interface Side {
  readonly domain: number;
  readonly at: number;
  readonly isRef: boolean;
  readonly offset?: number;
}

/** The one element of a batch of one. */
function only(reply: Reply): ElementReply {
  const element = reply.is === 'statuses' ? reply.elements[0] : undefined;
  if (element === undefined) throw new AssertionFailed(`a batch of one ran, not ${reply.is}`);
  return element;
}
