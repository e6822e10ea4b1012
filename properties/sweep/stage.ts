import type { Machine } from '../../abi/machine.js';
import { Gfn, VcpuId } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import { theDomain } from '../../model/derived.js';
import { vcpuOf } from '../../model/registers.js';
import { areEqual } from '../../values/words.js';
import { entryIn } from '../generate/page-tables.js';
import { Running } from '../running.js';
import type { MakeSubject } from '../subject.js';
import type { Failure } from '../verdict.js';
import { GUEST, openingLines, sweepBoot } from './setting.js';
import type { Entry, Registers } from './single-access.js';

/** Lines on one machine before a new one is taken: what fails can be told in a program. */
const LINES_PER_MACHINE = 20_000;

/** Something went wrong, after these lines on this machine. */
export class SweepFailure extends Error {
  override readonly name = 'SweepFailure';
  readonly failure: Failure;
  readonly running: Running;

  constructor(failure: Failure, running: Running) {
    super(`[${failure.claim}] ${failure.path}: ${failure.expected}, found ${failure.actual}`);
    this.failure = failure;
    this.running = running;
  }
}

/**
 * Spec and hypervisor side by side, brought from one case to the next by as few lines as that takes.
 */
export class Stage {
  running: Running;
  readonly #machine: Machine;
  readonly #make: MakeSubject;
  readonly #stride: number;
  /** Lines carried out, on all machines. */
  lines = 0;

  /** Everything is checked every `stride` lines. */
  constructor(machine: Machine, make: MakeSubject, stride: number) {
    this.#machine = machine;
    this.#make = make;
    this.#stride = stride;
    this.running = this.#opened();
  }

  /** A new machine where the guest crashed, or where the old one has done enough; true if so. */
  renewed(): boolean {
    const isOver =
      this.running.reply.is === 'crashed' || this.running.lines.length >= LINES_PER_MACHINE;
    if (isOver) this.renew();
    return isOver;
  }

  renew(): void {
    this.#checkAll();
    this.running = this.#opened();
  }

  perform(line: Line): void {
    const { running } = this;
    const failure = running.perform(line);
    this.lines++;
    if (failure !== undefined) throw new SweepFailure(failure, running);
    if (running.lines.length % this.#stride === 0) this.#checkAll();
  }

  /** Sets the registers that are otherwise. */
  setRegisters(id: VcpuId, { cr0, cr4, efer }: Registers): void {
    const by = { caller: GUEST, vcpu: id };
    const now = vcpuOf(this.running.state, GUEST, id);
    if (now.cr4 !== cr4) this.perform({ op: 'cr4', ...by, value: cr4 });
    if (now.efer !== efer) this.perform({ op: 'efer', ...by, value: efer });
    if (now.cr0 !== cr0) this.perform({ op: 'cr0', ...by, value: cr0 });
  }

  /** Writes an entry where memory has another. */
  setEntry(id: VcpuId, entry: Entry): void {
    const { state } = this.running;
    const now = entryIn(state, theDomain(state, GUEST), entry);
    if (now === undefined || !areEqual(now, entry.value)) this.perform(entryLine(id, entry));
  }

  #opened(): Running {
    const boot = sweepBoot(this.#machine);
    const running = new Running(this.#machine, boot, this.#make);
    if (running.bootFailure !== undefined) throw new SweepFailure(running.bootFailure, running);
    this.running = running;
    for (const line of openingLines(this.#machine)) this.perform(line);
    return running;
  }

  #checkAll(): void {
    const failure = this.running.checkAll();
    if (failure !== undefined) throw new SweepFailure(failure, this.running);
  }
}

function entryLine(vcpu: VcpuId, { table, index, width, value: { low, high } }: Entry): Line {
  const frame = Gfn((low >>> 12) + (high & 0xf_ffff) * 2 ** 20);
  const upper = (high & ~0xf_ffff) >>> 0;
  const place = { table, index, width };
  return { op: 'pte', caller: GUEST, vcpu, ...place, frame, flags: low & 0xfff, high: upper };
}
