import seedrandom from 'seedrandom';

/**
 * Where every random decision of a generator comes from: a seeded stream in the walker, fast-check's
 * own stream in properties. Generators know nothing else that is random.
 */
export interface Choose {
  /** An integer from 0 up to, not including, `n`; `n` is at least 1. */
  below(n: number): number;
}

/** The stream that a seed stands for; the same seed is the same stream for ever. */
export function seeded(seed: string): Choose {
  const next = seedrandom.alea(seed);
  return { below: (n) => Math.floor(next.quick() * n) };
}

/** True `n` times in a hundred. */
export const percent = (choose: Choose, n: number): boolean => choose.below(100) < n;

/** One of the values of a list that is not empty. */
export function pick<Value>(choose: Choose, values: readonly Value[]): Value {
  const value = values[choose.below(values.length)];
  if (value === undefined) throw new RangeError('pick: the list is empty');
  return value;
}

/** An index, each as likely as its weight says; at least one weight is above 0. */
export function weighted(choose: Choose, weights: readonly number[], total: number): number {
  let rest = choose.below(total);
  let index = 0;
  for (const weight of weights) {
    if (rest < weight) return index;
    rest -= weight;
    index++;
  }
  throw new RangeError('weighted: the weights add up to less than their total');
}
