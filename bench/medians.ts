/** The middle of what was taken in all rounds. */
export function medianOf<Timings>(
  rounds: readonly Timings[],
  pick: (timings: Timings) => number,
): number {
  const sorted = rounds.map(pick).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export function bestOf<Timings>(
  rounds: readonly Timings[],
  pick: (timings: Timings) => number,
): number {
  return Math.min(...rounds.map(pick));
}
