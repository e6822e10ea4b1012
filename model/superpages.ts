import { ALL_ONES, Gfn, type DomainId } from '../abi/ids.js';
import { drop, put } from '../values/keyed.js';
import { the, theDomain, withDomain } from './derived.js';
import { attempt } from './failing.js';
import { addPage, tableKey, withBelief, withTables, type Placement } from './pages.js';
import { isNested } from './registers.js';
import type { PageId, State } from './state.js';

/** What came of putting pages at gfns in a row: a failure for each entry that could not be made. */
interface Placements {
  readonly failures: readonly Placement['failure'][];
  readonly next: State;
}

/**
 * [P2] [P5] Puts the fresh pages of one extent at the gfns from one on. With nested paging 2^18 or 2^9
 * of them are one entry, where gfn and place in the extent are multiples of that. Such a superpage
 * needs no table for its block, and those that were there go back to the pool.
 */
export function addPages(
  state: State,
  id: DomainId,
  first: Gfn,
  pages: readonly PageId[],
): Placements {
  const failures: Placement['failure'][] = [];
  let next = state;
  for (let i = 0, size = 1; i < pages.length; i += size) {
    const gfn = gfnAfter(first, i);
    const bits = blockBits(state, gfn, i, pages.length);
    size = 2 ** bits;
    const placed =
      bits === 0
        ? addPage(next, id, gfn, { page: the(pages[i]), type: 'ram_rw' })
        : addSuperpage(next, id, gfn, pages.slice(i, i + size), bits);
    next = placed.next;
    failures.push(placed.failure);
  }
  return { failures, next };
}

/** How many pages of an extent are one entry from here on, as a power of two. */
export function blockBits(state: State, gfn: Gfn, index: number, length: number): number {
  const fits = (bits: number): boolean =>
    [gfn, index, length].every((n) => n % 2 ** bits === 0) &&
    gfn + 2 ** bits <= state.machine.gfnLimit;
  return isNested(state) ? ([18, 9].find(fits) ?? 0) : 0;
}

function addSuperpage(
  state: State,
  id: DomainId,
  gfn: Gfn,
  pages: readonly PageId[],
  bits: number,
): Placement {
  const tabled = withTables(state, id, gfn, bits);
  const { isDone, next } = tabled.isDone ? attempt(tabled.next, 'entry') : tabled;
  if (!isDone) {
    const left = pages.reduce((now, _, i) => withBelief(now, id, Gfn(gfn + i)), next);
    return { failure: 'no_table', next: left };
  }

  // Nothing below this line can fail.
  const owner = theDomain(next, id);
  let { p2m, onDemand, tables } = owner;
  for (const [i, page] of pages.entries()) {
    p2m = put(p2m, gfn + i, { type: 'ram_rw', page });
    onDemand = drop(onDemand, gfn + i);
    if (i % 2 ** 9 === 0) tables = drop(tables, tableKey(gfn + i, 9));
  }
  if (bits === 18) tables = drop(tables, tableKey(gfn, 18));
  const maximumGfn = Gfn(Math.max(owner.maximumGfn, gfn + pages.length - 1));
  const placed = { ...owner, p2m, onDemand, tables, maximumGfn };
  return { failure: undefined, next: withDomain(next, placed) };
}

/** The gfn so many after another; the last of all is followed by the first. */
export const gfnAfter = (gfn: Gfn, distance: number): Gfn =>
  Gfn(gfn === ALL_ONES && distance > 0 ? distance - 1 : gfn + distance);
