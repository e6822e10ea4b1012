import { CONTROL, DOMID_SELF, Gfn, Handle, type DomainId, type GrantRef } from '../abi/ids.js';
import { count, drop, findKey, forEach, get, put } from './keyed.js';
import type { Content } from './content.js';
import type { Domain, Entry, Mapping, Page, PageId, State } from './state.js';

/** Questions about a state, each answered from its fields, and the plain updates of one field. */

/** Lookup of a domain id out of an argument or a grant entry: special ids name nobody. */
export const domainOf = (state: State, id: DomainId): Domain | undefined => get(state.domains, id);

/** Lookup where DOMID_SELF names the caller as well. */
export const domainOrSelf = (state: State, caller: DomainId, id: DomainId): Domain | undefined =>
  get(state.domains, id === DOMID_SELF ? caller : id);

/** [D3] A guest can act while it is neither crashed nor dying. */
export const isRunning = (domain: Domain | undefined): boolean =>
  domain !== undefined && !domain.crashed && !domain.dying;

/** [D4] Who may manage a domain's memory and see its grant table: itself and the control domain. */
export const mayManage = (caller: DomainId, target: Domain): boolean =>
  target.id === caller || caller === CONTROL;

export function pageOf(state: State, id: PageId): Page {
  const page = get(state.pages, id);
  if (page === undefined) throw new Error(`page ${id} is named but does not exist`);
  return page;
}

export const withDomain = (state: State, domain: Domain): State => ({
  ...state,
  domains: put(state.domains, domain.id, domain),
});

export const withPage = (state: State, id: PageId, page: Page): State => ({
  ...state,
  pages: put(state.pages, id, page),
});

export const withContent = (state: State, id: PageId, content: Content): State =>
  withPage(state, id, { ...pageOf(state, id), content });

/** [G12] Whether some live mapping, of any domain, holds the page. */
export const isHeld = (state: State, page: PageId): boolean =>
  findKey(
    state.domains,
    ({ mappings }) => findKey(mappings, (mapping) => mapping.page === page) !== undefined,
  ) !== undefined;

/** [P1] A page can be referenced while it is allocated or held; then never again. */
export const isReferencable = (state: State, id: PageId): boolean =>
  pageOf(state, id).allocated || isHeld(state, id);

/** [P1] The page at a gfn, if it is the domain's own and can be referenced. */
export function ownPageAt(state: State, domain: Domain, gfn: number): PageId | undefined {
  const entry = get(domain.p2m, gfn);
  if (entry === undefined) return undefined;
  return pageOf(state, entry.page).owner === domain.id && isReferencable(state, entry.page)
    ? entry.page
    : undefined;
}

/** [P1] The gfn at which a domain has a page of its own as RAM; there is at most one. */
export function gfnOf(domain: Domain, page: PageId): Gfn | undefined {
  const gfn = findKey(domain.p2m, (entry) => entry.page === page && entry.type === 'ram_rw');
  return gfn === undefined ? undefined : Gfn(gfn);
}

/** Pages of RAM a domain owns: mapped, orphaned, or given up but still held. */
export const ownedPages = (state: State, id: DomainId): number =>
  count(state.pages, ({ owner, use }) => owner === id && use === 'ram');

/** Pages of RAM of all domains. */
export const ramPages = (state: State): number => count(state.pages, ({ use }) => use === 'ram');

/** A use of a grant by grant copy, for as long as its batch keeps the buffer. */
export interface Claim {
  readonly granter: DomainId;
  readonly ref: GrantRef;
  readonly grantee: DomainId;
  readonly readonly: boolean;
  readonly page: PageId;
  /** The granted bytes of the page: [start, start + length). */
  readonly start: number;
  readonly length: number;
  /** A sub-page or transitive grant; while one is claimed it cannot be mapped. */
  readonly isSubPage: boolean;
  /** What a transitive grant led to. */
  readonly via: { readonly granter: DomainId; readonly ref: GrantRef } | undefined;
}

/** [G12] How a grant is in use: by one domain, of one page, so many times for reading and writing. */
export interface Pins extends Omit<Claim, 'readonly'> {
  readonly readers: number;
  readonly writers: number;
}

/** [G12] The uses of a grant: every live mapping of it, and the claims of the copy in progress. */
export function pinsOf(
  state: State,
  granter: DomainId,
  ref: GrantRef,
  claims: readonly Claim[],
): Pins | undefined {
  let pins: Pins | undefined;
  const add = (use: Claim): void => {
    pins = {
      ...(pins ?? { ...use, readers: 0, writers: 0 }),
      readers: (pins?.readers ?? 0) + (use.readonly ? 1 : 0),
      writers: (pins?.writers ?? 0) + (use.readonly ? 0 : 1),
    };
  };
  forEach(state.domains, ({ mappings }, grantee) =>
    forEach(mappings, (mapping: Mapping) => {
      if (mapping.ref === ref && mapping.granter === granter)
        add({ ...wholePage, ...mapping, grantee: grantee as DomainId });
    }),
  );
  for (const claim of claims) if (claim.ref === ref && claim.granter === granter) add(claim);
  return pins;
}

/** Whether a live mapping pins some grant of a domain with this ref or a higher one. */
export const isPinnedFrom = (state: State, granter: DomainId, ref: number): boolean =>
  findKey(
    state.domains,
    ({ mappings }) =>
      findKey(mappings, (mapping) => mapping.granter === granter && mapping.ref >= ref) !== undefined,
  ) !== undefined;

const wholePage = { start: 0, length: 4096, isSubPage: false, via: undefined } as const;

/** Handles a domain may still take: one of those its maptrack frames hold is never given out. */
export function freeHandles(state: State, { maptrackFrames, mappings }: Domain): number {
  const handles = maptrackFrames * state.machine.handlesPerFrame;
  return Math.max(0, handles - 1 - count(mappings, () => true));
}

/** The lowest number that no live mapping of the domain has. */
export function lowestUnusedHandle({ mappings }: Domain): Handle {
  let lowest = 0;
  forEach(mappings, (_, handle) => {
    if (handle === lowest) lowest++;
  });
  return Handle(lowest);
}

export const withEntry = (domain: Domain, gfn: number, entry: Entry): Domain => ({
  ...domain,
  p2m: put(domain.p2m, gfn, entry),
  maximumGfn: Gfn(Math.max(domain.maximumGfn, gfn)),
});

export const withoutEntry = (domain: Domain, gfn: number): Domain => ({
  ...domain,
  p2m: drop(domain.p2m, gfn),
});
