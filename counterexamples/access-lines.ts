import type { GuestPhysical } from '../abi/ids.js';
import type { Access } from '../abi/step.js';
import type { Word } from '../abi/word.js';
import { whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { addressText, after, parseAddress } from './names.js';
import { between, parseNumber, parseWord, wordText } from './numbers.js';
import { refuseToken, type Words } from './words.js';

/*
 * load     at=0x6+0x10 u32
 * store    at=0x6 u64 0x0000000000000001
 * cmpxchg  at=0x6 u8 expect=0x00 put=0x01
 * xadd     at=0x6 b3 0x000001
 *
 * u8, u16, u32, u64 are sizes in bits; b3, b5, b6, b7 are the odd sizes, in bytes.
 */

export function accessText(line: Access): string {
  switch (line.op) {
    case 'load':
      return operandText(line);
    case 'store':
    case 'xadd':
      return `${operandText(line)} ${wordText(line.value, line.size)}`;
    case 'cmpxchg': {
      const expected = wordText(line.expected, line.size);
      return `${operandText(line)} expect=${expected} put=${wordText(line.value, line.size)}`;
    }
    case 'fetch':
      return `at=${addressText(line.address)}`;
    case 'crash':
      return '';
  }
}

export function parseAccess(op: Access['op'], by: Caller, { words }: Arguments): Access {
  switch (op) {
    case 'load':
      return { op, ...by, ...whole(words, parseOperand) };
    case 'store':
    case 'xadd':
      return { op, ...by, ...whole(words, parseWrite) };
    case 'cmpxchg':
      return { op, ...by, ...whole(words, parseCompare) };
    case 'fetch':
      return { op, ...by, ...whole(words, parseAt) };
    case 'crash':
      words.end();
      return { op, ...by };
  }
}

/** By bytes; the first, without a size of its own, is no size at all. */
const sizes: readonly string[] = ['', 'u8', 'u16', 'b3', 'u32', 'b5', 'b6', 'b7', 'u64'];

export const sizeText = (size: number): string => sizes[size] ?? `b${size}`;

const operandText = (operand: Operand): string =>
  `at=${addressText(operand.address)} ${sizeText(operand.size)}`;

interface At {
  readonly address: GuestPhysical;
}
interface Operand extends At {
  readonly size: number;
}

const parseAt = (words: Words): At => ({
  address: parseAddress(words.keyed('at', 'an address (or va=…, a linear one)')),
});

function parseOperand(words: Words): Operand {
  return { ...parseAt(words), size: parseSize(words) };
}

/** One of `u8` to `u64`, or of `b1` to `b8`. */
export function parseSize(words: Words): number {
  const token = words.next('a size (u8, u16, u32, u64, b3…)');
  const size = sizes.indexOf(token.text);
  if (size > 0) return size;
  if (!token.text.startsWith('b')) refuseToken(token, 'a size (u8, u16, u32, u64, b3…)');
  return parseNumber(after(token, 1), { ...between(1, 8), what: 'a size from 1 to 8 bytes' });
}

function parseWrite(words: Words): Operand & { readonly value: Word } {
  return { ...parseOperand(words), value: parseWord(words.next('a value')) };
}

function parseCompare(words: Words): Operand & { readonly expected: Word; readonly value: Word } {
  return {
    ...parseOperand(words),
    expected: parseWord(words.keyed('expect', 'a value')),
    value: parseWord(words.keyed('put', 'a value')),
  };
}
