import {
  PTE_A,
  PTE_D,
  PTE_G,
  PTE_NX_HIGH,
  PTE_P,
  PTE_PCD,
  PTE_PS,
  PTE_PWT,
  PTE_RW,
  PTE_US,
} from '../abi/control.js';
import { Gfn } from '../abi/ids.js';
import type { PteLine } from '../abi/program.js';
import { flagParts, parseFlags, type Flags } from './flags.js';
import { gfnText, parseGfn } from './names.js';
import { between, hex, parseNumber, u12, u32, u40 } from './numbers.js';
import { refuseToken, type Token, type Words } from './words.js';

/*
 * pte  table=0x4 index=3 width=8 gfn=0x7 p+rw+us+a+nx bits=0x8000
 *
 * The flags are those of the low twelve bits, and NX; bits 9 to 11 have no names and are a number
 * (`p+rw+0x200`), no flag is 0x0. `bits` are any others of the high half, over those of the gfn.
 */

type Entry = Omit<PteLine, 'op' | 'caller' | 'vcpu'>;

export function pteText(line: PteLine): string {
  const others = (line.high & ~PTE_NX_HIGH) >>> 0;
  return [
    `table=${gfnText(line.table)}`,
    `index=${line.index}`,
    `width=${line.width}`,
    `gfn=${gfnText(line.frame)}`,
    pteFlagsText(line),
    ...(others === 0 ? [] : [`bits=${hex(others)}`]),
  ].join(' ');
}

export function parsePte(words: Words): Entry {
  const table = parseGfn(words.keyed('table', 'a gfn'));
  const at = words.keyed('index', 'the number of an entry');
  const width = parseWidth(words.keyed('width', '4 or 8'));
  const index = parseNumber(at, between(0, 4096 / width - 1));
  const frame = Gfn(parseNumber(words.keyed('gfn', 'a gfn'), u40));
  const high = parseBits(words);
  const flags = parseFlags(words.next('the flags (p+rw+us), or 0x0'), names, u12);
  const nx = (flags & NX) === 0 ? 0 : PTE_NX_HIGH;
  return { table, index, width, flags: flags & ~NX, frame, high: (high | nx) >>> 0 };
}

/** NX among the flags: above the twelve that are below it in an entry. */
const NX = 0x1000;

const names: Flags = {
  p: PTE_P,
  rw: PTE_RW,
  us: PTE_US,
  pwt: PTE_PWT,
  pcd: PTE_PCD,
  a: PTE_A,
  d: PTE_D,
  ps: PTE_PS,
  g: PTE_G,
  nx: NX,
};

function pteFlagsText({ flags, high }: PteLine): string {
  const nx = (high & PTE_NX_HIGH) === 0 ? 0 : NX;
  const parts = flagParts(flags | nx, names);
  return parts.length === 0 ? '0x0' : parts.join('+');
}

function parseWidth(token: Token): 4 | 8 {
  if (token.text === '4') return 4;
  return token.text === '8' ? 8 : refuseToken(token, 'the bytes of an entry, 4 or 8');
}

function parseBits(words: Words): number {
  const token = words.optional('bits');
  if (token === undefined) return 0;
  const bits = parseNumber(token, u32);
  return (bits & PTE_NX_HIGH) === 0 ? bits : refuseToken(token, 'bits besides nx, a flag');
}
