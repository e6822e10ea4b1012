import * as abi from '../../abi/control.js';
import { Gfn, VcpuId } from '../../abi/ids.js';
import type { LinearAccess } from '../../abi/step.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import type { Mode } from '../../model/registers.js';
import { pick, type Choose } from '../choose.js';
import { GUEST, gfnOf, registersOf, type Entry, type Registers } from './setting.js';
import { flushLine, type Stage } from './stage.js';

/**
 * Two accesses one after the other through tables full of aliases, by one vcpu or by two: upper
 * entries share a lower table, entries map the same page with other rights, tables are mapped and so
 * can be written, and a superpage lies over all of it.
 */
export interface PairCase {
  readonly registers: Registers;
  readonly accesses: readonly [LinearAccess, LinearAccess];
}

type Paged = Exclude<Mode, 'unpaged'>;
const OPEN = abi.PTE_P | abi.PTE_RW | abi.PTE_US;
const READONLY = abi.PTE_P | abi.PTE_US;

/** Where a mode has its tables: top, level 2, and two of level 1. */
const tables: Readonly<Record<Paged, { readonly top: number; readonly two: number }>> = {
  '2-level': { top: 8, two: 8 },
  pae: { top: 9, two: 10 },
  '4-level': { top: 8, two: 10 },
};
const [LOW, OTHER_LOW] = [11, 12];
const widthOf = (mode: Paged): 4 | 8 => (mode === '2-level' ? 4 : 8);

/** All entries as they are before each pair. */
export function aliasedTables(mode: Paged): readonly Entry[] {
  const width = widthOf(mode);
  const entry = (table: number, index: number, frame: number, flags: number): Entry => {
    return { table: Gfn(table), index, width, value: { low: frame * PAGE_BYTES + flags, high: 0 } };
  };
  const { two } = tables[mode];
  const tops: Readonly<Record<Paged, readonly Entry[]>> = {
    '2-level': [],
    pae: [entry(9, 1, 10, abi.PTE_P), entry(9, 2, 10, abi.PTE_P)],
    '4-level': [entry(8, 1, 9, OPEN), entry(8, 2, 9, READONLY), entry(9, 1, 10, OPEN)],
  };
  return [
    ...tops[mode],
    entry(two, 1, LOW, OPEN),
    entry(two, 2, LOW, READONLY),
    entry(two, 3, 0, OPEN | abi.PTE_PS),
    entry(LOW, 0, gfnOf.ram, OPEN),
    entry(LOW, 1, gfnOf.ram, READONLY),
    entry(LOW, 2, LOW, OPEN),
    entry(LOW, 3, two, OPEN),
    entry(LOW, 5, gfnOf.grant_rw, OPEN),
    entry(LOW, 6, gfnOf.grant_ro, OPEN),
    entry(OTHER_LOW, 0, 2, OPEN),
  ];
}

/** A place that is accessed: indexes from level 1 up, and what of the page is touched. */
interface Place {
  readonly indexes: readonly [number, number, number];
  /** The entry that is there, if that is a table: its index, and what it is at first. */
  readonly holds?: { readonly index: number; readonly frame: number; readonly flags: number };
}

const page = { index: 0, frame: gfnOf.ram, flags: OPEN };
const upper = { index: 2, frame: LOW, flags: READONLY };

const places = {
  page: { indexes: [0, 1, 1] },
  by_other_upper: { indexes: [0, 2, 1] },
  by_other_top: { indexes: [0, 1, 2] },
  readonly_twin: { indexes: [1, 1, 1] },
  lower_table: { indexes: [2, 1, 1], holds: page },
  upper_table: { indexes: [3, 1, 1], holds: upper },
  grant_rw: { indexes: [5, 1, 1] },
  grant_ro: { indexes: [6, 1, 1] },
  superpage: { indexes: [gfnOf.ram, 3, 1] },
  superpage_table: { indexes: [LOW, 3, 1], holds: page },
} as const satisfies Record<string, Place>;
const placeNames: readonly (keyof typeof places)[] = [
  'page',
  'by_other_upper',
  'by_other_top',
  'readonly_twin',
  'lower_table',
  'upper_table',
  'grant_rw',
  'grant_ro',
  'superpage',
  'superpage_table',
];

const ops = ['load', 'fetch', 'store', 'cmpxchg', 'xadd'] as const;
const [ONE, OTHER] = [VcpuId(0), VcpuId(1)];

export function pairCase(choose: Choose, mode: Paged): PairCase {
  const registers = registersOf(mode, choose.below(2) === 0);
  const first = anyAccess(choose, mode, ONE);
  return { registers, accesses: [first, anyAccess(choose, mode, pick(choose, [ONE, OTHER]))] };
}

function anyAccess(choose: Choose, mode: Paged, vcpu: VcpuId): LinearAccess {
  const place: Place = places[pick(choose, placeNames)];
  const as = choose.below(2) === 0 ? 'user' : 'kernel';
  const size = widthOf(mode);
  const index = place.holds?.index ?? 0;
  const by = {
    caller: GUEST,
    vcpu,
    linear: linearOf(place, mode, index * size),
    size,
    as,
  } as const;
  const zero: Word = { low: 0, high: 0 };
  const { frame, flags } = place.holds ?? { frame: 0, flags: 7 };
  switch (pick(choose, ops)) {
    case 'load':
      return { op: 'load_linear', ...by };
    case 'fetch':
      return { op: 'fetch_linear', ...by };
    // The next frame with the same rights, and nothing marked.
    case 'store':
      return {
        op: 'store_linear',
        ...by,
        value: { low: (frame + 1) * PAGE_BYTES + flags, high: 0 },
      };
    case 'cmpxchg': {
      const expected = { low: frame * PAGE_BYTES + flags, high: 0 };
      return { op: 'cmpxchg_linear', ...by, expected, value: zero };
    }
    // A right more or less.
    case 'xadd':
      return { op: 'xadd_linear', ...by, value: { low: abi.PTE_RW, high: 0 } };
  }
}

function linearOf({ indexes: [one, two, top] }: Place, mode: Paged, byte: number): Word {
  if (mode === '2-level') return { low: two * 2 ** 22 + one * PAGE_BYTES + byte, high: 0 };
  const low = two * 2 ** 21 + one * PAGE_BYTES + byte;
  // By one entry of level 3 in long mode.
  return mode === 'pae'
    ? { low: top * 2 ** 30 + low, high: 0 }
    : { low: 2 ** 30 + low, high: top * 2 ** 7 };
}

export function tryPair(stage: Stage, mode: Paged, { registers, accesses }: PairCase): void {
  stage.renewed();
  for (const entry of aliasedTables(mode)) stage.setEntry(ONE, entry);
  for (const vcpu of [ONE, OTHER]) {
    stage.setRegisters(vcpu, registers);
    stage.perform(flushLine(vcpu, tables[mode].top));
  }
  for (const access of accesses) stage.access(access);
  // What both find afterwards.
  for (const [vcpu, place] of [
    [ONE, places.page],
    [OTHER, places.by_other_upper],
    [ONE, places.by_other_upper],
  ] as const) {
    const by = {
      caller: GUEST,
      vcpu,
      linear: linearOf(place, mode, 0),
      size: 4,
      as: 'user',
    } as const;
    stage.access({ op: 'load_linear', ...by });
  }
}
