import {
  GNTCOPY_dest_gref,
  GNTCOPY_source_gref,
  GNTMAP_host_map,
  GNTMAP_readonly,
} from '../abi/grant-table.js';
import type { DomainId } from '../abi/ids.js';
import type { UnmapLine, UnmapLineElement } from '../abi/program.js';
import {
  refusedGrantCalls,
  type ControlGrantCall,
  type CopyElement,
  type CopySide,
  type GrantCall,
  type MapElement,
  type RefusedGrantCall,
  type SetupTable,
  type SwapElement,
  type UnmapGrant,
} from '../abi/step.js';
import { batchText, parseBatch, whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import {
  addressText,
  domainText,
  gfnText,
  grantText,
  handleText,
  pairOf,
  parseAddress,
  parseDomain,
  parseGrant,
  parseHandle,
  parseName,
  parseRef,
} from './names.js';
import { hex, parseLong, parseNumber, u16, u32 } from './numbers.js';
import { refuseToken, type Token, type Words } from './words.js';

/*
 * map     d1/9 at=0x6 ro ; d1/10 at=0x7+0x8 flags=0x12
 * unmap   h1 at=0x6 ; #17 at=0x0 dev=0x8 ; h1 at=0x0 dev=h1
 * copy    d1/9+0x10 -> self:0x6 bytes=64 flags=0x4
 * swap    3 4
 *
 * In map, `rw` and `ro` ask for a host mapping and nothing else. In copy, a side with `/` is a ref
 * and one with `:` a gfn; `flags=` has only the bits besides.
 */

export type GrantCallLine = Exclude<GrantCall, UnmapGrant | ControlGrantCall> | UnmapLine;

export function grantCallText(line: GrantCallLine): string {
  switch (line.op) {
    case 'map':
      return batchText(line.elements.map(mapText));
    case 'unmap':
      return batchText(line.elements.map(unmapText));
    case 'copy':
      return batchText(line.elements.map(copyText));
    case 'swap':
      return batchText(line.elements.map((swap) => `${swap.first} ${swap.second}`));
    case 'setup_table': {
      const list = line.list === undefined ? '' : ` list=${addressText(line.list)}`;
      return `${domainText(line.target)} frames=${line.frames}${countText(line.count)}${list}`;
    }
    case 'query_size':
      return domainText(line.target) + countText(line.count);
    case 'set_version':
      return String(line.version);
    case 'get_version':
      return domainText(line.target);
    case 'refused_grant_call':
      return line.name;
  }
}

export function parseGrantCall(
  op: GrantCallLine['op'],
  by: Caller,
  given: Arguments,
): GrantCallLine {
  const { text, place, words } = given;
  switch (op) {
    case 'map':
      return { op, ...by, elements: parseBatch(text, place, parseMap) };
    case 'unmap': {
      const element = (each: Words): UnmapLineElement => parseUnmap(each, given.line);
      return { op, ...by, elements: parseBatch(text, place, element) };
    }
    case 'copy':
      return { op, ...by, elements: parseBatch(text, place, parseCopy) };
    case 'swap':
      return { op, ...by, elements: parseBatch(text, place, parseSwap) };
    case 'setup_table':
      return { op, ...by, ...whole(words, parseSetup) };
    case 'query_size':
      return { op, ...by, ...whole(words, (each) => ({ ...target(each), count: count(each) })) };
    case 'set_version':
      return { op, ...by, version: whole(words, parseVersion) };
    case 'get_version':
      return { op, ...by, ...whole(words, target) };
    case 'refused_grant_call':
      return { op, ...by, name: whole(words, parseRefused) };
  }
}

const HOST_READ_ONLY = GNTMAP_host_map | GNTMAP_readonly;

function mapText(element: MapElement): string {
  const where = `${grantText(element.granter, element.ref)} at=${addressText(element.address)}`;
  if (element.flags === GNTMAP_host_map) return `${where} rw`;
  if (element.flags === HOST_READ_ONLY) return `${where} ro`;
  return `${where} flags=${hex(element.flags)}`;
}

function parseMap(words: Words): MapElement {
  const { domain, ref } = parseGrant(words.next('a grant (d1/9)'));
  const address = parseAddress(words.keyed('at', 'an address'));
  return { granter: domain, ref, address, flags: parseMapFlags(words) };
}

function parseMapFlags(words: Words): number {
  const access = words.word('ro', 'rw');
  if (access !== undefined) return access === 'ro' ? HOST_READ_ONLY : GNTMAP_host_map;
  return parseNumber(words.keyed('flags', '0x…, or ro, or rw'), u32);
}

function unmapText(element: UnmapLineElement): string {
  const { deviceAddress } = element;
  const text = typeof deviceAddress === 'number' ? hex(deviceAddress) : handleText(deviceAddress);
  const device = deviceAddress === 0 ? '' : ` dev=${text}`;
  return `${handleText(element.handle)} at=${addressText(element.address)}${device}`;
}

function parseUnmap(words: Words, line: number): UnmapLineElement {
  const handle = parseHandle(words.next('a handle (h3, #17)'), line);
  const address = parseAddress(words.keyed('at', 'an address'));
  const device = words.optional('dev');
  if (device === undefined) return { handle, address, deviceAddress: 0 };
  const isName = device.text.startsWith('h');
  return { handle, address, deviceAddress: isName ? parseName(device, line) : parseLong(device) };
}

const GREFS = GNTCOPY_source_gref | GNTCOPY_dest_gref;

function copyText(element: CopyElement): string {
  const source = sideText(element.source, (element.flags & GNTCOPY_source_gref) !== 0);
  const dest = sideText(element.dest, (element.flags & GNTCOPY_dest_gref) !== 0);
  const others = element.flags & ~GREFS;
  const flags = others === 0 ? '' : ` flags=${hex(others)}`;
  return `${source} -> ${dest} bytes=${element.length}${flags}`;
}

function parseCopy(words: Words): CopyElement {
  const source = parseSide(words.next('the side to copy from (d1/9+0x10, self:0x6)'));
  const arrow = words.next("'->'");
  if (arrow.text !== '->') refuseToken(arrow, "'->'");
  const dest = parseSide(words.next('the side to copy to (d1/9+0x10, self:0x6)'));
  const length = parseNumber(words.keyed('bytes', 'a length'), u16);
  const flags =
    parseOtherFlags(words) |
    (source.isGrant ? GNTCOPY_source_gref : 0) |
    (dest.isGrant ? GNTCOPY_dest_gref : 0);
  return { source: source.side, dest: dest.side, length, flags };
}

function parseOtherFlags(words: Words): number {
  const token = words.optional('flags');
  if (token === undefined) return 0;
  const flags = parseNumber(token, u16);
  if ((flags & GREFS) === 0) return flags;
  return refuseToken(token, 'flags besides those of refs, which / and : tell');
}

function sideText(side: CopySide, isGrant: boolean): string {
  const offset = side.offset === 0 ? '' : `+${hex(side.offset)}`;
  const page = isGrant
    ? grantText(side.domain, side.at)
    : `${domainText(side.domain)}:${gfnText(side.at)}`;
  return page + offset;
}

function parseSide(token: Token): { readonly side: CopySide; readonly isGrant: boolean } {
  const [page, byte] = pairOf(token, '+');
  const offset = byte === undefined ? 0 : parseNumber(byte, u16);
  const [domain, gfn] = pairOf(page, ':');
  if (gfn === undefined) {
    const grant = parseGrant(page);
    return { side: { domain: grant.domain, at: grant.ref, offset }, isGrant: true };
  }
  return { side: { domain: parseDomain(domain), at: parseLong(gfn), offset }, isGrant: false };
}

function parseSwap(words: Words): SwapElement {
  return { first: parseRef(words.next('a ref')), second: parseRef(words.next('a second ref')) };
}

function parseSetup(words: Words): Omit<SetupTable, 'op' | 'caller' | 'vcpu'> {
  const { target: domain } = target(words);
  const frames = parseNumber(words.keyed('frames', 'a number of frames'), u32);
  const elements = count(words);
  const list = words.optional('list');
  return {
    target: domain,
    frames,
    count: elements,
    list: list === undefined ? undefined : parseAddress(list),
  };
}

/** How many elements the caller claims to pass; only what is not 1 is written. */
const countText = (elements: number): string => (elements === 1 ? '' : ` count=${elements}`);

function count(words: Words): number {
  const token = words.optional('count');
  return token === undefined ? 1 : parseNumber(token, u32);
}

const target = (words: Words): { readonly target: DomainId } => ({
  target: parseDomain(words.next('a domain (d1, self, …)')),
});

const parseVersion = (words: Words): number => parseNumber(words.next('a version'), u32);

function parseRefused(words: Words): RefusedGrantCall['name'] {
  const token = words.next('the name of a grant operation');
  const name = refusedGrantCalls.find((each) => each === token.text);
  return name ?? refuseToken(token, `one of ${refusedGrantCalls.join(' ')}`);
}
