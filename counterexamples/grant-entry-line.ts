import { GTF_permit_access, GTF_readonly, type GrantVersion } from '../abi/grant-table.js';
import { Gfn } from '../abi/ids.js';
import type { DomainConfig } from '../abi/machine.js';
import type { GrantLine } from '../abi/program.js';
import { whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { domainText, gfnText, grantText, pairOf, parseDomain, parseGrant } from './names.js';
import { parseGfn, parseRef } from './names.js';
import { hex, parseLong, parseNumber, u16 } from './numbers.js';
import { refuseToken, type Token, type Words } from './words.js';

/*
 * grant ref=9 to=d2 gfn=0x3 ro [v2] [sub=0x10+64 | via=d3/7] [table=0x20]
 *
 * `rw` and `ro` permit access; any other flags are `flags=0x…`. The version is 1 unless it says
 * v2. The table is where the machine's domains have theirs by default, unless it says another.
 */

type Entry = Omit<GrantLine, 'op' | 'caller' | 'vcpu'>;

export function grantLineText(line: GrantLine, defaults: DomainConfig): string {
  return [
    `ref=${line.ref}`,
    `to=${domainText(line.to)}`,
    `gfn=${gfnText(line.frame)}`,
    accessText(line.flags),
    ...(line.version === 2 ? ['v2'] : []),
    ...detailText(line.detail),
    ...(line.table === defaults.tableGfn ? [] : [`table=${gfnText(line.table)}`]),
  ].join(' ');
}

export const parseGrantEntry = (
  op: 'grant',
  by: Caller,
  { words, machine }: Arguments,
): GrantLine => ({ op, ...by, ...whole(words, (each) => parseGrantLine(each, machine.defaults)) });

function parseGrantLine(words: Words, defaults: DomainConfig): Entry {
  const ref = parseRef(words.keyed('ref', 'a grant ref'));
  const to = parseDomain(words.keyed('to', 'a domain'));
  const frame = parseLong(words.keyed('gfn', 'a gfn'));
  const flags = parseAccess(words);
  const version: GrantVersion = words.word('v1', 'v2') === 'v2' ? 2 : 1;
  const detail = parseDetail(words);
  const table = parseTable(words, defaults);
  return { ref, to, frame, flags, version, detail, table };
}

const READ_ONLY = GTF_permit_access | GTF_readonly;

function accessText(flags: number): string {
  if (flags === GTF_permit_access) return 'rw';
  if (flags === READ_ONLY) return 'ro';
  return `flags=${hex(flags)}`;
}

function parseAccess(words: Words): number {
  const access = words.word('ro', 'rw');
  if (access !== undefined) return access === 'ro' ? READ_ONLY : GTF_permit_access;
  return parseNumber(words.keyed('flags', '0x…, or ro, or rw'), u16);
}

function detailText(detail: GrantLine['detail']): readonly string[] {
  switch (detail.is) {
    case 'none':
      return [];
    case 'sub_page':
      return [`sub=${hex(detail.offset)}+${detail.length}`];
    case 'transitive':
      return [`via=${grantText(detail.domain, detail.ref)}`];
  }
}

function parseDetail(words: Words): GrantLine['detail'] {
  const sub = words.optional('sub');
  if (sub !== undefined) return parseSubPage(sub);
  const via = words.optional('via');
  return via === undefined ? { is: 'none' } : { is: 'transitive', ...parseGrant(via) };
}

function parseSubPage(token: Token): GrantLine['detail'] {
  const [offset, length] = pairOf(token, '+');
  if (length === undefined) return refuseToken(token, 'a part of a page (0x10+64)');
  return {
    is: 'sub_page',
    offset: parseNumber(offset, u16),
    length: parseNumber(length, u16),
  };
}

function parseTable(words: Words, defaults: DomainConfig): Gfn {
  if (defaults.tableGfn === undefined) return parseGfn(words.keyed('table', 'a gfn'));
  const table = words.optional('table');
  return table === undefined ? Gfn(defaults.tableGfn) : parseGfn(table);
}
