import * as abi from '../../abi/control.js';
import { Gfn } from '../../abi/ids.js';
import type { Mode } from '../../model/registers.js';

/** The page tables that sweeps vary: one way through them for each mode and size of page. */

export const shapeNames = [
  '2-level-4k',
  '2-level-4m',
  'pae-4k',
  'pae-2m',
  '4-level-4k',
  '4-level-2m',
  '4-level-1g',
] as const;
export type ShapeName = (typeof shapeNames)[number];

/** A level of a way: its table, the entry that is used there, and which of its bits are varied. */
export interface Level {
  readonly table: Gfn;
  readonly index: number;
  /** Bits of the low half besides P, each set or clear. */
  readonly varied: readonly number[];
  readonly variesNoExecute: boolean;
  /** Bits that are always set. */
  readonly fixed: number;
}

export interface Shape {
  readonly name: ShapeName;
  readonly mode: Exclude<Mode, 'unpaged'>;
  readonly width: 4 | 8;
  /** The table that CR3 names. */
  readonly top: Gfn;
  /** The top first; the last maps the page. */
  readonly levels: readonly Level[];
  /** Bytes that the page has. */
  readonly pageBytes: number;
  /** Bits of CR4 that are varied besides SMEP and SMAP. */
  readonly cr4: readonly number[];
}

const { PTE_A: A, PTE_D: D, PTE_PS: PS, PTE_RW: RW, PTE_US: US } = abi;
const RIGHTS = [RW, US];
const MARKS = [A, D];

const level = (
  table: number,
  varied: readonly number[],
  { nx = false, fixed = 0, index = 1 } = {},
): Level => {
  return { table: Gfn(table), index, varied, variesNoExecute: nx, fixed };
};

const leaf = { nx: true };
const superpage = { nx: true, fixed: PS };

/**
 * 2-level and PAE: P RW US A D of every level, NX where there is one, and bit 7 of level 1 (PAT); but
 * of PAE's top level, which gives no rights, P only. 4-level: the same for the leaf but PAT; above it
 * P RW US NX of every level, A of the entry above a superpage, and over 1 GiB PS at the top, where it
 * is reserved. An entry below one that is not present is not varied.
 */
const shapes: Readonly<Record<ShapeName, Omit<Shape, 'name' | 'top'>>> = {
  '2-level-4k': {
    mode: '2-level',
    width: 4,
    levels: [level(8, [...RIGHTS, ...MARKS]), level(11, [...RIGHTS, ...MARKS, PS])],
    pageBytes: 2 ** 12,
    cr4: [],
  },
  '2-level-4m': {
    mode: '2-level',
    width: 4,
    levels: [level(8, [...RIGHTS, ...MARKS], { fixed: PS })],
    pageBytes: 2 ** 22,
    cr4: [abi.CR4_PSE],
  },
  'pae-4k': {
    mode: 'pae',
    width: 8,
    levels: [
      level(9, []),
      level(10, [...RIGHTS, ...MARKS], { nx: true }),
      level(11, [...RIGHTS, ...MARKS, PS], leaf),
    ],
    pageBytes: 2 ** 12,
    cr4: [],
  },
  'pae-2m': {
    mode: 'pae',
    width: 8,
    levels: [level(9, []), level(10, [...RIGHTS, ...MARKS], superpage)],
    pageBytes: 2 ** 21,
    cr4: [],
  },
  '4-level-4k': {
    mode: '4-level',
    width: 8,
    levels: [
      level(8, RIGHTS, { nx: true }),
      level(9, RIGHTS, { nx: true }),
      level(10, RIGHTS, { nx: true }),
      level(11, [...RIGHTS, ...MARKS], leaf),
    ],
    pageBytes: 2 ** 12,
    cr4: [],
  },
  '4-level-2m': {
    mode: '4-level',
    width: 8,
    levels: [
      level(8, RIGHTS, { nx: true }),
      level(9, [...RIGHTS, A], { nx: true }),
      level(10, [...RIGHTS, ...MARKS], superpage),
    ],
    pageBytes: 2 ** 21,
    cr4: [],
  },
  '4-level-1g': {
    mode: '4-level',
    width: 8,
    levels: [
      level(8, [...RIGHTS, A, PS], { nx: true }),
      level(9, [...RIGHTS, ...MARKS], superpage),
    ],
    pageBytes: 2 ** 30,
    cr4: [],
  },
};

export const shapeOf = (name: ShapeName): Shape => {
  const shape = shapes[name];
  return { name, top: shape.levels[0]?.table ?? Gfn(0), ...shape };
};
