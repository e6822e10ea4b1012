import {
  DOMID_IDLE,
  DOMID_INVALID,
  DOMID_IO,
  DOMID_SELF,
  DOMID_XEN,
  ALL_ONES,
  DomainId,
  Gfn,
  GrantRef,
  GuestPhysical,
  Handle,
} from '../abi/ids.js';
import type { FromLine } from '../abi/program.js';
import { PAGE_BYTES } from '../abi/word.js';
import { between, hex, parseLong, parseNumber, u16, u32 } from './numbers.js';
import { refuseToken, right, type Token } from './words.js';

/*
 * How the things of abi/ids.ts are written:
 *
 *   d1  self  invalid      a domain; the special ids have names
 *   0x6  ~0                a gfn
 *   0x6+0x10               a guest-physical address: page, and byte within the page
 *   d1/9                   ref 9 of d1
 *   h3  h3.1  #17          the handle that line 3 made (its element 1); the handle 17 itself
 */

const special: readonly (readonly [string, DomainId])[] = [
  ['self', DOMID_SELF],
  ['io', DOMID_IO],
  ['xen', DOMID_XEN],
  ['invalid', DOMID_INVALID],
  ['idle', DOMID_IDLE],
];

export const domainText = (domain: DomainId): string =>
  special.find(([, id]) => id === domain)?.[0] ?? `d${domain}`;

export function parseDomain(token: Token): DomainId {
  const named = special.find(([name]) => name === token.text);
  if (named !== undefined) return named[1];
  if (!/^d\d+$/.test(token.text)) return refuseToken(token, 'a domain (d1, self, …)');
  return DomainId(parseNumber(after(token, 1), u16));
}

export const gfnText = (gfn: number): string => hex(gfn);
export const parseGfn = (token: Token): Gfn => Gfn(parseLong(token));
export const parseRef = (token: Token): GrantRef => GrantRef(parseNumber(token, u32));

/** The page that begins at 2^53, the last address a double carries exactly. */
const LAST_PAGE = 2 ** 41;

export function addressText(address: GuestPhysical): string {
  if (address === ALL_ONES) return '~0';
  const offset = address % PAGE_BYTES;
  const page = hex((address - offset) / PAGE_BYTES);
  return offset === 0 ? page : `${page}+${hex(offset)}`;
}

export function parseAddress(token: Token): GuestPhysical {
  if (token.text === '~0') return GuestPhysical(ALL_ONES);
  const [page, offset] = pairOf(token, '+');
  const first = parseNumber(page, { ...between(0, LAST_PAGE), what: 'a page (0x6)' });
  const byte = offset === undefined ? 0 : parseNumber(offset, between(0, PAGE_BYTES - 1));
  if (first === LAST_PAGE && byte > 0) return refuseToken(token, 'an address up to 2^53, or ~0');
  return GuestPhysical(first * PAGE_BYTES + byte);
}

export const grantText = (domain: DomainId, ref: number): string => `${domainText(domain)}/${ref}`;

export function parseGrant(token: Token): { readonly domain: DomainId; readonly ref: GrantRef } {
  const [domain, ref] = pairOf(token, '/');
  if (ref === undefined) return refuseToken(token, 'a grant (d1/9)');
  return { domain: parseDomain(domain), ref: parseRef(ref) };
}

export function handleText(handle: Handle | FromLine): string {
  if (typeof handle === 'number') return `#${handle}`;
  return handle.element === 0 ? `h${handle.line}` : `h${handle.line}.${handle.element}`;
}

/** A handle in line `line` of the program: a name may only look back. */
export function parseHandle(token: Token, line: number): Handle | FromLine {
  if (token.text.startsWith('#')) return Handle(parseNumber(after(token, 1), u32));
  return parseName(token, line);
}

/** What was made in an earlier line than `line`. */
export function parseName(token: Token, line: number): FromLine {
  if (!token.text.startsWith('h')) return refuseToken(token, 'a handle (h3, h3.1, #17)');
  const [maker, element] = pairOf(after(token, 1), '.');
  const from = parseNumber(maker, { ...u32, what: 'the number of a line' });
  if (from >= line) return refuseToken(token, `a handle made before line ${line}`);
  return { line: from, element: element === undefined ? 0 : parseNumber(element, u32) };
}

/** The token without its first characters. */
export const after = (token: Token, columns: number): Token => ({
  text: token.text.slice(columns),
  place: right(token.place, columns),
});

/** The token cut at the first separator; the second half is undefined where there is none. */
export function pairOf(token: Token, separator: string): readonly [Token, Token | undefined] {
  const index = token.text.indexOf(separator);
  if (index < 0) return [token, undefined];
  const head = { text: token.text.slice(0, index), place: token.place };
  return [head, after(token, index + separator.length)];
}

/** The token cut at every separator. */
export function partsOf(token: Token, separator: string): readonly Token[] {
  const parts: Token[] = [];
  let rest: Token | undefined = token;
  while (rest !== undefined) {
    const [head, tail]: readonly [Token, Token | undefined] = pairOf(rest, separator);
    parts.push(head);
    rest = tail;
  }
  return parts;
}

/** The items of `0x3,0x4`; the word `none` stands for no item. */
export const listOf = <Item>(token: Token, item: (token: Token) => Item): readonly Item[] =>
  token.text === 'none' ? [] : partsOf(token, ',').map(item);

export const listText = (items: readonly string[]): string =>
  items.length === 0 ? 'none' : items.join(',');
