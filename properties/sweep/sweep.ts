import { VcpuId } from '../../abi/ids.js';
import type { Paging } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import type { MakeSubject } from '../subject.js';
import { everyOne } from './every-choice.js';
import { sweepMachine } from './setting.js';
import { shapeOf, type Shape, type ShapeName } from './shapes.js';
import { accessCase, type AccessCase } from './single-access.js';
import { Stage } from './stage.js';

/** A sweep: every case of a shape of page tables, or every so many. */
export interface SweepPlan {
  readonly shape: ShapeName;
  readonly paging: Paging;
  readonly make: MakeSubject;
  /**
   * Whether the vcpu forgets between accesses, so that each is answered by a fresh walk; else only
   * now and then, and what the spec allows counts.
   */
  readonly isFresh: boolean;
  /** One case of so many is carried out, 1 for all of them. */
  readonly step: number;
  readonly progress?: (progress: SweepResult) => void;
}

/** What a sweep came to. */
export interface SweepResult {
  /** Combinations there are, and accesses made. */
  cases: number;
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
/** Cases between two flushes where answers need not be fresh. */
const FLUSH_STRIDE = 12;

/** Carries out the cases of a plan; throws a `SweepFailure` at the first that disagrees. */
export function sweep(plan: SweepPlan): SweepResult {
  const shape = shapeOf(plan.shape);
  const stage = new Stage(sweepMachine(plan.paging), plan.make, CHECK_STRIDE);
  const found = { cases: 0, accesses: 0, lines: 0, done: 0, faults: 0, crashes: 0, stale: 0 };
  let isFlushDue = false;
  for (const one of everyOne((choose) => accessCase(choose, shape))) {
    found.cases++;
    if (found.cases % plan.step !== 0) continue;
    const isNew = stage.renewed() || found.accesses === 0;
    const isChanged = prepare(stage, one);
    const isDue = plan.isFresh ? isChanged || isFlushDue : found.accesses % FLUSH_STRIDE === 0;
    if (isNew || isDue) stage.loadCr3(VCPU, rootOf(shape));
    stage.perform(one.access);
    found.accesses++;
    isFlushDue = count(found, stage.running.reply);
    if (stage.running.lockStep.taken?.rules.includes('T1') === true) found.stale++;
    if ((found.accesses & 0xfff) === 0) plan.progress?.(found);
  }
  stage.renew();
  found.lines = stage.lines;
  return found;
}

const VCPU = VcpuId(0);

/** Brings memory and registers to what a case wants; true if something was otherwise. */
function prepare(stage: Stage, { entries, registers }: AccessCase): boolean {
  let isChanged = false;
  for (const entry of entries) if (stage.setEntry(VCPU, entry)) isChanged = true;
  if (stage.setRegisters(VCPU, registers)) isChanged = true;
  return isChanged;
}

const rootOf = ({ levels }: Shape): { low: number; high: number } => {
  const [top] = levels;
  return { low: (top?.table ?? 0) * 4096, high: 0 };
};

/** Notes what an access came to; true if the vcpu may remember it. */
function count(found: SweepResult, { is }: Reply): boolean {
  if (is === 'crashed') found.crashes++;
  else if (is === 'page_fault' || is === 'fault') found.faults++;
  else found.done++;
  return is !== 'page_fault';
}
