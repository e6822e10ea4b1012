import type { Kill } from './kill.js';

/** How one fault fares in campaigns of several seeds. */
export interface MatrixRow {
  readonly fault: string;
  /** In how many of the campaigns it was found. */
  readonly found: number;
  readonly seeds: number;
  /** Lines until the first failure; a campaign that found nothing counts with what it tried. */
  readonly median: number;
  readonly worst: number;
  /** Lines of the shortest and of the longest shrunk program; undefined where none was shrunk. */
  readonly shrunk: readonly [shortest: number, longest: number] | undefined;
  /** Shrunk programs that differ in more than names. */
  readonly programs: number;
  /** What it was found as, the most frequent first. */
  readonly by: readonly string[];
}

/** Sums up the campaigns against one fault. */
export function matrixRow(fault: string, kills: readonly Kill[]): MatrixRow {
  const lines = kills.map((kill) => kill.lines).toSorted((a, b) => a - b);
  const found = kills.filter(({ by }) => by !== undefined);
  const shrunk = kills.flatMap((kill) => kill.shrunk ?? []);
  const lengths = shrunk.map((each) => each.lines);
  return {
    fault,
    found: found.length,
    seeds: kills.length,
    median: lines[Math.floor((lines.length - 1) / 2)] ?? 0,
    worst: lines.at(-1) ?? 0,
    shrunk: lengths.length === 0 ? undefined : [Math.min(...lengths), Math.max(...lengths)],
    programs: new Set(shrunk.map(({ fingerprint }) => fingerprint)).size,
    by: byFrequency(found.flatMap(({ by }) => by ?? [])),
  };
}

/** Each value once, the most frequent first, and by the alphabet where they are equally so. */
function byFrequency(values: readonly string[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .toSorted(([a, i], [b, j]) => (i === j ? a.localeCompare(b, 'en') : j - i))
    .map(([value]) => value);
}
