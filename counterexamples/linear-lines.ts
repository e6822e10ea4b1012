import { accessors, type Accessor, type LinearAccess } from '../abi/step.js';
import type { Word } from '../abi/word.js';
import { parseSize, sizeText } from './access-lines.js';
import { whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { parseWord, wordText } from './numbers.js';
import type { Words } from './words.js';

/*
 * load     va=0x6010 u32 user
 * store    va=0x6010 u64 0x0000000000000001
 * cmpxchg  va=0x6010 u8 kernel_ac expect=0x00 put=0x01
 * xadd     va=0x6010 b3 0x000001
 * fetch    va=0x6000 u64 implicit
 *
 * The address is linear, and `va` tells these from accesses `at` a guest-physical one. Who accesses
 * is the kernel, with EFLAGS.AC clear, unless it says `user`, `kernel_ac` or `implicit`.
 */

export function linearText(line: LinearAccess): string {
  const who = line.as === USUAL ? '' : ` ${line.as}`;
  const operand = `va=${vaText(line.linear)} ${sizeText(line.size)}${who}`;
  switch (line.op) {
    case 'load_linear':
    case 'fetch_linear':
      return operand;
    case 'store_linear':
    case 'xadd_linear':
      return `${operand} ${wordText(line.value, line.size)}`;
    case 'cmpxchg_linear': {
      const expected = wordText(line.expected, line.size);
      return `${operand} expect=${expected} put=${wordText(line.value, line.size)}`;
    }
  }
}

export function parseLinear(
  op: LinearAccess['op'],
  by: Caller,
  { words }: Arguments,
): LinearAccess {
  switch (op) {
    case 'load_linear':
    case 'fetch_linear':
      return { op, ...by, ...whole(words, parseOperand) };
    case 'store_linear':
    case 'xadd_linear':
      return { op, ...by, ...whole(words, parseWrite) };
    case 'cmpxchg_linear':
      return { op, ...by, ...whole(words, parseCompare) };
  }
}

/** A linear address, as it is. */
export const vaText = (linear: Word): string => wordText(linear, 0);
export const parseVa = (words: Words): Word => parseWord(words.keyed('va', 'a linear address'));

const USUAL: Accessor = 'kernel';

type Operand = Pick<LinearAccess, 'linear' | 'as' | 'size'>;

function parseOperand(words: Words): Operand {
  const linear = parseVa(words);
  const who = words.word(...accessors);
  const size = parseSize(words);
  return { linear, size, as: accessors.find((each) => each === who) ?? USUAL };
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
