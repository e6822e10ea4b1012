import {
  ALL_ONES,
  CONTROL,
  DOMID_IO,
  DOMID_INVALID,
  DOMID_SELF,
  DomainId,
  Gfn,
  GrantRef,
  VcpuId,
  type Handle,
} from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import type { FromLine, Line } from '../../abi/program.js';
import type { Reply } from '../../abi/reply.js';
import { isRunning } from '../../model/derived.js';
import type { Mode } from '../../model/registers.js';
import { get, type Keyed } from '../../values/keyed.js';
import type { Domain, State } from '../../model/state.js';
import { percent, pick, type Choose } from '../choose.js';
import { mayMap } from '../desugar.js';
import { Attention } from './attention.js';
import type { Emphasis } from './emphasis.js';
import { usualLayout, type Layout } from './layout.js';

/** What a generator sees when it makes up a line: the model's state, and what was done before. */
export class Scene {
  readonly choose: Choose;
  readonly machine: Machine;
  readonly emphasis: Emphasis;
  /** Where guests have what. */
  readonly layout: Layout;
  readonly attention = new Attention();
  /** The line that is made up now is to have more than one element, if its kind can. */
  wantsBatch = false;
  /** Lines that only make sense right after the one before them. */
  readonly followUps: Line[] = [];
  /** Kept up to date by the walker. */
  state: State;
  readonly #names: (FromLine | undefined)[][] = [];
  readonly #wanted: (Mode | undefined)[] = [];

  constructor(
    choose: Choose,
    machine: Machine,
    emphasis: Emphasis,
    state: State,
    layout: Layout = usualLayout(machine),
  ) {
    this.choose = choose;
    this.machine = machine;
    this.layout = layout;
    this.emphasis = emphasis;
    this.state = state;
  }

  /** The mappings that a line made have names from now on. */
  noteHandles(line: Line, index: number, reply: Reply): void {
    if (!mayMap(line)) return;
    if (reply.is === 'hypercall' && reply.outcome !== undefined)
      return this.noteHandles(line, index, reply.outcome);
    if (reply.is === 'preempted') return this.noteHandles(line, index, reply.done);
    if (reply.is !== 'statuses' || !('caller' in line)) return;
    for (const [element, { handle }] of reply.elements.entries())
      if (handle !== undefined)
        (this.#names[line.caller] ??= [])[handle] = { line: index, element };
  }

  /** The mode that a vcpu is to run in. */
  wanted(domain: DomainId, vcpu: VcpuId): Mode {
    const key = domain * this.machine.vcpus + vcpu;
    // The vcpus of a domain mostly agree.
    return (this.#wanted[key] ??=
      vcpu > 0 && percent(this.choose, 75) ? this.wanted(domain, VcpuId(0)) : this.#anyMode());
  }

  /** The next time it turns paging on, a vcpu may do so in another mode. */
  wantOther(domain: DomainId, vcpu: VcpuId): void {
    this.#wanted[domain * this.machine.vcpus + vcpu] = undefined;
  }

  #anyMode(): Mode {
    const { guests } = this.emphasis;
    if (guests === undefined) return 'unpaged';
    return guests === 'mixed' ? pick(this.choose, pagedModes) : guests;
  }

  /** Lines were taken back: no name stands any more. */
  forgetNames(): void {
    this.#names.length = 0;
  }

  /** How a program refers to a handle of a domain: by the line that made it, else by number. */
  handle(domain: DomainId, handle: Handle): Handle | FromLine {
    return this.#names[domain]?.[handle] ?? handle;
  }

  /** Whether this argument is to be a wrong one. */
  hostile(): boolean {
    return percent(this.choose, this.emphasis.hostility);
  }

  /** Whether this argument is to be one of those used last. */
  attentive(): boolean {
    return percent(this.choose, this.emphasis.attention);
  }

  get vcpu(): VcpuId {
    return VcpuId(this.machine.vcpus === 1 ? 0 : this.choose.below(this.machine.vcpus));
  }

  /** A guest; the control domain is none. */
  domain(id: DomainId): Domain | undefined {
    return id === CONTROL ? undefined : get(this.state.domains, id);
  }

  /** Any domain id of the machine, be there a domain or not. */
  anyId(): DomainId {
    return DomainId(1 + this.choose.below(this.machine.domains));
  }

  /** A domain that can run, if one is found in a few attempts. */
  running(): Domain | undefined {
    const start = this.choose.below(this.machine.domains);
    for (let i = 0; i < this.machine.domains; i++) {
      const domain = this.domain(DomainId(1 + ((start + i) % this.machine.domains)));
      if (domain !== undefined && isRunning(domain)) return domain;
    }
    return undefined;
  }

  /** Another domain than this one, dead or alive; itself where it is alone. */
  other(than: DomainId): DomainId {
    if (this.machine.domains === 1) return than;
    const id = 1 + this.choose.below(this.machine.domains - 1);
    return DomainId(id < than ? id : id + 1);
  }

  /** A domain id as an argument, mostly a sensible one. */
  target(caller: DomainId, usual: DomainId): DomainId {
    if (!this.hostile()) return usual;
    const special = pick(this.choose, specialIds);
    return pick(this.choose, [special, special, caller, this.other(caller), this.anyId()]);
  }

  /** A value of a map that is not empty, found by a random descent. */
  some<Value>(map: Keyed<Value>): { readonly key: number; readonly value: Value } | undefined {
    let node = map;
    while (node !== undefined && node.half !== 0)
      node = this.choose.below(2) === 0 ? node.low : node.high;
    return node?.value === undefined ? undefined : { key: node.key, value: node.value };
  }

  /** How many elements a batch has. */
  batchSize(): number {
    const isBatch = this.wantsBatch || percent(this.choose, this.emphasis.batches);
    return isBatch ? 2 + this.choose.below(4) : 1;
  }

  /** A gfn that no p2m can hold an entry at, or that is far out. */
  impossibleGfn(): Gfn {
    const limit = this.machine.gfnLimit;
    return Gfn(pick(this.choose, [limit, limit + 1, limit - 1, 2 ** 40, 2 ** 52, ALL_ONES]));
  }

  /** A ref, mostly one of a few, sometimes at or past the end of the table. */
  ref(granter: Domain | undefined): GrantRef {
    const frames = granter?.grantFrames.length ?? 1;
    const perFrame =
      granter?.grantVersion === 2 ? this.machine.refsPerFrame / 2 : this.machine.refsPerFrame;
    const last = frames * perFrame - 1;
    if (this.hostile())
      return pick(this.choose, [last, last + 1, last * 2, 0xffff, 0xffff_ffff].map(GrantRef));
    const near = Math.min(last + 1, this.machine.reservedRefs + 4);
    return GrantRef(this.choose.below(percent(this.choose, 90) ? near : last + 1));
  }
}

const pagedModes = ['2-level', 'pae', '4-level'] as const;
const specialIds = [DOMID_SELF, DOMID_SELF, DOMID_IO, DOMID_INVALID, CONTROL, DomainId(77)];
