import { zeros } from './content.js';
import {
  domainOf,
  gfnOf,
  isHeld,
  pageOf,
  withDomain,
  withEntry,
  withoutEntry,
  withPage,
} from './derived.js';
import { drop, findKey, forEach, get, has, put, count, type Keyed } from './keyed.js';
import { PageId, type Domain, type Entry, type Page, type State } from './state.js';
import type { DomainId, Gfn } from '../abi/ids.js';
import type { P2mType } from '../abi/observer.js';

/** The life of pages, and the one way in which a page comes to be at a gfn. */

/**
 * [P3] A fresh page is zero. (This machine scrubs; a guest of another may not rely on it, but it
 * may rely on never seeing what was another domain's.)
 */
export function freshPage(
  state: State,
  owner: DomainId,
  use: Page['use'],
): { readonly page: PageId; readonly next: State } {
  const page = state.nextPage;
  return {
    page,
    next: {
      ...state,
      pages: put(state.pages, page, { owner, use, allocated: true, content: zeros, frame: undefined }),
      nextPage: PageId(page + 1),
    },
  };
}

/** [P4] RAM that is neither allocated nor held is free; a hypervisor's page lives with its domain. */
export function freeUnheld(state: State, id: PageId): State {
  const page = pageOf(state, id);
  return page.use !== 'ram' || page.allocated || isHeld(state, id)
    ? state
    : { ...state, pages: drop(state.pages, id) };
}

/** [P4] The domain gives up a page: it is free at once, or as soon as nobody holds it. */
export const giveUp = (state: State, id: PageId): State =>
  freeUnheld(withPage(state, id, { ...pageOf(state, id), allocated: false }), id);

/** [D2] A dying domain is gone, with its last pages, when no other domain holds one of them. */
export function vanishIfUnheld(state: State, id: DomainId): State {
  const domain = domainOf(state, id);
  if (domain === undefined || !domain.dying) return state;
  const kept = findKey(
    state.pages,
    (page, page_id) => page.owner === id && isHeld(state, PageId(page_id)),
  );
  if (kept !== undefined) return state;
  let pages: Keyed<Page> = state.pages;
  forEach(state.pages, (page, page_id) => {
    if (page.owner === id) pages = drop(pages, page_id);
  });
  return { ...state, domains: drop(state.domains, id), pages };
}

/** [D3] The hypervisor stops a domain for good; everything it owns and holds stays as it is. */
export function crashDomain(state: State, id: DomainId): State {
  const domain = domainOf(state, id);
  return domain === undefined ? state : withDomain(state, { ...domain, crashed: true });
}

/** What came of putting a page at a gfn; `next` is what is left either way. */
export interface Placement {
  readonly failure: 'not_permitted' | 'out_of_range' | 'no_table' | undefined;
  readonly next: State;
}

/**
 * [P5] Puts a page at a gfn of a domain.
 *
 * A gfn that holds a grant mapping is not overwritten: the domain is crashed. RAM that was there
 * loses its gfn but stays allocated: nothing brings it back. A page of the domain's own is RAM at
 * one gfn only, so it leaves its former one, even if the rest then fails.
 */
export function addPage(
  state: State,
  id: DomainId,
  gfn: Gfn,
  page: PageId,
  type: P2mType,
): Placement {
  const domain = get(state.domains, id) as Domain;
  const old = get(domain.p2m, gfn);
  if (old !== undefined && old.type !== 'ram_rw')
    return { failure: 'not_permitted', next: crashDomain(state, id) };

  const former = pageOf(state, page).owner === id ? gfnOf(domain, page) : undefined;
  const moved = former === undefined ? domain : withoutEntry(domain, former);
  if (gfn >= state.machine.gfnLimit)
    return { failure: 'out_of_range', next: withDomain(state, moved) };

  const tabled = withTables(state, moved, gfn);
  if (!has(tabled.tables, tableKey(gfn, 9)))
    return { failure: 'no_table', next: withDomain(state, tabled) };

  // Nothing below this line can fail.
  return { failure: undefined, next: withDomain(state, withEntry(tabled, gfn, { type, page })) };
}

/**
 * [P2] A p2m is a tree of tables of 512: besides its root it needs one for each block of 2^27, 2^18
 * and 2^9 gfns that ever held an entry. They come out of the domain's pool and stay. Where the pool
 * runs out the larger blocks keep the tables they got.
 */
function withTables(state: State, domain: Domain, gfn: number): Domain {
  let tables = domain.tables;
  for (const bits of [27, 18, 9]) {
    const key = tableKey(gfn, bits);
    if (has(tables, key)) continue;
    if (1 + count(tables, () => true) >= state.machine.p2mTableFrames) break;
    tables = put(tables, key, true);
  }
  return tables === domain.tables ? domain : { ...domain, tables };
}

const tableKey = (gfn: number, bits: number): number => bits * 2 ** 40 + Math.floor(gfn / 2 ** bits);

export type { Entry };
