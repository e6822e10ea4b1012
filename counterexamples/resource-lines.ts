import type { ResourceCall } from '../abi/step.js';
import { whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { domainText, parseDomain } from './names.js';
import { between, hex, parseLong, parseNumber, u32 } from './numbers.js';
import { orZero, unlessZero } from './zero-words.js';

/*
 * claim_pages       d1 pages=0x20
 * claim_pages       d1 pages=0x20 order=1
 * acquire_resource  d1 id=0 frame=0x0 count=2 query=0
 */

export function resourceText(line: ResourceCall): string {
  const target = domainText(line.target);
  if (line.op === 'claim_pages')
    return `${target} pages=${hex(line.pages)}${unlessZero('order', line.order)}`;
  const { id, frame, count, isQuery } = line;
  return `${target} id=${id} frame=${hex(frame)} count=${count} query=${isQuery ? 1 : 0}`;
}

export function parseResource(
  op: ResourceCall['op'],
  by: Caller,
  { words }: Arguments,
): ResourceCall {
  return whole(words, (each) => {
    const target = parseDomain(each.next('a domain (d1, self, …)'));
    if (op === 'claim_pages') {
      const pages = parseLong(each.keyed('pages', 'a number of pages'));
      return { op, ...by, target, pages, order: orZero(each, 'order', u32) };
    }
    const id = parseNumber(each.keyed('id', 'the number of a resource'), u32);
    const frame = parseLong(each.keyed('frame', 'the number of a frame'));
    const count = parseNumber(each.keyed('count', 'a number of frames'), u32);
    const isQuery = parseNumber(each.keyed('query', '0 or 1'), between(0, 1)) === 1;
    return { op, ...by, target, id, frame, count, isQuery };
  });
}
