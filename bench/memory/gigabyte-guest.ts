import * as control from '../../abi/control.js';
import { DomainId, GuestPhysical, VcpuId } from '../../abi/ids.js';
import { presets } from '../../abi/machine.js';
import type { Machine, Paging } from '../../abi/machine.js';
import type { Step } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Domain } from '../../impl/domain.js';
import type { Host } from '../../impl/host.js';
import { Hypervisor } from '../../impl/hypervisor.js';
import type { Vcpu } from '../../impl/vcpu.js';
import { LOADS, TLB_ENTRIES } from './pattern.js';
import type { Pass } from './pattern.js';

const PAGES = 262_144;
const ENTRIES = 512;
const ENTRY_BYTES = 8;
const NEW = control.PTE_P | control.PTE_RW | control.PTE_US;
const USED = NEW | control.PTE_A | control.PTE_D;

/** Gfns: the data of linear page n is at 2 n, the tables are above all data. */
const LEVEL_1 = 0x3_e000;
const LEVEL_2 = 0x3_f000;
const LEVEL_3 = 0x3_f001;
const ROOT = 0x3_f002;
const GUEST = { caller: DomainId(1), vcpu: VcpuId(0) };

/** One guest of 1 GiB. What it has besides memory is Xen's own. */
function machineOf(paging: Paging): Machine {
  return {
    ...presets.xen,
    name: 'gigabyte',
    domains: 1,
    vcpus: 1,
    guestFrames: PAGES,
    p2mTableFrames: PAGES / ENTRIES + ENTRIES,
    paging,
    shadowFrames: 1024,
    tlbEntries: TLB_ENTRIES,
    defaults: { ...presets.xen.defaults, ram: [{ gfn: 0, count: PAGES }], maximumPages: PAGES },
  };
}

/**
 * A guest of 262,144 pages in long mode. Its own tables, of four levels, map linear pages from 0 on;
 * each was used before, so that A and D are set.
 */
export class GigabyteGuest {
  readonly host: Host;
  readonly domain: Domain;
  readonly vcpu: Vcpu;
  readonly #hypervisor: Hypervisor;

  constructor(paging: Paging, mappedPages: number) {
    const machine = machineOf(paging);
    this.#hypervisor = new Hypervisor(machine);
    this.host = this.#hypervisor.host;
    this.#perform({ op: 'create', domain: GUEST.caller, config: machine.defaults });
    const domain = this.host.domains.byId(GUEST.caller);
    const vcpu = domain?.vcpus[0];
    if (domain === undefined || vcpu === undefined) throw new Error('the guest is there');
    this.domain = domain;
    this.vcpu = vcpu;
    this.#map(mappedPages);
    this.#turnPagingOn();
  }

  /** The guest stores at each address of a pass which load it is; a shadow is made for each page. */
  store({ first, stride }: Pass): void {
    for (let load = 0; load < LOADS; load += 1) {
      const linear = { low: first + load * stride, high: 0 };
      const value = { low: load, high: 0 };
      this.#perform({ op: 'store_linear', ...GUEST, linear, size: 4, as: 'kernel', value });
    }
  }

  /** The guest maps linear pages anew: until they are used, no shadow has them, and no TLB. */
  mapAnew(first: number, count: number): void {
    for (let page = first; page < first + count; page += 1) this.#setLeaf(page, NEW);
    this.vcpu.cpu.tlb.flushAll();
  }

  #map(count: number): void {
    this.#setEntry(ROOT, 0, LEVEL_3, USED);
    this.#setEntry(LEVEL_3, 0, LEVEL_2, USED);
    for (let table = 0; table < count / ENTRIES; table += 1) {
      this.#setEntry(LEVEL_2, table, LEVEL_1 + table, USED);
    }
    for (let page = 0; page < count; page += 1) this.#setLeaf(page, USED);
  }

  #setLeaf(page: number, flags: number): void {
    this.#setEntry(LEVEL_1 + Math.floor(page / ENTRIES), page % ENTRIES, page * 2, flags);
  }

  #setEntry(table: number, index: number, gfn: number, flags: number): void {
    const address = GuestPhysical(table * PAGE_BYTES + index * ENTRY_BYTES);
    const value = { low: gfn * PAGE_BYTES + flags, high: 0 };
    this.#perform({ op: 'store', ...GUEST, address, size: ENTRY_BYTES, value });
  }

  #turnPagingOn(): void {
    this.#perform({ op: 'cr4', ...GUEST, value: control.CR4_PAE });
    this.#perform({ op: 'efer', ...GUEST, value: control.EFER_LME });
    this.#perform({ op: 'cr3', ...GUEST, value: { low: ROOT * PAGE_BYTES, high: 0 } });
    const on = control.CR0_AT_START | control.CR0_PG | control.CR0_WP;
    this.#perform({ op: 'cr0', ...GUEST, value: on >>> 0 });
  }

  #perform(step: Step): void {
    const reply = this.#hypervisor.perform(step);
    const isGood =
      reply.is === 'rc' ? reply.rc === 0 : reply.is === 'done' || reply.is === 'stored';
    if (!isGood) throw new Error(`${step.op} answers ${reply.is}`);
  }
}
