import { PTE_A, PTE_P, PTE_RW, PTE_US } from '../../abi/control.js';
import { DOMID_SELF, DomainId, FIRST_VCPU, Gfn } from '../../abi/ids.js';
import type { PteLine } from '../../abi/program.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { pick, type Choose } from '../choose.js';
import { everyOne } from '../sweep/every-choice.js';
import type { Act } from './bound.js';

/** What one guest does with page tables of two levels of its own, and with which arguments. */
export interface PagingWords {
  readonly operations: readonly (keyof typeof pagingOperations)[];
  /** Where the upper and the lower table are, and pages that may be mapped. */
  readonly upper: number;
  readonly lower: number;
  readonly pages: readonly number[];
  /** Flags that an entry of the lower table gets with a page; besides, it can be emptied. */
  readonly leaves: readonly number[];
}

/** The acts, operation by operation, in the order of their choices. */
export const pagingActs = (words: PagingWords): readonly Act[] =>
  words.operations.flatMap((operation) => [
    ...everyOne((choose) => pagingOperations[operation](choose, words)),
  ]);

export const PAGING_GUEST = DomainId(1);
const by = { caller: PAGING_GUEST, vcpu: FIRST_VCPU };
export const TABLE_FLAGS = PTE_P | PTE_RW | PTE_US | PTE_A;

/** The linear page of the first entry of the lower table. */
const linear = { low: 0, high: 0 };
const access = { ...by, linear, size: 1, as: 'user' } as const;

export const entry = (table: number, flags: number, frame: number): PteLine => ({
  op: 'pte',
  ...by,
  table: Gfn(table),
  index: 0,
  width: 4,
  flags,
  frame: Gfn(frame),
  high: 0,
});

const pagingOperations = {
  leaf(choose: Choose, { lower, leaves, pages }: PagingWords): Act {
    const flags = pick(choose, [0, ...leaves]);
    return entry(lower, flags, flags === 0 ? 0 : pick(choose, pages));
  },
  table(choose: Choose, { upper, lower }: PagingWords): Act {
    return choose.below(2) === 0 ? entry(upper, 0, 0) : entry(upper, TABLE_FLAGS, lower);
  },
  load(): Act {
    return { op: 'load_linear', ...access };
  },
  store(): Act {
    return { op: 'store_linear', ...access, value: { low: 1, high: 0 } };
  },
  flush(_choose: Choose, { upper }: PagingWords): Act {
    return { op: 'cr3', ...by, value: { low: upper * PAGE_BYTES, high: 0 } };
  },
  invlpg(): Act {
    return { op: 'invlpg', ...by, linear };
  },
  decrease(choose: Choose, { pages }: PagingWords): Act {
    const extents = [Gfn(pick(choose, pages))];
    return { op: 'decrease_reservation', ...by, target: DOMID_SELF, extents, order: 0 };
  },
  populate(choose: Choose, { pages }: PagingWords): Act {
    const extents = [Gfn(pick(choose, pages))];
    return { op: 'populate_physmap', ...by, target: DOMID_SELF, extents, order: 0 };
  },
} as const;
