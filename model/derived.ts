import {
  CONTROL,
  DOMID_SELF,
  Gfn,
  INVALID_GFN,
  type DomainId,
  type GrantRef,
  type VcpuId,
} from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Content } from '../values/content.js';
import { count, findKey, forEach, get, put } from '../values/keyed.js';
import type { Domain, Entry, Mapping, Page, PageId, State } from './state.js';

/** Questions about a state, each answered from its fields, and the plain updates of one field. */

/** Lookup of a domain id out of an argument or a grant entry: special ids name nobody. */
export const domainOf = (state: State, id: DomainId): Domain | undefined => get(state.domains, id);

/** Lookup where DOMID_SELF names the caller as well. */
export const domainOrSelf = (state: State, caller: DomainId, id: DomainId): Domain | undefined =>
  get(state.domains, id === DOMID_SELF ? caller : id);

/** A domain that is known to exist. */
export const theDomain = (state: State, id: DomainId): Domain => the(get(state.domains, id));

/** A page that is known to exist. */
export const pageOf = (state: State, id: PageId): Page => the(get(state.pages, id));

/** A value whose absence would be a mistake in the spec itself. */
export function the<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the spec names something that does not exist');
  return value;
}

/** [D3] A guest is there to act while it is neither crashed nor dying. */
export const isAlive = (domain: Domain | undefined): boolean =>
  domain !== undefined && !domain.crashed && !domain.dying;

/** [D12] It acts while it is not paused either. */
export const isRunning = (domain: Domain | undefined): boolean =>
  isAlive(domain) && domain?.pauses === 0;

/** [D4] Who may manage a domain's memory and see its grant table: itself and the control domain. */
export const mayManage = (caller: DomainId, target: Domain): boolean =>
  target.id === caller || caller === CONTROL;

export const withDomain = (state: State, domain: Domain): State => {
  return { ...state, domains: put(state.domains, domain.id, domain) };
};
export const withPage = (state: State, id: PageId, page: Page): State => {
  return { ...state, pages: put(state.pages, id, page) };
};
export const withContent = (state: State, id: PageId, content: Content): State =>
  withPage(state, id, { ...pageOf(state, id), content });

/** [G12] [C8] [H4] Whether some live mapping, of any domain, a vcpu's CR3 or a window holds the page. */
export const isHeld = (state: State, id: PageId): boolean =>
  findKey(state.windows, ({ page }) => page === id) !== undefined ||
  findKey(
    state.domains,
    ({ id: mapper, mappings, vcpus }) =>
      vcpus.some(({ root }) => root === id) ||
      findKey(mappings, (mapping) => mapping.page === id && isHolding(mapper, mapping)) !==
        undefined,
  ) !== undefined;

/** [G12] [G16] Of a host mapping of the control domain it is the window that holds the page. */
const isHolding = (mapper: DomainId, { device }: Mapping): boolean => mapper !== CONTROL || device;

/** [G12] [C8] [H4] All pages that live mappings, vcpus and windows hold. */
export function heldPages(state: State): ReadonlySet<PageId> {
  const held = new Set<PageId>();
  forEach(state.windows, ({ page }) => held.add(page));
  forEach(state.domains, ({ id, mappings, vcpus }) => {
    forEach(mappings, (mapping) => {
      if (isHolding(id, mapping)) held.add(mapping.page);
    });
    for (const { root } of vcpus) if (root !== undefined) held.add(root);
  });
  return held;
}

/** [P1] A page can be referenced while it is allocated or held; then never again. */
export const isReferencable = (state: State, id: PageId): boolean =>
  pageOf(state, id).allocated || isHeld(state, id);

/** [G4] [G16] What a mapping names is still a page of its granter's: else it was freed or given away. */
export const isStillOf = (state: State, granter: DomainId, id: PageId): boolean =>
  get(state.pages, id)?.owner === granter && isReferencable(state, id);

/** [P1] The page at a gfn, if it is the domain's own and can be referenced. */
export function ownPageAt(state: State, domain: Domain, gfn: number): PageId | undefined {
  const page = get(domain.p2m, gfn)?.page;
  if (page === undefined || pageOf(state, page).owner !== domain.id) return undefined;
  return isReferencable(state, page) ? page : undefined;
}

/** [P1] The gfn at which a domain has a page of its own as RAM; there is at most one. */
export function gfnOf(domain: Domain, page: PageId): Gfn | undefined {
  const gfn = findKey(domain.p2m, (entry) => entry.page === page && !isGrant(entry));
  return gfn === undefined ? undefined : Gfn(gfn);
}

/**
 * [P1] The gfn at which the hypervisor believes a page to be. It learns of most moves: not that a device
 * model took a page of its own away ([P14]); and it forgets where RAM is before it crashes ([P6]).
 */
export function believedGfn(domain: Domain, page: PageId): Gfn | undefined {
  const gfn = get(domain.believedGfns, page) ?? gfnOf(domain, page);
  return gfn === INVALID_GFN ? undefined : gfn;
}

export const isGrant = (entry: Entry | undefined): boolean =>
  entry?.type === 'grant_map_rw' || entry?.type === 'grant_map_ro';

/** Pages of RAM a domain owns: mapped, orphaned, or given up but still held. */
export const ownedPages = (state: State, id: DomainId): number =>
  count(state.pages, ({ owner, use }) => owner === id && use === 'ram');

/** Machine frames that no domain has as RAM. */
export const freeFrames = ({ machine, pages }: State): number =>
  machine.guestFrames + machine.controlPages - count(pages, ({ use }) => use === 'ram');

/** [P17] Pages that are claimed for a domain and that it does not have. */
export const outstanding = (state: State, { id, claim }: Domain): number =>
  claim === undefined ? 0 : claim - ownedPages(state, id);

/** [P17] Pages that are claimed, for whomever. */
export function claimedPages(state: State): number {
  let pages = 0;
  forEach(state.domains, (domain) => {
    pages += outstanding(state, domain);
  });
  return pages;
}

/** A use of a grant, by a mapping or, while its batch keeps the buffer, by a copy. */
export interface Claim {
  readonly granter: DomainId;
  readonly ref: GrantRef;
  readonly grantee: DomainId;
  readonly readonly: boolean;
  readonly page: PageId;
  /** The granted bytes of the page: [start, start + length). */
  readonly start: number;
  readonly length: number;
  /** A sub-page or transitive grant; only copies use them. */
  readonly isSubPage: boolean;
  /** What a transitive grant led to. */
  readonly via: { readonly granter: DomainId; readonly ref: GrantRef } | undefined;
}

/** [G12] How a grant is in use: by one domain, of one page, so often for reading and for writing. */
export interface Pins extends Claim {
  readonly readers: number;
  readonly writers: number;
  readonly deviceReaders: number;
  readonly deviceWriters: number;
}

/** [G12] Somebody uses the grant for writing. */
export const isWritten = (pins: Pins): boolean => pins.writers + pins.deviceWriters > 0;

/** [G12] The uses of a grant: every live mapping of it, and the claims of the copy in progress. */
export function pinsOf(
  state: State,
  granter: DomainId,
  ref: GrantRef,
  claims: readonly Claim[] = [],
): Pins | undefined {
  let mapping: Mapping | undefined;
  let grantee = granter;
  let [readers, writers, deviceReaders, deviceWriters] = [0, 0, 0, 0];
  forEach(state.domains, ({ id, mappings }) => {
    forEach(mappings, (candidate) => {
      if (candidate.ref !== ref || candidate.granter !== granter) return;
      mapping = candidate;
      grantee = id;
      const { readonly, host, device } = candidate;
      readers += host && readonly ? 1 : 0;
      writers += host && !readonly ? 1 : 0;
      deviceReaders += device && readonly ? 1 : 0;
      deviceWriters += device && !readonly ? 1 : 0;
    });
  });
  let use: Claim | undefined =
    mapping === undefined
      ? undefined
      : { ...mapping, grantee, start: 0, length: PAGE_BYTES, isSubPage: false, via: undefined };
  for (const claim of claims) {
    if (claim.ref !== ref || claim.granter !== granter) continue;
    use ??= claim;
    if (claim.readonly) readers++;
    else writers++;
  }
  if (use === undefined) return undefined;
  return { ...use, readers, writers, deviceReaders, deviceWriters };
}

/** [G12] Whether a live mapping pins some grant of a domain with this ref or a higher one. */
export const isPinnedFrom = (state: State, id: DomainId, from: number): boolean =>
  findKey(
    state.domains,
    ({ mappings }) =>
      findKey(mappings, ({ granter, ref }) => granter === id && ref >= from) !== undefined,
  ) !== undefined;

/**
 * [G15] Handles that a vcpu may still have: what its domain's maptrack frames hold, but for those of
 * live mappings and one for each other vcpu that ever took one. The last it keeps back itself.
 */
export function spareHandles(state: State, domain: Domain, vcpu: VcpuId): number {
  const { maptrackFrames, mappings, vcpus } = domain;
  const kept = vcpus.filter(({ keepsHandle }, i) => keepsHandle && i !== vcpu).length;
  const live = count(mappings, () => true);
  return Math.max(0, maptrackFrames * state.machine.handlesPerFrame - kept - live);
}
