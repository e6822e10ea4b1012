import * as abi from '../../abi/control.js';
import { VcpuId } from '../../abi/ids.js';
import { accessors, type Accessor, type LinearAccess } from '../../abi/step.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import { pick, type Choose } from '../choose.js';
import { GUEST, gfnOf, targets, type Entry, type Registers, type Target } from './setting.js';
import type { Level, Shape } from './shapes.js';

/** A way through tables: registers, and what the entries are from the top down. */
export interface Way {
  readonly registers: Registers;
  /** Flags as the two halves of an entry without its frame. */
  readonly flags: readonly Word[];
  /** False where an entry above the last is not present: nothing below that is looked at. */
  readonly isWhole: boolean;
}

/** What is tried by each way: an access, and what the p2m has where it leads. */
export interface Trial {
  readonly target: Target;
  readonly access: LinearAccess;
}

export const kinds = ['load', 'fetch', 'store', 'cmpxchg_other', 'cmpxchg', 'xadd'] as const;
export type Kind = (typeof kinds)[number];

/** A way, each choice of it a flag. */
export function way(choose: Choose, shape: Shape): Way {
  const registers = registersFor(choose, shape);
  const flags: Word[] = [];
  for (const level of shape.levels) {
    const value = flagsFor(choose, level);
    flags.push(value);
    if ((value.low & abi.PTE_P) === 0) break;
  }
  return { registers, flags, isWhole: flags.length === shape.levels.length };
}

/** A trial, each choice of it one of a few. */
export function trial(choose: Choose, shape: Shape): Trial {
  const target = pick(choose, targets);
  const as = pick(choose, accessors);
  return { target, access: accessOf(VcpuId(0), pick(choose, kinds), as, linearOf(shape, target)) };
}

/** The entries of a way as they are in memory when it leads to a target. */
export const entriesOf = (flags: Way['flags'], shape: Shape, target: Target): readonly Entry[] =>
  flags.flatMap(({ low, high }, i) => {
    const level = shape.levels[i];
    if (level === undefined) return [];
    const { table, index } = level;
    const frame = shape.levels[i + 1]?.table ?? leafFrame(shape, target);
    const value = { low: ((frame << 12) | low) >>> 0, high };
    return [{ table, index, width: shape.width, value }];
  });

/** A superpage has all targets in it, and begins at 0. */
const leafFrame = ({ pageBytes }: Shape, target: Target): number =>
  pageBytes === PAGE_BYTES ? gfnOf[target] : 0;

/** The address that selects the entries of a way, and in a superpage the target; a few bytes on. */
export function linearOf({ levels, mode, pageBytes }: Shape, target: Target): Word {
  const radix = mode === '2-level' ? 1024 : 512;
  let linear = (pageBytes === PAGE_BYTES ? 0 : gfnOf[target] * PAGE_BYTES) + OFFSET;
  let span = pageBytes;
  for (const { index } of levels.toReversed()) {
    linear += index * span;
    span *= radix;
  }
  return { low: linear % 2 ** 32, high: Math.floor(linear / 2 ** 32) };
}
const OFFSET = 0x18;

/** What is stored is what the next compare-exchange looks for. */
export function accessOf(vcpu: VcpuId, kind: Kind, as: Accessor, linear: Word): LinearAccess {
  const by = { caller: GUEST, vcpu, linear, size: 4, as };
  switch (kind) {
    case 'load':
      return { op: 'load_linear', ...by };
    case 'fetch':
      return { op: 'fetch_linear', ...by };
    case 'store':
      return { op: 'store_linear', ...by, value: { low: 7, high: 0 } };
    case 'cmpxchg_other':
      return {
        op: 'cmpxchg_linear',
        ...by,
        expected: { low: 5, high: 0 },
        value: { low: 6, high: 0 },
      };
    case 'cmpxchg':
      return {
        op: 'cmpxchg_linear',
        ...by,
        expected: { low: 7, high: 0 },
        value: { low: 8, high: 0 },
      };
    case 'xadd':
      return { op: 'xadd_linear', ...by, value: { low: 1, high: 0 } };
  }
}

function registersFor(choose: Choose, { mode, cr4 }: Shape): Registers {
  const flag = flagOf(choose);
  const paged = (abi.CR0_AT_START | abi.CR0_PG) >>> 0;
  const varied = [abi.CR4_SMEP, abi.CR4_SMAP, ...cr4];
  return {
    cr0: (paged | flag(abi.CR0_WP)) >>> 0,
    efer: (mode === '4-level' ? abi.EFER_LME : 0) | flag(abi.EFER_NXE),
    cr4: varied.reduce((sum, bit) => sum | flag(bit), mode === '2-level' ? 0 : abi.CR4_PAE),
  };
}

function flagsFor(choose: Choose, level: Level): Word {
  const flag = flagOf(choose);
  const low = level.varied.reduce((sum, bit) => sum | flag(bit), level.fixed | flag(abi.PTE_P));
  return { low, high: level.variesNoExecute ? flag(abi.PTE_NX_HIGH) : 0 };
}

const flagOf =
  (choose: Choose) =>
  (bit: number): number =>
    choose.below(2) === 0 ? 0 : bit;
