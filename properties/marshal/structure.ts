import * as abi from '../../abi/layouts.js';
import type { Word } from '../../abi/word.js';

/** The bytes of arguments. */

export type Fields = readonly (readonly [abi.Field, number | Word])[];

/** Numbers one behind the other, as wide as the guest's are. */
export const listOf = (numbers: readonly number[], layout: abi.Layout): readonly number[] => {
  const { frame } = abi.structures[layout];
  return numbers.flatMap((number) => structure(frame.bytes, [[frame.number, number]]));
};

export const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** A structure with these fields; all other bytes are zero. */
export function structure(size: number, fields: Fields): readonly number[] {
  const bytes = Array.from({ length: size }, () => 0);
  for (const [[at, width], value] of fields) {
    const { low, high } = typeof value === 'number' ? wordOf(value) : value;
    for (let i = 0; i < width; i++) bytes[at + i] = ((i < 4 ? low : high) >>> (8 * (i % 4))) & 0xff;
  }
  return bytes;
}

export const halfIn = (bytes: readonly number[], at: number): number =>
  [3, 2, 1, 0].reduce((half, i) => half * 256 + (bytes[at + i] ?? 0), 0);

/** A 64-bit number of a guest as two halves; everything from 2^64 up stands for all ones. */
export function wordOf(n: number): Word {
  if (n >= 2 ** 64) return { low: 0xffff_ffff, high: 0xffff_ffff };
  return { low: n % 2 ** 32, high: Math.floor(n / 2 ** 32) };
}
