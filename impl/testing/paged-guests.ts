import { CR0_AT_START, CR0_PG, CR0_WP, CR4_PAE, EFER_LME } from '../../abi/control.js';
import { PTE_P, PTE_PS, PTE_RW, PTE_US } from '../../abi/control.js';
import { DomainId, VcpuId } from '../../abi/ids.js';
import { presets } from '../../abi/machine.js';
import type { Machine, Paging } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import type { Accessor } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Word } from '../../abi/word.js';
import { assert } from '../assert.js';
import type { Vcpu } from '../vcpu.js';
import { Guests } from './guests.js';
import type { Setting } from './guests.js';

/** Present, writable, the user's. */
export const ALL = PTE_P | PTE_RW | PTE_US;
export const PAGED = (CR0_AT_START | CR0_PG | CR0_WP) >>> 0;

/** Three guests with two vcpus and enough pages for tables. */
export const roomy: Machine = {
  ...presets.small,
  vcpus: 2,
  guestFrames: 96,
  defaults: { ...presets.small.defaults, ram: [{ gfn: 0, count: 24 }], maximumPages: 32 },
};

/** The same on either kind of paging. */
export const machines: Readonly<Record<Paging, Machine>> = {
  hap: roomy,
  shadow: { ...roomy, paging: 'shadow' },
};
export const pagings = ['hap', 'shadow'] as const;
/** How the tables of a guest are laid out: where each level is. The root is at gfn 1. */
export type Layout = '2-level' | 'pae' | '4-level';
export const layouts = ['2-level', 'pae', '4-level'] as const;

/** Every layout of tables on every kind of paging. */
export const settings = layoutsOnPagings();

/** The tables of domain 1: root, ..., level 2, level 1. PAE has its top entries at the start of gfn 1. */
export const ROOT = 1;
export const LEVEL_3 = 2;
export const LEVEL_2 = 3;
export const LEVEL_1 = 4;
/** Linear addresses of the pages used are here: level 2 entry 1, level 1 entry n. */
const FIRST_LINEAR: Readonly<Record<Layout, number>> = {
  '2-level': 0x40_0000,
  pae: 0x20_0000,
  '4-level': 0x20_0000,
};

/** A kind of access, as a test says it. */
export interface Kind {
  readonly op?: 'load' | 'store' | 'cmpxchg' | 'xadd' | 'fetch';
  readonly as?: Accessor;
  readonly size?: number;
  readonly value?: number;
  readonly expected?: number;
  readonly vcpu?: number;
}

/** Guests of which the first has page tables, in short form. */
export class PagedGuests extends Guests {
  readonly layout: Layout;

  constructor(layout: Layout, setting: Setting = {}) {
    super({ machine: roomy, ...setting });
    this.layout = layout;
    this.buildTables();
  }

  /** Tables of the layout in which linear page n of `linear(n)` is gfn n. */
  buildTables(): void {
    const { layout } = this;
    if (layout === '4-level') this.setEntry(ROOT, 0, LEVEL_3, ALL);
    if (layout === '4-level') this.setEntry(LEVEL_3, 0, LEVEL_2, ALL);
    if (layout === 'pae') this.setEntry(ROOT, 0, LEVEL_2, PTE_P);
    this.setEntry(layout === '2-level' ? ROOT : LEVEL_2, 1, LEVEL_1, ALL);
    for (let page = 0; page < 24; page += 1) this.setEntry(LEVEL_1, page, page, ALL);
  }

  /** The table that holds level 2. */
  levelTwo(): number {
    return this.layout === '2-level' ? ROOT : LEVEL_2;
  }

  /** Writes an entry of a table by its guest-physical address. */
  setEntry(table: number, index: number, gfn: number, flags: number, highFlags = 0): void {
    const address = table * PAGE_BYTES + index * this.width();
    const value = { low: ((gfn << 12) | flags) >>> 0, high: ((gfn >>> 20) | highFlags) >>> 0 };
    this.store(1, address, value, this.width());
  }

  /** The flags, bits 0..11, of an entry. */
  flagsOf(table: number, index: number): number | undefined {
    const reply = this.load(1, table * PAGE_BYTES + index * this.width(), 4);
    return reply.is === 'value' ? reply.value.low & 0xfff : undefined;
  }

  /** Turns paging on in the layout, by way of CR4, EFER and CR3. */
  page(vcpu = 0, cr4 = 0, efer = 0): Reply {
    const { layout } = this;
    this.move('cr4', layout === '2-level' ? cr4 : cr4 | CR4_PAE, vcpu);
    this.move('efer', layout === '4-level' ? efer | EFER_LME : efer, vcpu);
    this.cr3(ROOT * PAGE_BYTES, vcpu);
    return this.move('cr0', PAGED, vcpu);
  }

  move(op: 'cr0' | 'cr4' | 'efer' | 'pkru', value: number, vcpu = 0): Reply {
    return this.step({ op, caller: DomainId(1), vcpu: VcpuId(vcpu), value });
  }

  cr3(low: number, vcpu = 0, high = 0): Reply {
    return this.step({ op: 'cr3', caller: DomainId(1), vcpu: VcpuId(vcpu), value: { low, high } });
  }

  invalidate(low: number, vcpu = 0, high = 0): Reply {
    const linear = { low, high };
    return this.step({ op: 'invlpg', caller: DomainId(1), vcpu: VcpuId(vcpu), linear });
  }

  /** The linear address of an offset of a page. */
  linear(page: number, offset = 0): number {
    return FIRST_LINEAR[this.layout] + page * PAGE_BYTES + offset;
  }

  /** An access by linear address, of four bytes unless it says otherwise. */
  access(linear: number | Word, kind: Kind = {}): Reply {
    const { op = 'load', as = 'kernel', size = 4, value = 0, expected = 0 } = kind;
    const by = {
      caller: DomainId(1),
      vcpu: VcpuId(kind.vcpu ?? 0),
      linear: typeof linear === 'number' ? { low: linear >>> 0, high: 0 } : linear,
      size,
      as,
    };
    const word = { low: value, high: 0 };
    switch (op) {
      case 'load':
        return this.step({ op: 'load_linear', ...by });
      case 'store':
        return this.step({ op: 'store_linear', ...by, value: word });
      case 'cmpxchg': {
        const wanted = { low: expected, high: 0 };
        return this.step({ op: 'cmpxchg_linear', ...by, expected: wanted, value: word });
      }
      case 'xadd':
        return this.step({ op: 'xadd_linear', ...by, value: word });
      case 'fetch':
        return this.step({ op: 'fetch_linear', ...by });
    }
  }

  vcpu(id = 0): Vcpu {
    const vcpu = this.hypervisor.host.domains.byId(DomainId(1))?.vcpus[id];
    assert(vcpu !== undefined, 'domain 1 has its vcpus');
    return vcpu;
  }

  /** A superpage at level 2, entry 0: linear addresses from 0 on. */
  setSuperpage(gfn: number, flags = ALL): void {
    this.setEntry(this.levelTwo(), 0, gfn, flags | PTE_PS);
  }

  private width(): number {
    return this.layout === '2-level' ? 4 : 8;
  }
}

function layoutsOnPagings(): readonly (readonly [Layout, Paging])[] {
  return layouts.flatMap((layout) => pagings.map((paging) => [layout, paging] as const));
}

/** A load's answer. */
export function valueIs(low: number, high = 0): Reply {
  return { is: 'value', value: { low, high } };
}

export function faultIs(code: number, low: number, high = 0): Reply {
  return { is: 'page_fault', code, linear: { low: low >>> 0, high } };
}

/** Guests of which domain 1 has paging on; its pages 8 and 9 say so, at both ends. */
export function paged(layout: Layout, cr4 = 0, efer = 0, paging: Paging = 'hap'): PagedGuests {
  const guests = new PagedGuests(layout, { machine: machines[paging] });
  for (const gfn of [8, 9]) {
    guests.store(1, gfn * PAGE_BYTES, { low: gfn, high: 0 });
    guests.store(1, gfn * PAGE_BYTES + 0xffc, { low: gfn * 0x100, high: 0 }, 4);
  }
  guests.page(0, cr4, efer);
  return guests;
}
