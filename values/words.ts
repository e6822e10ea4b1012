import type { Word } from '../abi/word.js';

/** Arithmetic of 64-bit values as two halves. */

export const allOnes: Word = { low: 0xffff_ffff, high: 0xffff_ffff };

export const areEqual = (a: Word, b: Word): boolean => a.low === b.low && a.high === b.high;

export function sum(a: Word, b: Word): Word {
  const low = a.low + b.low;
  return { low: low >>> 0, high: (a.high + b.high + (low > 0xffff_ffff ? 1 : 0)) >>> 0 };
}

/** The low `size` bytes (1..8) of a value. */
export const masked = ({ low, high }: Word, size: number): Word => {
  const kept = (bytes: number): number => 2 ** (8 * Math.min(Math.max(bytes, 0), 4)) - 1;
  return { low: (low & kept(size)) >>> 0, high: (high & kept(size - 4)) >>> 0 };
};

/** A value whose bytes from number `size` on are those of another. */
export const joined = (low: Word, high: Word, size: number): Word =>
  narrow(wide(low) | (wide(high) << BigInt(8 * size)));

/** A value without its first `size` bytes. */
export const without = (value: Word, size: number): Word => narrow(wide(value) >> BigInt(8 * size));

const wide = ({ low, high }: Word): bigint => (BigInt(high) << 32n) | BigInt(low);

const narrow = (value: bigint): Word => {
  return { low: Number(value & 0xffff_ffffn), high: Number((value >> 32n) & 0xffff_ffffn) };
};
