import { CR4_PSE, PTE_A, PTE_D } from '../../abi/control.js';
import type { Machine } from '../../abi/machine.js';
import type { Violation } from '../../abi/observer.js';
import type { Reply } from '../../abi/reply.js';
import type { Counters, Options } from '../options.js';
import { ALL, PagedGuests, machines } from './paged-guests.js';
import type { Layout } from './paged-guests.js';

export const STORED = { is: 'stored' };
export const USED = ALL | PTE_A | PTE_D;
/** A page table that nothing uses. */
export const OTHER_TABLE = 5;

/** Guests whose first has paging on, and whose pages 8 to 15 hold their number. */
export function shadowed(
  layout: Layout,
  options: Partial<Options> = {},
  machine: Partial<Machine> = {},
): PagedGuests {
  const guests = new PagedGuests(layout, { machine: { ...machines.shadow, ...machine }, options });
  for (let gfn = 8; gfn < 16; gfn += 1) guests.setWord(1, gfn, gfn);
  guests.page(0, CR4_PSE);
  return guests;
}

export function counters(guests: PagedGuests): Readonly<Counters> {
  return guests.hypervisor.counters();
}

/** Writes an entry through the linear mapping of its table. */
export function rewrite(
  guests: PagedGuests,
  table: number,
  index: number,
  gfn: number,
  flags = USED,
): Reply {
  const width = guests.layout === '2-level' ? 4 : 8;
  return guests.access(guests.linear(table, index * width), {
    op: 'store',
    value: ((gfn << 12) | flags) >>> 0,
  });
}

/** What the audits find. */
export function auditOf(guests: PagedGuests): readonly Violation[] {
  return guests.observer.audit();
}
