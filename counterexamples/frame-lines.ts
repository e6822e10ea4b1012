import { GNTTAB_CACHE_CLEAN, GNTTAB_CACHE_INVAL } from '../abi/grant-table.js';
import type { FlushLine, FlushLineElement } from '../abi/program.js';
import type { TransferElement, TransferGrant } from '../abi/step.js';
import { batchText, parseBatch } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { flagsText, parseFlags } from './flags.js';
import { gfnText, grantText, handleText, parseGfn, parseGrant, parseName } from './names.js';
import { hex, parseLong, parseNumber, u16, u32 } from './numbers.js';
import { refuseToken, type Words } from './words.js';

/*
 * transfer     0x3 -> d1/8 ; 0x4 -> d2/9
 * write_back  dev=h1 bytes=64 flags=clean ; dev=0x3000 offset=0x10 bytes=8 flags=clean+inval
 *
 * The pages of the control domain's own are machine frames; a mapping is named for where its page is.
 */

export type FrameLine = TransferGrant | FlushLine;

export const frameText = (line: FrameLine): string =>
  line.op === 'transfer'
    ? batchText(line.elements.map(transferText))
    : batchText(line.elements.map(flushText));

export function parseFrame(
  op: FrameLine['op'],
  by: Caller,
  { text, place, line }: Arguments,
): FrameLine {
  if (op === 'transfer') return { op, ...by, elements: parseBatch(text, place, parseTransfer) };
  const element = (each: Words): FlushLineElement => parseFlush(each, line);
  return { op, ...by, elements: parseBatch(text, place, element) };
}

const transferText = ({ gfn, target, ref }: TransferElement): string =>
  `${gfnText(gfn)} -> ${grantText(target, ref)}`;

function parseTransfer(words: Words): TransferElement {
  const gfn = parseGfn(words.next('a page of the control domain (0x3)'));
  const arrow = words.next("'->'");
  if (arrow.text !== '->') refuseToken(arrow, "'->'");
  const { domain, ref } = parseGrant(words.next('the entry that accepts it (d1/8)'));
  return { gfn, target: domain, ref };
}

const operations = { clean: GNTTAB_CACHE_CLEAN, inval: GNTTAB_CACHE_INVAL };

function flushText({ deviceAddress, offset, length, flags }: FlushLineElement): string {
  const at = typeof deviceAddress === 'number' ? hex(deviceAddress) : handleText(deviceAddress);
  const from = offset === 0 ? '' : ` offset=${hex(offset)}`;
  return `dev=${at}${from} bytes=${length} flags=${flagsText(flags, operations)}`;
}

function parseFlush(words: Words, line: number): FlushLineElement {
  const at = words.keyed('dev', 'an address of the machine, or a mapping');
  const offset = words.optional('offset');
  return {
    deviceAddress: at.text.startsWith('h') ? parseName(at, line) : parseLong(at),
    offset: offset === undefined ? 0 : parseNumber(offset, u16),
    length: parseNumber(words.keyed('bytes', 'a length'), u16),
    flags: parseFlags(words.keyed('flags', 'clean, inval or 0x…'), operations, u32),
  };
}
