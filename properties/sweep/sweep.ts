import { VcpuId } from '../../abi/ids.js';
import type { Paging } from '../../abi/machine.js';
import type { Line } from '../../abi/program.js';
import type { Reply } from '../../abi/reply.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { MakeSubject } from '../subject.js';
import { everyOne } from './every-choice.js';
import { GUEST, sweepMachine, targets } from './setting.js';
import { shapeOf, type Shape, type ShapeName } from './shapes.js';
import { entriesOf, trial, way } from './single-access.js';
import type { Entry, Registers, Trial, Way } from './single-access.js';
import { Stage } from './stage.js';

/** A sweep: every way through page tables of a shape, or every so many. */
export interface SweepPlan {
  readonly shape: ShapeName;
  readonly paging: Paging;
  readonly make: MakeSubject;
  /**
   * Whether the vcpu forgets between accesses, so that each is answered by a fresh walk; else only
   * now and then, and what the spec allows counts.
   */
  readonly isFresh: boolean;
  /** One way of so many is gone, with every access; 1 for all of them. */
  readonly step: number;
  readonly progress?: (progress: SweepResult) => void;
}

/** What a sweep came to. */
export interface SweepResult {
  /** Combinations of registers and entries that were set up, and accesses made by them. */
  ways: number;
  accesses: number;
  /** Lines in all: with entries written, and registers set. */
  lines: number;
  /** Accesses that came to pass, faulted, or crashed the guest. */
  done: number;
  faults: number;
  crashes: number;
  /** Accesses that the spec allows to be answered from memory of the vcpu only. */
  stale: number;
}

/** Everything is checked every so many lines, and at the end of each machine. */
const CHECK_STRIDE = 5000;
/** Accesses between two flushes where answers need not be fresh. */
const FLUSH_STRIDE = 12;

/** Carries out a plan; throws a `SweepFailure` at the first access that disagrees. */
export function sweep(plan: SweepPlan): SweepResult {
  const shape = shapeOf(plan.shape);
  const trials = [...everyOne((choose) => trial(choose, shape))];
  const stage = new Stage(sweepMachine(plan.paging), plan.make, CHECK_STRIDE);
  const found = { ways: 0, accesses: 0, lines: 0, done: 0, faults: 0, crashes: 0, stale: 0 };
  let ways = 0;
  for (const one of everyOne((choose) => way(choose, shape))) {
    if (ways++ % plan.step !== 0) continue;
    found.ways++;
    tryAll(stage, plan, shape, one, trials, found);
    plan.progress?.(found);
  }
  stage.renew();
  found.lines = stage.lines;
  return found;
}

/** All accesses by one way. Where it breaks off, what it would have led to makes no difference. */
function tryAll(
  stage: Stage,
  { isFresh }: SweepPlan,
  shape: Shape,
  one: Way,
  trials: readonly Trial[],
  found: SweepResult,
): void {
  let isFlushDue = true;
  for (const { target, access } of trials) {
    if (!one.isWhole && target !== targets[0]) continue;
    const isNew = stage.renewed() || found.accesses === 0;
    const isChanged = prepare(stage, one.registers, entriesOf(one, shape, target));
    const isDue = isFresh ? isChanged || isFlushDue : found.accesses % FLUSH_STRIDE === 0;
    if (isNew || isDue) stage.perform(flushLine(shape));
    stage.perform(access);
    found.accesses++;
    isFlushDue = count(found, stage.running.reply);
    if (stage.running.lockStep.taken?.rules.includes('T1') === true) found.stale++;
  }
}

const VCPU = VcpuId(0);

/** Brings memory and registers to what is wanted; true if something was otherwise. */
function prepare(stage: Stage, registers: Registers, entries: readonly Entry[]): boolean {
  const before = stage.lines;
  for (const entry of entries) stage.setEntry(VCPU, entry);
  stage.setRegisters(VCPU, registers);
  return stage.lines !== before;
}

/** Loads CR3, which makes the vcpu forget. */
const flushLine = ({ levels: [top] }: Shape): Line => {
  const value = { low: (top?.table ?? 0) * PAGE_BYTES, high: 0 };
  return { op: 'cr3', caller: GUEST, vcpu: VCPU, value };
};

/** Notes what an access came to; true if the vcpu may remember it. */
function count(found: SweepResult, { is }: Reply): boolean {
  if (is === 'crashed') found.crashes++;
  else if (is === 'page_fault' || is === 'fault') found.faults++;
  else found.done++;
  return is !== 'page_fault';
}
