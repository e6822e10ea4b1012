import * as bits from '../../abi/control.js';
import {
  GTF_permit_access,
  GTF_readonly,
  GNTMAP_host_map,
  GNTMAP_readonly,
} from '../../abi/grant-table.js';
import {
  DOMID_SELF,
  DomainId,
  Gfn,
  GrantRef,
  GuestPhysical,
  Handle,
  VcpuId,
} from '../../abi/ids.js';
import { XENMAPSPACE_gmfn } from '../../abi/step.js';
import type { Accessor, Step } from '../../abi/step.js';
import { accessors } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Word } from '../../abi/word.js';
import { DATA_GFNS, GRANT_GFNS, MAPPED_GRANT_FRAME_GFN, TABLE_GFNS } from './random-entries.js';
import { RandomEntries } from './random-entries.js';
import { Random } from './random.js';

/** What programs of one kind may do. */
export interface ProgramSetting {
  readonly seed: number;
  /** INVLPG or a CR3 load comes before each access, so that it must be as a fresh walk says. */
  readonly flushesFirst: boolean;
  /** Everything in which nested and shadow paging differ is left out. */
  readonly isPortable: boolean;
}

/** Entries that programs set and go through. */
const NEAR = [0, 0, 0, 0, 1, 1, 1, 2, 2, 511] as const;
const ENTRIES_SET_UP = 3;
const IN_SUPERPAGE = [...GRANT_GFNS, ...GRANT_GFNS, ...TABLE_GFNS, ...DATA_GFNS];
/** Addresses in use at a time. */
const ADDRESSES = 12;
const TWO_TO_32 = 2 ** 32;

/**
 * Random programs about page tables: tables that point anywhere, themselves included; registers of
 * all modes; accesses that go through them; p2m and grants that change below. Repeatable by seed.
 */
export class TablePrograms {
  readonly #random: Random;
  readonly #entries: RandomEntries;
  readonly #setting: ProgramSetting;
  /** Every second program changes its tables less, so that shadows live longer. */
  readonly #isCalm: boolean;
  /** By domain and place. */
  readonly #addresses: Word[] = [];
  /** By domain, the mode that most of its tables are for. */
  readonly #modes: (2 | 3 | 4)[] = [2, 2, 4];
  readonly #handles: { domain: number; handle: number; gfn: number }[] = [];

  constructor(setting: ProgramSetting) {
    this.#random = new Random(setting.seed);
    this.#setting = setting;
    this.#isCalm = setting.seed % 2 === 0;
    this.#entries = new RandomEntries(this.#random, setting.isPortable, this.#isCalm);
  }

  /** A mapping was made: it may be unmapped later. */
  noteMapping(domain: number, handle: number, gfn: number): void {
    this.#handles.push({ domain, handle, gfn });
  }

  /** The domains are new ones. */
  forgetMappings(): void {
    this.#handles.length = 0;
  }

  /** The next few steps. */
  next(): readonly Step[] {
    const { isPortable } = this.#setting;
    const dice = this.#random.below(1000);
    if (dice < (this.#isCalm ? 20 : 50)) return this.#setUp();
    if (dice < (this.#isCalm ? 40 : 150)) return [this.#setEntry()];
    if (dice < 850) return this.#access();
    if (dice < 890) return this.#control();
    if (dice < 920) return [this.#invalidateSome()];
    if (dice < 935) return [this.#physicalStore()];
    if (dice < 975) return [this.#grant()];
    if (dice < 985) return [this.#logDirty()];
    return isPortable ? [this.#dataPages()] : [this.#anyPages()];
  }

  #caller(): { caller: DomainId; vcpu: VcpuId } {
    const domain = this.#random.below(3) === 0 ? 2 : 1;
    return { caller: DomainId(domain), vcpu: VcpuId(this.#random.below(2)) };
  }

  /** An entry of some table, by physical address: 4 or 8 bytes, now and then half an entry. */
  #setEntry(): Step {
    const gfn = this.#random.of(TABLE_GFNS);
    const by = this.#caller();
    const isUsual = this.#random.below(8) > 0;
    const size = (this.#modes[by.caller] === 2) === isUsual ? 4 : 8;
    const index = this.#random.below(20) === 0 ? 1023 : this.#random.of(NEAR);
    const offset = Math.min(index * size, PAGE_BYTES - size);
    const address = GuestPhysical(gfn * PAGE_BYTES + offset);
    return { op: 'store', ...by, address, size, value: this.#entries.entry() };
  }

  /** A vcpu gets a mode and tables that go together, some of them twice in the same walk. */
  #setUp(): readonly Step[] {
    const by = this.#caller();
    if (this.#random.below(6) === 0) this.#modes[by.caller] = this.#random.of([2, 3, 4]);
    const mode = this.#modes[by.caller] ?? 2;
    const bytes = mode === 2 ? 4 : 8;
    const first = this.#random.below(TABLE_GFNS.length);
    const isAnyhow = this.#random.below(4) === 0;
    const tables = Array.from({ length: mode }, (_, level) => {
      const next = TABLE_GFNS[(first + level) % TABLE_GFNS.length] ?? 1;
      return isAnyhow ? this.#random.of(TABLE_GFNS) : next;
    });
    const steps: Step[] = [{ op: 'cr0', ...by, value: bits.CR0_PE }];
    for (let level = 0; level < tables.length; level += 1) {
      for (let index = 0; index < ENTRIES_SET_UP; index += 1) {
        const isTop = mode === 3 && level === 0;
        const gfn = tables[level + 1] ?? this.#entries.anyGfn();
        const address = GuestPhysical((tables[level] ?? 0) * PAGE_BYTES + index * bytes);
        const value = isTop ? { low: (gfn << 12) | 1, high: 0 } : this.#entries.entryOf(gfn);
        steps.push({ op: 'store', ...by, address, size: bytes, value });
      }
    }
    const isLong = mode === 4;
    const efer = (isLong ? bits.EFER_LME : 0) | (this.#random.below(5) > 0 ? bits.EFER_NXE : 0);
    const cr4 = this.#entries.cr4() & ~bits.CR4_PAE;
    const root = { low: (tables[0] ?? 0) * PAGE_BYTES, high: 0 };
    steps.push(
      { op: 'efer', ...by, value: efer },
      { op: 'cr4', ...by, value: mode === 2 ? cr4 : cr4 | bits.CR4_PAE },
      { op: 'cr3', ...by, value: root },
      { op: 'cr0', ...by, value: (this.#entries.cr0() | bits.CR0_PG) >>> 0 },
    );
    return steps;
  }

  /** An address that was used lately, or a new one. */
  #linear(caller: number): Word {
    const place = caller * ADDRESSES + this.#random.below(ADDRESSES);
    const used = this.#addresses[place];
    if (used !== undefined && this.#random.below(10) < 7) return used;
    const linear = this.#newLinear(this.#modes[caller] ?? 2);
    this.#addresses[place] = linear;
    return linear;
  }

  /** An address that goes through the few entries that are set, in any mode. */
  #newLinear(mode: 2 | 3 | 4): Word {
    const [a, b, c, near] = [0, 0, 0, 0].map(() => this.#random.of(NEAR));
    // In a superpage that starts at gfn 0, and without paging, this is the gfn.
    const d = this.#random.below(4) === 0 ? this.#random.of(IN_SUPERPAGE) : near;
    const size = this.#random.below(6);
    const offset = size === 0 ? PAGE_BYTES - 1 - this.#random.below(7) : 8 * this.#random.below(6);
    const low = (d ?? 0) * 2 ** 12 + offset;
    const middle = (c ?? 0) * 2 ** (mode === 2 ? 22 : 21);
    const third = mode === 2 ? 0 : ((b ?? 0) % (mode === 3 ? 4 : 512)) * 2 ** 30;
    const address = (mode === 4 ? (a ?? 0) * 2 ** 39 : 0) + third + middle + low;
    let high = Math.floor(address / TWO_TO_32) % 2 ** 16;
    if (high >= 0x8000) high = (high | 0xffff_0000) >>> 0;
    return { low: (address % TWO_TO_32) >>> 0, high };
  }

  #access(): readonly Step[] {
    const by = this.#caller();
    const linear = this.#linear(by.caller);
    const steps: Step[] = [];
    if (this.#setting.flushesFirst) steps.push(...this.#flushFor(by, linear));
    const size = this.#random.of([1, 2, 4, 4, 8, 8, 8]);
    const as: Accessor = this.#random.of(accessors);
    const value = this.#random.below(2) === 0 ? this.#entries.entry() : this.#word();
    const access = { ...by, linear, size, as };
    const dice = this.#random.below(this.#setting.isPortable ? 9 : 10);
    if (dice < 4) steps.push({ op: 'load_linear', ...access });
    else if (dice < 7) steps.push({ op: 'store_linear', ...access, value });
    else if (dice < 8)
      steps.push({ op: 'xadd_linear', ...access, value: { low: 0x1000, high: 0 } });
    else if (dice < 9) {
      steps.push({ op: 'cmpxchg_linear', ...access, expected: { low: 0, high: 0 }, value });
    } else steps.push({ op: 'fetch_linear', ...access });
    return steps;
  }

  #flushFor(by: { caller: DomainId; vcpu: VcpuId }, linear: Word): readonly Step[] {
    const next = (linear.low | 0xfff) + 1;
    const carried = next >= TWO_TO_32 ? (linear.high + 1) >>> 0 : linear.high;
    return [
      this.#invalidate(by, linear),
      this.#invalidate(by, { low: next >>> 0, high: carried }),
      // Outside long mode an access that runs past the end goes on at the start.
      this.#invalidate(by, { low: next >>> 0, high: 0 }),
    ];
  }

  #invalidateSome(): Step {
    const by = this.#caller();
    return this.#invalidate(by, this.#linear(by.caller));
  }

  #invalidate(by: { caller: DomainId; vcpu: VcpuId }, linear: Word): Step {
    return { op: 'invlpg', ...by, linear };
  }

  #control(): readonly Step[] {
    const by = this.#caller();
    const root = { low: this.#random.of(TABLE_GFNS) * PAGE_BYTES, high: 0 };
    const dice = this.#random.below(10);
    if (dice < 3) return [{ op: 'cr3', ...by, value: root }];
    if (dice < 5) return [{ op: 'cr0', ...by, value: this.#entries.cr0() }];
    if (dice < 6) return [{ op: 'cr4', ...by, value: this.#entries.cr4() }];
    if (dice < 7) return [{ op: 'efer', ...by, value: this.#random.of([0, 0x800, 0x900, 0x100]) }];
    return this.#setUp();
  }

  #word(): Word {
    return { low: this.#random.word(), high: this.#random.word() };
  }

  /** Bytes anywhere, at any alignment. */
  #physicalStore(): Step {
    const gfn = this.#random.below(14);
    const address = GuestPhysical(gfn * PAGE_BYTES + this.#random.below(40));
    const size = this.#random.of([1, 2, 4, 8]);
    return { op: 'store', ...this.#caller(), address, size, value: this.#entries.entry() };
  }

  /** Grants, made, mapped, unmapped and copied; of tables as well. */
  #grant(): Step {
    const granter = 1 + this.#random.below(2);
    const by = { caller: DomainId(3 - granter), vcpu: VcpuId(0) };
    const ref = 1 + this.#random.below(4);
    const mapped = this.#random.below(3) === 0 ? this.#handles.pop() : undefined;
    if (mapped !== undefined) {
      const address = GuestPhysical(mapped.gfn * PAGE_BYTES);
      const element = { handle: Handle(mapped.handle), address, deviceAddress: 0 };
      return { op: 'unmap', caller: DomainId(mapped.domain), vcpu: VcpuId(0), elements: [element] };
    }
    if (this.#random.below(2) === 0) {
      const readonly = this.#random.below(3) === 0 ? GTF_readonly : 0;
      const low = (GTF_permit_access | readonly | ((3 - granter) << 16)) >>> 0;
      const gfn = this.#random.of([...TABLE_GFNS, ...DATA_GFNS]);
      return {
        op: 'store',
        caller: DomainId(granter),
        vcpu: VcpuId(0),
        address: GuestPhysical(MAPPED_GRANT_FRAME_GFN * PAGE_BYTES + ref * 8),
        size: 8,
        value: { low, high: gfn },
      };
    }
    const flags = this.#random.below(3) === 0 ? GNTMAP_host_map | GNTMAP_readonly : GNTMAP_host_map;
    const address = GuestPhysical(this.#random.of(GRANT_GFNS) * PAGE_BYTES);
    const element = { granter: DomainId(granter), ref: GrantRef(ref), address, flags };
    return { op: 'map', ...by, elements: [element] };
  }

  /** Most programs run with a log now and then. */
  #logDirty(): Step {
    const action = this.#random.of(['enable', 'peek', 'clean', 'clean', 'disable'] as const);
    return { op: 'log_dirty', domain: DomainId(1 + this.#random.below(2)), action };
  }

  /** Pages that are no roots come and go. */
  #dataPages(): Step {
    const by = this.#caller();
    const extents = [Gfn(this.#random.of(DATA_GFNS))];
    const op = this.#random.below(2) === 0 ? 'populate_physmap' : 'decrease_reservation';
    return { op, ...by, target: DOMID_SELF, extents, order: 0 };
  }

  #anyPages(): Step {
    const by = this.#caller();
    const gfn = Gfn(this.#random.of([...TABLE_GFNS, ...DATA_GFNS]));
    const target = DOMID_SELF;
    const dice = this.#random.below(10);
    if (dice < 4) return { op: 'populate_physmap', ...by, target, extents: [gfn], order: 0 };
    if (dice < 7) return { op: 'decrease_reservation', ...by, target, extents: [gfn], order: 0 };
    if (dice < 8) return { op: 'remove_from_physmap', ...by, target, gfn };
    const index = this.#random.of([...TABLE_GFNS, ...DATA_GFNS]);
    return { op: 'add_to_physmap', ...by, target, space: XENMAPSPACE_gmfn, index, gfn, size: 0 };
  }
}
