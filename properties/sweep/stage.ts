import { Gfn, type VcpuId } from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import type { Line, Program } from '../../abi/program.js';
import type { LinearAccess } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { theDomain } from '../../model/derived.js';
import { vcpuOf } from '../../model/registers.js';
import { areEqual } from '../../values/words.js';
import { entryIn } from '../generate/page-tables.js';
import { Running } from '../running.js';
import type { MakeSubject } from '../subject.js';
import type { Failure } from '../verdict.js';
import { GUEST, openingLines, sweepBoot, type Entry, type Registers } from './setting.js';

/** Lines on one machine before a new one is taken: what fails can be told in a program. */
const LINES_PER_MACHINE = 20_000;
/** Everything is checked every so many lines. */
const CHECK_STRIDE = 5000;

/** Something went wrong at the last of these lines. */
export class SweepFailure extends Error {
  override readonly name = 'SweepFailure';
  readonly failure: Failure;
  /** All lines of its machine. */
  readonly program: Program;

  constructor(failure: Failure, running: Running) {
    super(`[${failure.claim}] ${failure.path}: ${failure.expected}, found ${failure.actual}`);
    this.failure = failure;
    const { machine, lines } = running;
    this.program = { machine, boot: sweepBoot(machine), lines };
  }
}

/** What a sweep has come to. */
export interface Counts {
  /** Accesses made. */
  accesses: number;
  /** Of these: came to pass, faulted, crashed the guest. */
  done: number;
  faults: number;
  crashes: number;
  /** Answered by what the spec allows the vcpu to remember, and by nothing else it allows. */
  stale: number;
  /** Lines in all: with entries written, and registers set. */
  lines: number;
}

/**
 * Spec and hypervisor side by side, brought from one case to the next by as few lines as that takes.
 */
export class Stage {
  readonly counts: Counts = { accesses: 0, done: 0, faults: 0, crashes: 0, stale: 0, lines: 0 };
  readonly #machine: Machine;
  readonly #make: MakeSubject;
  #running: Running;
  #isCrashed = false;

  constructor(machine: Machine, make: MakeSubject) {
    this.#machine = machine;
    this.#make = make;
    this.#running = this.#opened();
  }

  /** A new machine where the guest crashed, or where the old one has done enough; true if so. */
  renewed(): boolean {
    if (!this.#isCrashed && this.#running.lines.length < LINES_PER_MACHINE) return false;
    this.#running = this.#opened();
    this.#isCrashed = false;
    return true;
  }

  perform(line: Line): void {
    const failure = this.#running.perform(line);
    if (failure !== undefined) throw new SweepFailure(failure, this.#running);
    if (++this.counts.lines % CHECK_STRIDE === 0) this.checkAll();
  }

  /** Makes an access and counts it; true if the vcpu may remember something of it. */
  access(access: LinearAccess): boolean {
    this.perform(access);
    const { counts } = this;
    const { is } = this.#running.reply;
    if (is === 'no_domain') return false;
    counts.accesses++;
    if (is === 'crashed') counts.crashes++;
    else if (is === 'page_fault' || is === 'fault') counts.faults++;
    else counts.done++;
    if (this.#running.lockStep.taken?.rules.includes('T1') === true) counts.stale++;
    this.#isCrashed = is === 'crashed';
    return is !== 'page_fault';
  }

  /** Sets the registers that are otherwise. */
  setRegisters(id: VcpuId, { cr0, cr4, efer }: Registers): void {
    const by = { caller: GUEST, vcpu: id };
    const now = vcpuOf(this.#running.state, GUEST, id);
    if (now.cr4 !== cr4) this.perform({ op: 'cr4', ...by, value: cr4 });
    if (now.efer !== efer) this.perform({ op: 'efer', ...by, value: efer });
    if (now.cr0 !== cr0) this.perform({ op: 'cr0', ...by, value: cr0 });
  }

  /** Writes an entry where memory has another. */
  setEntry(id: VcpuId, entry: Entry): void {
    const { state } = this.#running;
    const now = entryIn(state, theDomain(state, GUEST), entry);
    if (now === undefined || !areEqual(now, entry.value)) this.perform(entryLine(id, entry));
  }

  checkAll(): void {
    const failure = this.#running.checkAll();
    if (failure !== undefined) throw new SweepFailure(failure, this.#running);
  }

  #opened(): Running {
    const running = new Running(this.#machine, sweepBoot(this.#machine), this.#make);
    const failures = openingLines(this.#machine).map((line) => running.perform(line));
    const failure = [running.bootFailure, ...failures].find((one) => one !== undefined);
    if (failure !== undefined) throw new SweepFailure(failure, running);
    return running;
  }
}

/** A guest writes an entry. */
export function entryLine(
  vcpu: VcpuId,
  { table, index, width, value: { low, high } }: Entry,
): Line {
  const frame = Gfn((low >>> 12) + (high & 0xf_ffff) * 2 ** 20);
  const upper = (high & ~0xf_ffff) >>> 0;
  const place = { table, index, width };
  return { op: 'pte', caller: GUEST, vcpu, ...place, frame, flags: low & 0xfff, high: upper };
}

/** Loads CR3, which makes a vcpu forget. */
export const flushLine = (vcpu: VcpuId, top: number): Line => {
  return { op: 'cr3', caller: GUEST, vcpu, value: { low: top * PAGE_BYTES, high: 0 } };
};
