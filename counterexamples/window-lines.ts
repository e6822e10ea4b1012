import type { WindowCall } from '../abi/windows.js';
import { whole } from './batch.js';
import type { Arguments } from './arguments.js';
import { after, domainText, gfnText, pairOf, parseDomain, parseGfn } from './names.js';
import { parseNumber, u16 } from './numbers.js';
import { refuseToken, type Words } from './words.js';

/*
 * tool  map_foreign   w2 d1:0x6 ro
 * tool  unmap_window  w2
 *
 * The windows of the control domain: w2 is its linear page 0x802. A page of a domain is written as
 * in a copy.
 */

export function windowText(line: WindowCall): string {
  if (line.op === 'unmap_window') return `w${line.window}`;
  const page = `${domainText(line.domain)}:${gfnText(line.gfn)}`;
  return `w${line.window} ${page} ${line.readonly ? 'ro' : 'rw'}`;
}

export function parseWindow(op: WindowCall['op'], { words }: Arguments): WindowCall {
  return whole(words, (each) => {
    const window = parseNumberOf(each);
    if (op === 'unmap_window') return { op, window };
    const [domain, gfn] = pairOf(each.next('a page (d1:0x6)'), ':');
    if (gfn === undefined) return refuseToken(domain, 'a page (d1:0x6)');
    const access = each.next('ro or rw');
    if (access.text !== 'ro' && access.text !== 'rw') return refuseToken(access, 'ro or rw');
    const readonly = access.text === 'ro';
    return { op, window, domain: parseDomain(domain), gfn: parseGfn(gfn), readonly };
  });
}

function parseNumberOf(words: Words): number {
  const token = words.next('a window (w2)');
  if (!/^w\d/.test(token.text)) return refuseToken(token, 'a window (w2)');
  return parseNumber(after(token, 1), u16);
}
