/**
 * Where a recorded hypervisor and the spec are known to part, and why that is no mistake of the
 * spec. What is declared is as narrow as it can be said: these steps, this answer there and that
 * answer here. Everything else that differs is a disagreement; each entry carries a control, which
 * has to stay one. An entry that never shows is a mistake of the list.
 */
export type Divergence = AtSteps | AtStop;

interface Declared {
  readonly id: string;
  readonly reason: string;
  /** The recording's file, without what follows its first dot. */
  readonly file: string;
}

/** Results that differ. */
export interface AtSteps extends Declared {
  readonly steps: Readonly<Record<string, readonly number[]>>;
  /** What both answers look like where the divergence is what shows. */
  readonly shows: (recorded: string, ours: string) => boolean;
  /** What comes after in the trace rests on what was answered here, and is not judged. */
  readonly ends: boolean;
  /** A declared step with another status or value recorded: that one is not excused. */
  readonly control: { readonly trace: string; readonly step: number; readonly answer: string };
}

/** Traces that cannot be judged to their end. */
export interface AtStop extends Declared {
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
  recorded: string,
  ours: string,
): AtSteps | undefined =>
  divergences.find(
    (one): one is AtSteps =>
      'steps' in one &&
      (one.steps[trace] ?? []).some((step) => step === index) &&
      one.shows(recorded, ours),
  );

/** The declared divergence that ends the judging of a trace. */
export const divergenceFor = (
  divergences: readonly Divergence[],
  trace: string,
  stop: string,
): AtStop | undefined =>
  divergences.find(
    (one): one is AtStop => 'stop' in one && one.stop === stop && one.traces.includes(trace),
  );
