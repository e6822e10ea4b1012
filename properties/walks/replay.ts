import { guestUnder } from './hypervisor-target.js';
import { bareHardware } from './hardware-target.js';
import type { CaseReport } from './case-report.js';
import type { WalkCase, WalkFile } from './recorded-case.js';
import { replayCase } from './replay-case.js';
import { replayOnSpec } from './spec-replay.js';
import type { WalkTarget } from './target.js';
import { tallyOf, type WalkTally } from './tally.js';

/** On what recorded walks are replayed. */
export const subjects = ['spec', 'hardware', 'shadow', 'hap'] as const;
export type Subject = (typeof subjects)[number];

/** Replays one case and judges it. */
export type ReplayCase = (file: string, one: WalkCase) => CaseReport;

export function replayerOf(subject: Subject): ReplayCase {
  switch (subject) {
    case 'spec':
      return replayOnSpec;
    case 'hardware':
      return on(bareHardware());
    case 'shadow':
    case 'hap':
      return on(guestUnder(subject));
  }
}

/** Replays cases on anything that takes steps. */
export const on =
  (target: WalkTarget): ReplayCase =>
  (file, one) =>
    replayCase(file, one, target);

export interface FileOptions {
  /** Only cases whose file and name, `tlb-pae/L1 ...`, contain this. */
  readonly only?: string;
  /** Disagreements kept; all are counted. */
  readonly keep?: number;
  /** Called after each case. */
  readonly progress?: (done: number, of: number) => void;
}

/** Replays the cases of a file. */
export function replayFile(
  { name, cases }: WalkFile,
  replay: ReplayCase,
  { only = '', keep = Number.MAX_SAFE_INTEGER, progress }: FileOptions = {},
): WalkTally {
  const chosen = cases.filter((one) => `${name}/${one.name}`.includes(only));
  const reports = chosen.map((one, done) => {
    progress?.(done, chosen.length);
    return replay(name, one);
  });
  return tallyOf(reports, keep);
}
