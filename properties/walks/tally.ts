import { Counting, type CaseReport, type Disagreement } from './case-report.js';

/** How far one target and a file of recordings agree. */
export interface WalkTally {
  readonly cases: number;
  readonly steps: Counting;
  readonly entries: Counting;
  readonly dwords: Counting;
  readonly disagreementCount: number;
  /** The first few. */
  readonly disagreements: readonly Disagreement[];
}

/** Sums the reports of cases. */
export function tallyOf(reports: readonly CaseReport[], keep: number): WalkTally {
  const [steps, entries, dwords] = [new Counting(), new Counting(), new Counting()];
  for (const report of reports) {
    steps.add(report.steps);
    entries.add(report.entries);
    dwords.add(report.dwords);
  }
  const disagreements = reports.flatMap((report) => report.disagreements);
  return {
    cases: reports.length,
    steps,
    entries,
    dwords,
    disagreementCount: disagreements.length,
    disagreements: disagreements.slice(0, keep),
  };
}

/** Sums the tallies of files. */
export function totalOf(tallies: readonly WalkTally[]): WalkTally {
  const [steps, entries, dwords] = [new Counting(), new Counting(), new Counting()];
  for (const tally of tallies) {
    steps.add(tally.steps);
    entries.add(tally.entries);
    dwords.add(tally.dwords);
  }
  const sum = (pick: (tally: WalkTally) => number): number =>
    tallies.reduce((total, tally) => total + pick(tally), 0);
  return {
    cases: sum(({ cases }) => cases),
    steps,
    entries,
    dwords,
    disagreementCount: sum(({ disagreementCount }) => disagreementCount),
    disagreements: tallies.flatMap(({ disagreements }) => disagreements),
  };
}
