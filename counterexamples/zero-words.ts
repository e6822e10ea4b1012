import type { Words } from './words.js';
import { parseNumber, type Range } from './numbers.js';

export const unlessZero = (key: string, value: number): string =>
  value === 0 ? '' : ` ${key}=${value}`;

export function orZero(words: Words, key: string, range: Range): number {
  const token = words.optional(key);
  return token === undefined ? 0 : parseNumber(token, range);
}
