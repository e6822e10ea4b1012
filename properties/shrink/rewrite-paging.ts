import { Gfn, type DomainId } from '../../abi/ids.js';
import type { Line, PteLine } from '../../abi/program.js';
import type { Accessor, Control, LinearAccess } from '../../abi/step.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import { ownOf, rewriteWord, type Rewrite } from './rewrite-numbers.js';

/** The lines about a vcpu's own paging with every number replaced, as `rewriteLine` does it. */

export function rewriteLinear(line: LinearAccess, by: Rewrite): Line {
  const operand = {
    ...ownOf(line, by),
    linear: rewriteLinearAddress(line.linear, by),
    size: by.number(line.size, 'size'),
    as: accessorAt(by.number(simplicity.indexOf(line.as), 'accessor')),
  };
  switch (line.op) {
    case 'load_linear':
    case 'fetch_linear':
      return { ...line, ...operand };
    case 'store_linear':
    case 'xadd_linear':
      return { ...line, ...operand, value: rewriteWord(line.value, by) };
    case 'cmpxchg_linear':
      return {
        ...line,
        ...operand,
        expected: rewriteWord(line.expected, by),
        value: rewriteWord(line.value, by),
      };
  }
}

export function rewriteControl(line: Control, by: Rewrite): Line {
  const own = ownOf(line, by);
  switch (line.op) {
    case 'cr0':
    case 'cr4':
    case 'efer':
    case 'pkru':
      return { ...line, ...own, value: by.number(line.value, 'flags') };
    case 'cr3':
      return { ...line, ...own, value: rewriteRoot(line.value, line.caller, by) };
    case 'invlpg':
      return { ...line, ...own, linear: rewriteLinearAddress(line.linear, by) };
  }
}

/** The width of an entry stays: a page table of the other width is another story. */
export const rewritePte = (line: PteLine, by: Rewrite): Line => ({
  ...line,
  ...ownOf(line, by),
  table: by.gfn(line.table, line.caller),
  index: by.number(line.index, 'count'),
  frame: by.gfn(line.frame, line.caller),
  flags: by.number(line.flags, 'flags'),
  high: by.number(line.high, 'flags'),
});

/** The accessors, from the plainest on. */
export const simplicity: readonly Accessor[] = ['kernel', 'user', 'implicit', 'kernel_ac'];

export const accessorAt = (index: number): Accessor => simplicity[index] ?? 'kernel';

export function rewriteLinearAddress({ low, high }: Word, by: Rewrite): Word {
  const byte = low % PAGE_BYTES;
  return {
    high: by.number(high, 'high'),
    low: by.number((low - byte) / PAGE_BYTES, 'page') * PAGE_BYTES + by.number(byte, 'offset'),
  };
}

/** CR3: the gfn of the root, as far as the low half has it, and what stands beside it. */
function rewriteRoot({ low, high }: Word, of: DomainId, by: Rewrite): Word {
  const byte = low % PAGE_BYTES;
  const gfn = by.gfn(Gfn((low - byte) / PAGE_BYTES), of);
  return {
    high: by.number(high, 'high'),
    low: gfn * PAGE_BYTES + by.number(byte, 'flags'),
  };
}
