import type { Preemption } from '../abi/step.js';
import { whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { parseNumber, u32 } from './numbers.js';

/*
 * interrupt  after=2
 * resume
 */

export const preemptionText = (line: Preemption): string =>
  line.op === 'interrupt' ? `after=${line.after}` : '';

export function parsePreemption(
  op: Preemption['op'],
  by: Caller,
  { words }: Arguments,
): Preemption {
  if (op === 'interrupt') {
    const after = whole(words, (each) => each.keyed('after', 'a number of units'));
    return { op, ...by, after: parseNumber(after, u32) };
  }
  words.end();
  return { op, ...by };
}
