import { CONTROL, Gfn, type DomainId } from '../abi/ids.js';
import { zeros } from '../values/content.js';
import { domainOf, gfnOf, heldPages, isGrant, isHeld, pageOf, the, theDomain } from './derived.js';
import { outstanding, withDomain, withPage } from './derived.js';
import { attempt, type Attempt } from './failing.js';
import { count, drop, forEach, get, has, put } from '../values/keyed.js';
import { PageId, type Domain, type Entry, type Page, type State } from './state.js';

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
  const allocated = domainOf(state, owner)?.dying !== true;
  const fresh = { owner, use, allocated, content: zeros, frame: undefined };
  const next = { ...withPage(state, page, fresh), nextPage: PageId(page + 1) };
  return { page, next: claimMet(next, owner) };
}

/** [P17] A claim is over when its domain has the pages, though it gives some up again. */
export function claimMet(state: State, id: DomainId): State {
  const domain = domainOf(state, id);
  const isMet = domain?.claim !== undefined && outstanding(state, domain) <= 0;
  return isMet ? withDomain(state, { ...domain, claim: undefined }) : state;
}

/**
 * [H5] The hypervisor's own pages that the control domain has are the machine frames after all RAM: its
 * shared info first, then the frames of its grant table.
 */
export function withFrameNumbers(state: State): State {
  const { guestFrames, controlPages } = state.machine;
  const control = theDomain(state, CONTROL);
  let { p2m } = control;
  for (const [i, page] of [control.sharedInfo, ...control.grantFrames].entries())
    p2m = put(p2m, guestFrames + controlPages + i, { type: 'ram_rw', page });
  return withDomain(state, { ...control, p2m });
}

/** [P4] RAM that is neither allocated nor held is free; a hypervisor's page lives with its domain. */
export function freeUnheld(state: State, id: PageId): State {
  const { owner, use, allocated } = pageOf(state, id);
  if (use !== 'ram' || allocated || isHeld(state, id)) return state;
  const next = { ...state, pages: drop(state.pages, id) };
  if (owner !== CONTROL) return next;
  const control = theDomain(next, CONTROL);
  return withDomain(next, withoutEntry(control, the(gfnOf(control, id))));
}

/** [P4] The domain gives up a page: it is free at once, or as soon as nobody holds it. */
export const giveUp = (state: State, id: PageId): State =>
  freeUnheld(withPage(state, id, { ...pageOf(state, id), allocated: false }), id);

/** [D2] A dying domain is gone, with its last pages, when no other domain holds one of them. */
export function vanishIfUnheld(state: State, id: DomainId): State {
  if (domainOf(state, id)?.tornDown !== true) return state;
  const held = heldPages(state);
  let [pages, isKept] = [state.pages, false];
  forEach(state.pages, ({ owner }, page) => {
    if (owner !== id) return;
    isKept ||= held.has(PageId(page));
    pages = drop(pages, page);
  });
  return isKept ? state : forgotten({ ...state, domains: drop(state.domains, id), pages }, id);
}

/** [G16] Handles of the control domain that no page holds go with the granter they name. */
function forgotten(state: State, granter: DomainId): State {
  const control = theDomain(state, CONTROL);
  let { mappings } = control;
  forEach(control.mappings, (mapping, handle) => {
    if (mapping.granter === granter) mappings = drop(mappings, handle);
  });
  return mappings === control.mappings ? state : withDomain(state, { ...control, mappings });
}

/** [P4] A domain gives up all its pages: what nobody holds is free. */
export function giveUpAll(state: State, id: DomainId): State {
  const held = heldPages(state);
  let { pages } = state;
  forEach(state.pages, (page, at) => {
    if (page.owner !== id) return;
    const isKept = page.use !== 'ram' || held.has(PageId(at));
    pages = isKept ? put(pages, at, { ...page, allocated: false }) : drop(pages, at);
  });
  return { ...state, pages };
}

/** [D3] The hypervisor stops a domain for good; everything it owns and holds stays as it is. */
export const crashDomain = (state: State, id: DomainId): State =>
  withDomain(state, { ...theDomain(state, id), crashed: true });

/** [P1] What was RAM at the gfn is believed to be nowhere; a grant mapping has no part in that. */
export function withoutEntry(domain: Domain, gfn: number): Domain {
  const entry = get(domain.p2m, gfn);
  const isRam = entry !== undefined && !isGrant(entry);
  const believedGfns = isRam ? drop(domain.believedGfns, entry.page) : domain.believedGfns;
  return { ...domain, p2m: drop(domain.p2m, gfn), believedGfns };
}

/** [P2] [D9] The entry of one gfn is to be another, for which it needs its tables. */
export function changing(state: State, id: DomainId, gfn: number): Attempt {
  const tabled = withTables(state, id, gfn);
  return tabled.isDone ? attempt(tabled.next, 'entry') : tabled;
}

/** A gfn becomes empty, or it could not be, and its page stays there. */
export function emptied(state: State, id: DomainId, gfn: number): Attempt {
  const { isDone, next } = changing(state, id, gfn);
  if (!isDone) return { isDone, next };
  return { isDone, next: withDomain(next, withoutEntry(theDomain(next, id), gfn)) };
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
export function addPage(state: State, id: DomainId, gfn: Gfn, entry: Entry): Placement {
  const no = (failure: Placement['failure'], next: State): Placement => ({ failure, next });
  const domain = theDomain(state, id);
  if (isGrantMapping(domain, gfn)) return no('not_permitted', crashDomain(state, id));

  const isOwn = pageOf(state, entry.page).owner === id;
  const former = isOwn ? gfnOf(domain, entry.page) : undefined;
  const isMoved = former !== undefined && former !== gfn;
  const moved = isMoved ? emptied(state, id, former) : { isDone: true, next: state };
  if (!moved.isDone) return no('no_table', moved.next);
  if (gfn >= state.machine.gfnLimit) return no('out_of_range', moved.next);

  const { isDone, next } = changing(moved.next, id, gfn);
  if (!isDone) return no('no_table', withBelief(next, id, gfn));

  // Nothing below this line can fail.
  const owner = theDomain(next, id);
  const p2m = put(owner.p2m, gfn, entry);
  const maximumGfn = Gfn(Math.max(owner.maximumGfn, gfn));
  const isRam = !isGrant(entry);
  const believedGfns = isRam ? drop(owner.believedGfns, entry.page) : owner.believedGfns;
  const onDemand = drop(owner.onDemand, gfn);
  const placed = { ...owner, p2m, maximumGfn, believedGfns, onDemand };
  return { failure: undefined, next: withDomain(next, placed) };
}

/** [P5] RAM that stays where it is, is believed to be there. */
export function withBelief(state: State, id: DomainId, gfn: Gfn): State {
  const domain = theDomain(state, id);
  const page = get(domain.p2m, gfn)?.page;
  if (page === undefined || get(domain.believedGfns, page) === undefined) return state;
  return withDomain(state, { ...domain, believedGfns: drop(domain.believedGfns, page) });
}

export const isGrantMapping = ({ p2m }: Domain, gfn: number): boolean => isGrant(get(p2m, gfn));

/**
 * [P2] A p2m is a tree of tables of 512: besides its root it needs one for each block of 2^27, 2^18
 * and 2^9 gfns that ever held an entry of its own. They come out of the domain's pool and stay until it
 * dies, or a superpage takes their place; part of a superpage changes only once it has its tables.
 * Where the pool runs out the larger blocks keep the tables they got.
 */
export function withTables(state: State, id: DomainId, gfn: number, above = 0): Attempt {
  let next = state;
  for (const bits of [27, 18, 9].filter((of) => of > above)) {
    const domain = theDomain(next, id);
    const { dying, tables } = domain;
    const key = tableKey(gfn, bits);
    if (has(tables, key)) continue;
    if (dying || 1 + count(tables, () => true) >= state.machine.p2mTableFrames)
      return { isDone: false, next };
    const tried = attempt(next, 'table');
    if (!tried.isDone) return tried;
    next = withDomain(tried.next, { ...domain, tables: put(tables, key, true) });
  }
  return { isDone: true, next };
}

export const tableKey = (gfn: number, bits: number): number =>
  bits * 2 ** 40 + Math.floor(gfn / 2 ** bits);
