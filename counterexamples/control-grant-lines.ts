import type { ReplaceLine, ReplaceLineElement } from '../abi/program.js';
import type { GetStatusFrames } from '../abi/step.js';
import { batchText, parseBatch, whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import {
  addressText,
  domainText,
  handleText,
  parseAddress,
  parseDomain,
  parseHandle,
} from './names.js';
import { parseNumber, u32 } from './numbers.js';
import type { Words } from './words.js';

/*
 * unmap_and_replace  h1 at=0x802 new=0x804 ; #17 at=0x803 new=0x0
 * get_status_frames  d1 frames=2
 */

export type ControlGrantLine = ReplaceLine | GetStatusFrames;

export function controlGrantText(line: ControlGrantLine): string {
  if (line.op === 'unmap_and_replace') return batchText(line.elements.map(replaceText));
  const count = line.count === 1 ? '' : ` count=${line.count}`;
  return `${domainText(line.target)} frames=${line.frames}${count}`;
}

export function parseControlGrant(
  op: ControlGrantLine['op'],
  by: Caller,
  { text, place, words, line }: Arguments,
): ControlGrantLine {
  if (op === 'unmap_and_replace') {
    const element = (each: Words): ReplaceLineElement => parseReplace(each, line);
    return { op, ...by, elements: parseBatch(text, place, element) };
  }
  return whole(words, (each) => {
    const target = parseDomain(each.next('a domain (d1, self, …)'));
    const frames = parseNumber(each.keyed('frames', 'a number of frames'), u32);
    const count = each.optional('count');
    return { op, ...by, target, frames, count: count === undefined ? 1 : parseNumber(count, u32) };
  });
}

const replaceText = ({ handle, address, newAddress }: ReplaceLineElement): string =>
  `${handleText(handle)} at=${addressText(address)} new=${addressText(newAddress)}`;

const parseReplace = (words: Words, line: number): ReplaceLineElement => ({
  handle: parseHandle(words.next('a handle (h3, #17)'), line),
  address: parseAddress(words.keyed('at', 'an address')),
  newAddress: parseAddress(words.keyed('new', 'an address')),
});
