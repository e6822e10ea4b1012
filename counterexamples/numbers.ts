import { ALL_ONES } from '../abi/ids.js';
import type { Word } from '../abi/word.js';
import { refuseToken, type Token } from './words.js';

/** Which whole numbers may stand somewhere, and what they are called in an error. */
export interface Range {
  readonly what: string;
  readonly minimum: number;
  readonly maximum: number;
}

export const between = (minimum: number, maximum: number): Range => ({
  what: `a whole number from ${minimum} to ${maximum}`,
  minimum,
  maximum,
});

const unsigned = (bits: number): Range => ({
  what: `a number of ${bits} bits (decimal or 0x…)`,
  minimum: 0,
  maximum: 2 ** bits - 1,
});
export const u12 = unsigned(12);
export const u16 = unsigned(16);
export const u32 = unsigned(32);
export const u40 = unsigned(40);

/** Numbers of 64 bits are carried as doubles: exact up to here, and `ALL_ONES` besides. */
const EXACT = 2 ** 53;

/** A number in `range`, in decimal or after 0x in hexadecimal digits. */
export function parseNumber(token: Token, range: Range): number {
  const value = digitsOf(token.text);
  if (value === undefined || value < range.minimum || value > range.maximum)
    return refuseToken(token, range.what);
  return value;
}

/** A number of 64 bits: up to 2^53, or `~0` for `ALL_ONES`. */
export function parseLong(token: Token): number {
  if (isAllOnes(token.text)) return ALL_ONES;
  return parseNumber(token, { what: 'a number up to 2^53, or ~0', minimum: 0, maximum: EXACT });
}

/** A 64-bit value, every bit of it. */
export function parseWord(token: Token): Word {
  if (isAllOnes(token.text)) return { low: 0xffff_ffff, high: 0xffff_ffff };
  if (!/^(0x[0-9a-f]{1,16}|\d{1,20})$/i.test(token.text))
    return refuseToken(token, 'a value of 64 bits (decimal, 0x… or ~0)');
  const value = BigInt(token.text);
  if (value >= 1n << 64n) return refuseToken(token, 'a value of 64 bits (decimal, 0x… or ~0)');
  return { low: Number(value & 0xffff_ffffn), high: Number(value >> 32n) };
}

/** Hexadecimal, `~0` for `ALL_ONES`. */
export const hex = (value: number): string =>
  value === ALL_ONES ? '~0' : `0x${value.toString(16)}`;

/** Hexadecimal, with at least the digits of `size` bytes. */
export function wordText(word: Word, size: number): string {
  const low = word.low.toString(16);
  const digits = word.high === 0 ? low : word.high.toString(16) + low.padStart(8, '0');
  return `0x${digits.padStart(size * 2, '0')}`;
}

const isAllOnes = (text: string): boolean => text === '~0' || /^0xf{16}$/i.test(text);

/** The number, or undefined where the text is none or a double cannot carry it. */
function digitsOf(text: string): number | undefined {
  if (!/^(-?\d{1,20}|0x[0-9a-f]{1,16})$/i.test(text)) return undefined;
  const value = BigInt(text);
  return value > BigInt(EXACT) ? undefined : Number(value);
}
