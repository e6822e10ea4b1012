import { CONTROL, VcpuId } from '../abi/ids.js';
import type { DomainId } from '../abi/ids.js';
import type { Cpu as CpuFeatures, DomainConfig, Machine } from '../abi/machine.js';
import { WINDOWS } from '../abi/windows.js';
import { FrameShare } from './allocator.js';
import { assert } from './assert.js';
import { Domain } from './domain.js';
import { DomainTable } from './domain-table.js';
import { Failing } from './failing.js';
import { frameWritten } from './frame-written.js';
import { GuestWalk } from './guest-walk.js';
import { Cpu } from './hardware/cpu.js';
import { Ram } from './hardware/ram.js';
import { newPaging } from './new-paging.js';
import { newCounters } from './options.js';
import type { Counters, Options } from './options.js';
import type { StopPoint } from './stop-points.js';
import { ContinuationTable } from './tables/continuations.js';
import { Demands } from './tables/demands.js';
import { EntryLog } from './tables/entry-log.js';
import { FrameTable } from './tables/frame-table.js';
import { GrantTable } from './tables/grant-table.js';
import { Maptrack } from './tables/maptrack.js';
import { P2mTable } from './tables/p2m-table.js';
import { HUGE_PAGES, SUPERPAGE_PAGES, hasLargeEntries } from './tables/superpage.js';
import { WindowTable } from './tables/window-table.js';
import { Vcpu } from './vcpu.js';

/** The root table of the control domain, which has no p2m. */
const CONTROL_TABLES = 1;

/** Everything there is: memory, tables, domains. Every hypercall takes it first. */
export class Host {
  readonly machine: Machine;
  /** What the guests' processors are said to do, which depends on how they are run. */
  readonly cpuFeatures: CpuFeatures;
  readonly options: Options;
  readonly counters: Counters = newCounters();
  readonly stop: (point: StopPoint) => void;
  readonly ram: Ram;
  readonly frames: FrameTable;
  /** Frames that back guests' own RAM; the first of them are the control domain's. */
  readonly guestShare: FrameShare;
  /** Frames for p2m tables, shadows, grant tables and shared info: for every domain's limits. */
  readonly xenShare: FrameShare;
  /** Frames that Xen shares with the control domain: which they are is known from the start. */
  readonly controlShare: FrameShare;
  readonly entryLog = new EntryLog();
  readonly failing = new Failing();
  readonly domains: DomainTable;
  readonly continuations: ContinuationTable;
  /** What the control domain's linear pages lead to. */
  readonly windows: WindowTable;
  /** For an access that the hypervisor makes itself: its first and its second page. */
  readonly walk = new GuestWalk();
  readonly secondWalk = new GuestWalk();
  /** For the arguments of a hypercall. */
  readonly argumentWalk = new GuestWalk(true);

  constructor(machine: Machine, options: Options, stop: (point: StopPoint) => void) {
    const xenFrames =
      machine.domains * framesOfXenFor(machine) + lentFramesOf(machine) + CONTROL_TABLES;
    // Its shared info, then the frames of its grant table, in order.
    const controlFrames = 1 + machine.grantFramesMaximum;
    const ramFrames = machine.guestFrames + machine.controlPages;
    const frameCount = ramFrames + controlFrames + xenFrames;
    this.machine = machine;
    this.cpuFeatures = offeredFeatures(machine);
    this.options = options;
    this.stop = stop;
    this.ram = new Ram(frameCount);
    this.frames = new FrameTable(frameCount);
    this.guestShare = new FrameShare(this.ram, this.frames, 0, ramFrames);
    this.controlShare = new FrameShare(this.ram, this.frames, ramFrames, controlFrames);
    const xenFirst = ramFrames + controlFrames;
    this.xenShare = new FrameShare(this.ram, this.frames, xenFirst, xenFrames);
    this.domains = new DomainTable(machine.domains);
    this.continuations = new ContinuationTable(machine.domains, machine.vcpus);
    this.windows = new WindowTable(WINDOWS + machine.controlPages);
  }

  /** The control domain: always alive, privileged over all, its p2m not translated and empty. */
  control(): Domain {
    const control = this.domains.byId(CONTROL);
    assert(control !== undefined, 'the control domain is always there');
    return control;
  }

  /** A mapped page keeps its domain, and a domain that goes takes the handles on it along (I11). */
  granter(id: DomainId): Domain {
    const owner = this.domains.byId(id);
    assert(owner !== undefined, 'the granter of a live handle exists');
    return owner;
  }

  /** A domain without any memory yet; undefined where the pool has no frame for its p2m. */
  newDomain(id: DomainId, config: DomainConfig): Domain | undefined {
    const { machine, ram } = this;
    const grantFrames = orMaximum(config.grantFrames, machine.grantFramesMaximum);
    const maptrackFrames = orMaximum(config.maptrackFrames, machine.maptrackFramesMaximum);
    const p2m = new P2mTable({
      domain: id,
      ram,
      share: this.xenShare,
      log: this.entryLog,
      failing: this.failing,
      counters: this.counters,
      gfnLimit: machine.gfnLimit,
      tableFrames: machine.p2mTableFrames,
      superpages: this.options.superpages,
    });
    if (!p2m.open()) return undefined;
    const needsPool = machine.paging === 'shadow' && id !== CONTROL;
    if (needsPool && this.failing.strikes('table')) {
      p2m.dropRoot();
      return undefined;
    }
    return new Domain({
      id,
      maximumPages: config.maximumPages,
      p2m,
      grants: new GrantTable(machine, ram, grantFrames, config.grantVersion, (mfn, from, to) => {
        frameWritten(this, mfn, from, to);
      }),
      maptrack: new Maptrack(machine.handlesPerFrame, maptrackFrames, machine.vcpus),
      vcpus: id === CONTROL ? [] : this.#newVcpus(),
      demands: new Demands(machine.demandsRemembered),
      newPaging: (domain) => newPaging(this, domain),
    });
  }

  #newVcpus(): readonly Vcpu[] {
    const { machine, ram, cpuFeatures, counters, options } = this;
    return Array.from({ length: machine.vcpus }, (_, id) => {
      const { tlbEntries } = machine;
      return new Vcpu(VcpuId(id), new Cpu(ram, cpuFeatures, tlbEntries, counters, options.tlb));
    });
  }
}

/** A caller may act on itself; the control domain on all (p2m.md 2.9, privilege class TARGET). */
export function mayActOn(caller: Domain, target: Domain): boolean {
  return caller === target || caller.id === CONTROL;
}

/** The gfns of the control domain are machine frames: it has no physmap to change. */
export function isTranslated(domain: Domain): boolean {
  return domain.id !== CONTROL;
}

/** Superpages of 1 GiB, PSE36 and protection keys need hardware that walks guests' tables. */
function offeredFeatures({ cpu, paging }: Machine): CpuFeatures {
  if (paging === 'hap') return cpu;
  return { ...cpu, gibPages: false, pse36: false, protectionKeys: false };
}

/** A negative limit asks for the machine's maximum (grants.md 1.10). */
function orMaximum(wanted: number, maximum: number): number {
  return wanted < 0 ? maximum : wanted;
}

/** Tables that are lent, at most: each stands for RAM of its own. */
function lentFramesOf(machine: Machine): number {
  if (!hasLargeEntries(machine)) return 0;
  const frames = machine.guestFrames + machine.controlPages;
  return Math.floor(frames / SUPERPAGE_PAGES) + Math.floor(frames / HUGE_PAGES);
}

/** Frames of Xen's own that one guest can come to need. */
function framesOfXenFor(machine: Machine): number {
  const refs = machine.grantFramesMaximum * (machine.refsPerFrame / 2);
  const statusFrames = Math.ceil(refs / machine.statusesPerFrame);
  const sharedInfoFrames = 1;
  const shadowFrames = machine.paging === 'shadow' ? machine.shadowFrames : 0;
  const tableFrames = machine.p2mTableFrames + shadowFrames;
  return tableFrames + machine.grantFramesMaximum + statusFrames + sharedInfoFrames;
}
