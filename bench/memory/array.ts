import { LOADS, NEXT_PAGE, SPAN_BYTES } from './pattern.js';

/** A Uint32Array of 1 MiB that holds what a pass over it is to find. */
export function rawArray(): Uint32Array {
  const words = new Uint32Array(SPAN_BYTES / 4);
  for (let load = 0; load < LOADS; load += 1) words[(load * NEXT_PAGE) >>> 2] = load;
  return words;
}

/** What a load costs at least: the index is computed for each, and a typed array is read. */
export function readArray(words: Uint32Array, passes: number): number {
  const [loads, stride] = [LOADS, NEXT_PAGE];
  let sum = 0;
  for (let pass = 0; pass < passes; pass += 1) {
    let address = 0;
    for (let load = 0; load < loads; load += 1) {
      sum = (sum + (words[address >>> 2] ?? 0)) | 0;
      address = (address + stride) | 0;
    }
  }
  return sum;
}
