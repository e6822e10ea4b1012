import type { Step } from '../abi/step.js';

/**
 * Where a recorded hypervisor and the spec are known to part, and why that is no mistake of the
 * spec. What is declared is as narrow as it can be said: these steps, this answer there and that
 * answer here. Everything else that differs is a disagreement; each entry carries a control, which
 * has to stay one. An entry that never shows is a mistake of the list.
 * But for what was seen only in recordings that are not kept here: that is declared by the step.
 */
export type Divergence = AtSteps | AtStop | AtCalls;

interface Declared {
  readonly id: string;
  readonly reason: string;
}

interface InFile extends Declared {
  /** The recording's file, without what follows its first dot. */
  readonly file: string;
}

/** Results that differ. */
export interface AtSteps extends InFile {
  readonly steps: Readonly<Record<string, readonly number[]>>;
  /** What both answers look like where the divergence is what shows. */
  readonly shows: (recorded: string, ours: string) => boolean;
  /** What comes after in the trace rests on what was answered here, and is not judged. */
  readonly ends: boolean;
  /** A declared step with another status or value recorded: that one is not excused. */
  readonly control: { readonly trace: string; readonly step: number; readonly answer: string };
}

/** Results that differ wherever a step of this kind is answered so. */
export interface AtCalls extends Declared {
  /** The step, and what both answers look like. */
  readonly showsAt: (step: Step, recorded: string, ours: string) => boolean;
  readonly ends: boolean;
}

/** Traces that cannot be judged to their end. */
export interface AtStop extends InFile {
  readonly traces: readonly string[];
  /** Why the judging of a trace ended. */
  readonly stop: string;
  /** A trace of the same kind that is judged to its end. */
  readonly control: { readonly trace: string };
}

/** The declared divergence that shows at a step of a trace. */
export const divergenceAt = (
  divergences: readonly Divergence[],
  trace: string,
  index: number | string,
  step: Step,
  recorded: string,
  ours: string,
): AtSteps | AtCalls | undefined =>
  divergences.find((one): one is AtSteps | AtCalls => {
    if ('showsAt' in one) return one.showsAt(step, recorded, ours);
    const isThere = 'steps' in one && (one.steps[trace] ?? []).some((each) => each === index);
    return isThere && one.shows(recorded, ours);
  });

/** The declared divergence that ends the judging of a trace. */
export const divergenceFor = (
  divergences: readonly Divergence[],
  trace: string,
  stop: string,
): AtStop | undefined =>
  divergences.find(
    (one): one is AtStop => 'stop' in one && one.stop === stop && one.traces.includes(trace),
  );
