import type { Reply } from '../../abi/reply.js';
import type { Word } from '../../abi/word.js';
import type { Fields } from '../recordings/fields.js';
import { hexOf } from './words.js';

/**
 * Answers are compared and told as text: `ok`, `value 0x12`, `swapped 0x12`, `not swapped 0x12`,
 * `executed 0x1000f00`, `#PF 0x7 at 0x1000`, `#GP`. Anything else is what no processor answers.
 */
export const OK = 'ok';
export const GENERAL_PROTECTION = '#GP';
/** Nothing answers at this address: any value will do. */
export const ANY_VALUE = 'value any';

export const valueText = (value: Word): string => `value ${hexOf(value)}`;
export const executedText = (immediate: Word): string => `executed ${hexOf(immediate)}`;
export const swappedText = (isSwapped: boolean, old: Word): string =>
  `${isSwapped ? 'swapped' : 'not swapped'} ${hexOf(old)}`;
export const pageFaultText = (code: number, linear: Word): string =>
  `#PF 0x${code.toString(16)} at ${hexOf(linear)}`;

/** Whether an answer is the one that was recorded. */
export const isAnswer = (recorded: string, given: string): boolean =>
  given === recorded || (recorded === ANY_VALUE && given.startsWith('value '));

/** A reply that is no value, as text. */
export function replyText(reply: Reply): string {
  switch (reply.is) {
    case 'value':
      return valueText(reply.value);
    case 'done':
    case 'stored':
      return OK;
    case 'fault':
      return GENERAL_PROTECTION;
    case 'page_fault':
      return pageFaultText(reply.code, reply.linear);
    default:
      return JSON.stringify(reply);
  }
}

/** Reads a recorded result. */
export function decodeAnswer(result: Fields): string {
  if (result.has('fault')) return decodeFault(result);
  if (result.has('executed')) return executedText(wordOfQuantity(result, 'executed'));
  if (result.has('swapped'))
    return swappedText(result.boolean('swapped'), wordOfQuantity(result, 'value'));
  if (result.has('value'))
    return result.raw('value') === 'any' ? ANY_VALUE : valueText(wordOfQuantity(result, 'value'));
  if (result.raw('ok') !== true)
    throw result.error('expected ok, value, swapped, executed or fault');
  return OK;
}

function decodeFault(result: Fields): string {
  const vector = result.count('fault', 13, 14);
  const code = result.count('err', 0, 0xffff);
  if (vector === 14) return pageFaultText(code, wordOfQuantity(result, 'cr2'));
  if (code !== 0) result.refuse('err', '0 for a #GP');
  return GENERAL_PROTECTION;
}

/** A number of up to 64 bits. */
export function wordOfQuantity(fields: Fields, key: string): Word {
  const value = fields.quantity(key);
  if (value < 0n || value >> 64n !== 0n) fields.refuse(key, 'a number of 64 bits');
  return { low: Number(value & 0xffff_ffffn), high: Number(value >> 32n) };
}
