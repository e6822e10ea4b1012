import { PTE_P, PTE_PS, PTE_RW, PTE_US } from '../../abi/control.js';
import { Gfn } from '../../abi/ids.js';
import type { Word } from '../../abi/word.js';
import { loadWord } from '../../values/content.js';
import { get } from '../../values/keyed.js';
import { modeOf, type Mode } from '../../model/registers.js';
import type { Domain, State, Vcpu } from '../../model/state.js';

/**
 * The page tables that guests make by default, one set for each mode. Two upper entries share a lower
 * table, some tables map themselves, superpages lie over RAM, grant mappings and holes, and modes
 * share their lowest tables. What is at the gfns that they map is up to the other generators.
 */

/** An entry of a guest's table. */
export interface Piece {
  readonly table: Gfn;
  readonly index: number;
  readonly width: 4 | 8;
  readonly frame: number;
  readonly flags: number;
}

/** Where each mode's tables start. */
export const roots: Readonly<Record<Mode, number>> = {
  unpaged: 8,
  '2-level': 8,
  pae: 9,
  '4-level': 11,
};
/** The gfns that hold tables; all are RAM when a domain starts. */
export const tableGfns = [8, 9, 10, 11, 12, 13, 14, 15] as const;
/** What level 1 entries map: RAM, where grants are mapped, the grant table, tables. */
const lowest: readonly (readonly [table: number, frames: readonly number[]])[] = [
  [12, [0, 1, 2, 3, 0x40, 0x41, 0x30, 12]],
  [13, [4, 5, 0x42, 0x43, 0x20, 10, 13, 0x44]],
];
/** More of them, which no mode uses otherwise: a vcpu may write to several tables at once. */
const more: Readonly<Record<Exclude<Mode, 'unpaged'>, readonly [number, number]>> = {
  '2-level': [14, 15],
  pae: [14, 8],
  '4-level': [8, 9],
};

const ALL = PTE_P | PTE_RW | PTE_US;
type Row = readonly [table: number, index: number, frame: number, flags: number];
const upper: Readonly<Record<Exclude<Mode, 'unpaged'>, readonly Row[]>> = {
  '2-level': [
    [8, 0, 12, ALL],
    [8, 1, 13, ALL],
    [8, 2, 12, ALL],
    [8, 3, 0, ALL | PTE_PS],
    [8, 0x3ff, 8, ALL],
  ],
  pae: [
    [9, 0, 10, PTE_P],
    [9, 1, 15, PTE_P],
    [9, 2, 10, PTE_P],
    [9, 3, 15, PTE_P],
    [10, 0, 12, ALL],
    [10, 1, 13, ALL],
    [10, 2, 0, ALL | PTE_PS],
    [10, 3, 10, ALL],
    [15, 0, 13, ALL],
    [15, 1, 12, ALL],
  ],
  '4-level': [
    [11, 0, 14, ALL],
    [11, 1, 14, ALL],
    [11, 511, 11, ALL],
    [14, 0, 10, ALL],
    [14, 1, 15, ALL],
    [14, 2, 0, ALL | PTE_PS],
    [10, 0, 12, ALL],
    [10, 1, 13, ALL],
    [10, 2, 0, ALL | PTE_PS],
    [10, 3, 10, ALL],
    [15, 0, 13, ALL],
    [15, 1, 12, ALL],
  ],
};

/** The default tables of a mode, entry by entry. */
export function piecesOf(mode: Mode): readonly Piece[] {
  if (mode === 'unpaged') return [];
  const width = mode === '2-level' ? 4 : 8;
  const [one, other] = more[mode];
  const rows = lowest.flatMap(([table, frames]) =>
    frames.map((frame, index): Row => [table, index, frame, ALL]),
  );
  const top = mode === '2-level' ? 8 : 10;
  const others: readonly Row[] = [
    [top, 4, one, ALL],
    [top, 5, other, ALL],
    [one, 0, 6, ALL],
    [one, 1, other, ALL],
    [other, 0, 7, ALL],
    [other, 1, one, ALL],
  ];
  return [...upper[mode], ...rows, ...others].map(([table, index, frame, flags]) => {
    return { table: Gfn(table), index, width, frame, flags };
  });
}

/** What a guest finds in an entry of a table, or undefined where the table is no page. */
export function entryIn(state: State, domain: Domain, piece: Place): Word | undefined {
  const page = get(domain.p2m, piece.table)?.page;
  const content = page === undefined ? undefined : get(state.pages, page);
  if (content === undefined) return undefined;
  return loadWord(content.content, piece.index * piece.width, piece.width);
}
type Place = Pick<Piece, 'table' | 'index' | 'width'>;

/** Bytes of address space under one entry of a level, 4 the highest. */
const spans: Readonly<Record<Exclude<Mode, 'unpaged'>, readonly number[]>> = {
  '2-level': [2 ** 12, 2 ** 22],
  pae: [2 ** 12, 2 ** 21, 2 ** 30],
  '4-level': [2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39],
};

/** The linear address that selects these entries, the lowest level first, and a byte of the page. */
export function linearOf(vcpu: Vcpu, indexes: readonly number[], byte: number): Word {
  const mode = modeOf(vcpu);
  const levels = mode === 'unpaged' ? spans['2-level'] : spans[mode];
  const linear = levels.reduce((sum, span, i) => sum + span * (indexes[i] ?? 0), byte);
  const high = Math.floor(linear / 2 ** 32) % 2 ** 16;
  const isUpperHalf = mode === '4-level' && high >= 0x8000;
  return { low: linear % 2 ** 32, high: isUpperHalf ? (high | 0xffff_0000) >>> 0 : high };
}
