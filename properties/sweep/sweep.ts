import { VcpuId } from '../../abi/ids.js';
import type { Paging } from '../../abi/machine.js';
import type { MakeSubject } from '../subject.js';
import { changeCase, tryChange } from './changes.js';
import { everyOne } from './every-choice.js';
import { pairCase, tryPair } from './pairs.js';
import { sweepMachine, targets } from './setting.js';
import { shapeNames, shapeOf, type Shape, type ShapeName } from './shapes.js';
import { entriesOf, trial, way, type Trial, type Way } from './single-access.js';
import { flushLine, Stage, type Counts } from './stage.js';

/**
 * What can be swept: single accesses answered by fresh walks; the same while the vcpu forgets only
 * now and then; accesses before and after a change; and pairs of accesses through aliases.
 */
export const sweepKinds = ['accesses', 'remembered', 'changes', 'pairs'] as const;
export type SweepKind = (typeof sweepKinds)[number];

const pairModes = ['2-level', 'pae', '4-level'] as const;
type PairMode = (typeof pairModes)[number];

/** A kind of sweep over one shape of page tables, or over the aliased tables of one mode. */
export type Sweep =
  | { readonly kind: Exclude<SweepKind, 'pairs'>; readonly tables: ShapeName }
  | { readonly kind: 'pairs'; readonly tables: PairMode };

/** Every sweep there is. */
export const sweeps: readonly Sweep[] = sweepKinds.flatMap((kind): readonly Sweep[] =>
  kind === 'pairs'
    ? pairModes.map((tables) => ({ kind, tables }))
    : shapeNames.map((tables) => ({ kind, tables })),
);

/** How a sweep is made. */
export interface SweepPlan {
  readonly paging: Paging;
  readonly make: MakeSubject;
  /** One case of so many is carried out, the first one included; 1 for all of them. */
  readonly step: number;
  readonly progress?: (result: SweepResult) => void;
}

export interface SweepResult {
  /** Cases there are, and those carried out: ways through tables, changes, or pairs. */
  all: number;
  cases: number;
  readonly counts: Counts;
}

/** Carries out a sweep; throws a `SweepFailure` at the first line that disagrees. */
export function sweep(chosen: Sweep, plan: SweepPlan): SweepResult {
  const stage = new Stage(sweepMachine(plan.paging), plan.make);
  const result: SweepResult = { all: 0, cases: 0, counts: stage.counts };
  for (const tryCase of casesOf(chosen)) {
    if (result.all++ % plan.step !== 0) continue;
    tryCase(stage);
    result.cases++;
    plan.progress?.(result);
  }
  stage.checkAll();
  return result;
}

/** The cases of a sweep, each as what is done on a stage. */
function* casesOf(chosen: Sweep): Generator<(stage: Stage) => void, void> {
  if (chosen.kind === 'pairs') {
    const { tables } = chosen;
    for (const one of everyOne((choose) => pairCase(choose, tables)))
      yield (stage) => {
        tryPair(stage, tables, one);
      };
    return;
  }
  const shape = shapeOf(chosen.tables);
  if (chosen.kind === 'changes') {
    for (const one of everyOne((choose) => changeCase(choose, shape)))
      yield (stage) => {
        tryChange(stage, shape, one);
      };
    return;
  }
  const isFresh = chosen.kind === 'accesses';
  const trials = [...everyOne((choose) => trial(choose, shape))];
  for (const one of everyOne((choose) => way(choose, shape)))
    yield (stage) => {
      tryWay(stage, isFresh, shape, one, trials);
    };
}

const VCPU = VcpuId(0);
/** Accesses between two flushes where answers need not be fresh. */
const FLUSH_STRIDE = 12;

/** All accesses by one way. Where it breaks off, what it would have led to makes no difference. */
function tryWay(
  stage: Stage,
  isFresh: boolean,
  shape: Shape,
  { flags, isWhole, registers }: Way,
  trials: readonly Trial[],
): void {
  const { counts } = stage;
  let isFlushDue = isFresh;
  for (const { target, access } of trials) {
    if (!isWhole && target !== targets[0]) continue;
    const isNew = stage.renewed() || counts.accesses === 0;
    const before = counts.lines;
    for (const entry of entriesOf(flags, shape, target)) stage.setEntry(VCPU, entry);
    stage.setRegisters(VCPU, registers);
    const isChanged = counts.lines !== before;
    const isDue = isFresh ? isChanged || isFlushDue : counts.accesses % FLUSH_STRIDE === 0;
    if (isNew || isDue) stage.perform(flushLine(VCPU, shape.top));
    isFlushDue = stage.access(access);
  }
}
