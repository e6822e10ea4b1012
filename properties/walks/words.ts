import type { Word } from '../../abi/word.js';

/** A word as the recordings write it. */
export const hexOf = ({ low, high }: Word): string =>
  high === 0
    ? `0x${low.toString(16)}`
    : `0x${high.toString(16)}${low.toString(16).padStart(8, '0')}`;

export const wordOf = (low: number, high = 0): Word => ({ low, high });
