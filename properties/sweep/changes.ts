import * as abi from '../../abi/control.js';
import { VcpuId } from '../../abi/ids.js';
import type { LinearAccess } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import { pick, type Choose } from '../choose.js';
import { GUEST, gfnOf, registersOf, type Entry, type Registers } from './setting.js';
import type { Shape } from './shapes.js';
import { accessOf, entriesOf, linearOf } from './single-access.js';
import { entryLine, flushLine, type Stage } from './stage.js';

/**
 * Touch, change, touch: an access, then another value for one entry of its way, then the vcpu is
 * told to forget or is not, then another access. A second vcpu makes the same accesses at the same
 * times and is told nothing.
 */
export interface ChangeCase {
  readonly registers: Registers;
  readonly entries: readonly Entry[];
  readonly changed: Entry;
  readonly forgets: (typeof flushes)[number];
  readonly linear: Word;
  readonly accesses: readonly [Access, Access];
}
type Access = (vcpu: VcpuId) => LinearAccess;

const kinds = ['load', 'fetch', 'store', 'cmpxchg', 'xadd'] as const;
const flushes = ['nothing', 'page', 'all'] as const;

const OPEN = abi.PTE_P | abi.PTE_RW | abi.PTE_US;
/** What an entry allows at first: everything, or one thing less. */
const before = ['open', 'readonly_leaf', 'system_leaf', 'readonly_top'] as const;
const flips = [
  abi.PTE_P,
  abi.PTE_RW,
  abi.PTE_US,
  abi.PTE_A,
  abi.PTE_D,
  abi.PTE_PS,
  'no_execute',
  'frame',
] as const;

export function changeCase(choose: Choose, shape: Shape): ChangeCase {
  const registers = registersOf(shape.mode, choose.below(2) === 0);
  const start = pick(choose, before);
  const marks = choose.below(2) === 0 ? 0 : abi.PTE_A | abi.PTE_D;
  const { length } = shape.levels;
  const flags = shape.levels.map(({ fixed }, i): Word => {
    const isLeaf = i === length - 1;
    const isTopOfPae = shape.mode === 'pae' && i === 0;
    if (isTopOfPae) return { low: abi.PTE_P, high: 0 };
    const isReadonly = start === (isLeaf ? 'readonly_leaf' : 'readonly_top');
    const taken = isReadonly ? abi.PTE_RW : isLeaf && start === 'system_leaf' ? abi.PTE_US : 0;
    return { low: (OPEN & ~taken) | fixed | marks, high: 0 };
  });
  const entries = entriesOf(flags, shape, 'ram');
  const entry = pick(choose, entries);
  const changed = { ...entry, value: flipped(entry.value, pick(choose, flips)) };
  const forgets = pick(choose, flushes);
  const linear = linearOf(shape, 'ram');
  return {
    registers,
    entries,
    changed,
    forgets,
    linear,
    accesses: [any(choose, linear), any(choose, linear)],
  };
}

function any(choose: Choose, linear: Word): Access {
  const as = choose.below(2) === 0 ? 'user' : 'kernel';
  const kind = pick(choose, kinds);
  return (vcpu) => accessOf(vcpu, kind, as, linear);
}

/** Another frame is a readonly grant mapping, or what happens to lie there. */
function flipped({ low, high }: Word, flip: (typeof flips)[number]): Word {
  if (flip === 'frame') return { low: ((gfnOf.grant_ro << 12) | (low & 0xfff)) >>> 0, high };
  if (flip === 'no_execute') return { low, high: abi.PTE_NX_HIGH };
  return { low: (low ^ flip) >>> 0, high };
}

const [ONE, OTHER] = [VcpuId(0), VcpuId(1)];

export function tryChange(stage: Stage, shape: Shape, one: ChangeCase): void {
  stage.renewed();
  const { accesses, entries, forgets, linear } = one;
  for (const entry of entries) stage.setEntry(ONE, entry);
  for (const vcpu of [ONE, OTHER]) {
    stage.setRegisters(vcpu, one.registers);
    stage.perform(flushLine(vcpu, shape.top));
  }
  for (const vcpu of [ONE, OTHER]) stage.access(accesses[0](vcpu));
  stage.perform(entryLine(ONE, one.changed));
  if (forgets === 'all') stage.perform(flushLine(ONE, shape.top));
  if (forgets === 'page') stage.perform({ op: 'invlpg', caller: GUEST, vcpu: ONE, linear });
  for (const vcpu of [ONE, OTHER]) stage.access(accesses[1](vcpu));
}
