import type { Verdict } from './judge.js';
import type { WalkOperation } from './recorded-case.js';
import { hexOf } from './words.js';

/** What came of a case on one target. */
export interface CaseReport {
  readonly file: string;
  readonly case: string;
  readonly index: number;
  readonly steps: Counts;
  /** Entries of tables, in the end. */
  readonly entries: Counts;
  /** Dwords of other memory, in the end. */
  readonly dwords: Counts;
  readonly disagreements: readonly Disagreement[];
}

/** How many verdicts of each kind; disputes and features by their names. */
export interface Counts {
  readonly agrees: number;
  readonly loose: number;
  readonly disputed: ReadonlyMap<string, number>;
  readonly notOffered: ReadonlyMap<string, number>;
  readonly disagrees: number;
}

export interface Disagreement {
  readonly file: string;
  readonly case: string;
  readonly index: number;
  /** `step 7: read ...`, or `in the end: entry at 0x400008`. */
  readonly where: string;
  readonly expected: string;
  readonly got: string;
}

/** Counts that are being made. */
export class Counting implements Counts {
  agrees = 0;
  loose = 0;
  readonly disputed = new Map<string, number>();
  readonly notOffered = new Map<string, number>();
  disagrees = 0;

  count(verdict: Verdict): void {
    switch (verdict.is) {
      case 'agrees':
        this.agrees++;
        break;
      case 'loose':
        this.loose++;
        break;
      case 'disputed':
        raise(this.disputed, verdict.about, 1);
        break;
      case 'not_offered':
        raise(this.notOffered, verdict.feature, 1);
        break;
      case 'disagrees':
        this.disagrees++;
        break;
    }
  }

  add(counts: Counts): void {
    this.agrees += counts.agrees;
    this.loose += counts.loose;
    this.disagrees += counts.disagrees;
    for (const [name, count] of counts.disputed) raise(this.disputed, name, count);
    for (const [name, count] of counts.notOffered) raise(this.notOffered, name, count);
  }
}

const raise = (counts: Map<string, number>, name: string, by: number): void => {
  counts.set(name, (counts.get(name) ?? 0) + by);
};

/** All that was counted. */
export const totalCount = ({ agrees, loose, disputed, notOffered, disagrees }: Counts): number =>
  [...disputed.values(), ...notOffered.values()].reduce(
    (sum, count) => sum + count,
    agrees + loose + disagrees,
  );

/** An operation as the report shows it. */
export function operationText(operation: WalkOperation): string {
  const told = Object.entries(operation).flatMap(([key, value]) => {
    if (key === 'op') return [];
    return [`${key} ${typeof value === 'object' ? hexOf(value) : shown(key, value)}`];
  });
  return [operation.op, ...told].join(' ');
}

const shown = (key: string, value: string | number): string =>
  typeof value === 'number' && key !== 'size' && key !== 'width'
    ? `0x${value.toString(16)}`
    : String(value);
