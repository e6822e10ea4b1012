import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Word } from '../abi/word.js';
import { allOnes, areEqual, joined, masked, sum, without } from './words.js';

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const size = fc.integer({ min: 1, max: 8 });

const toWord = (value: bigint): Word => ({
  low: Number(value & 0xffff_ffffn),
  high: Number(value >> 32n),
});
const lowBytes = (value: bigint, bytes: number): bigint => value & (2n ** BigInt(8 * bytes) - 1n);

describe('words', () => {
  test('add up and wrap as 64-bit values do', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(sum(toWord(a), toWord(b))).toEqual(toWord(lowBytes(a + b, 8)));
      }),
    );
    expect(sum(allOnes, { low: 1, high: 0 })).toEqual({ low: 0, high: 0 });
  });

  test('are equal when both halves are', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(areEqual(toWord(a), toWord(b))).toBe(a === b);
        expect(areEqual(toWord(a), toWord(a))).toBe(true);
      }),
    );
  });

  test('are cut and joined at a byte', () => {
    fc.assert(
      fc.property(word, word, size, (a, b, at) => {
        expect(masked(toWord(a), at)).toEqual(toWord(lowBytes(a, at)));
        expect(without(toWord(a), at)).toEqual(toWord(a >> BigInt(8 * at)));
        const whole = lowBytes(a, at) | (b << BigInt(8 * at));
        expect(joined(masked(toWord(a), at), toWord(b), at)).toEqual(toWord(lowBytes(whole, 8)));
      }),
    );
  });
});
