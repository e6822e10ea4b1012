import type { Gfn } from '../../abi/ids.js';
import { PageId, type Domain, type Mapping, type State } from '../../model/state.js';
import { get } from '../../values/keyed.js';
import { entries } from '../keyed-entries.js';
import { domainBy, gfnBy, refBy, type Renaming } from './renaming.js';

/** The pages of a state in an order that does not hang on their names. */
export interface Numbering {
  /** The page of each number. */
  readonly pages: readonly (PageId | undefined)[];
  readonly numberOf: ReadonlyMap<PageId, number>;
  /** Numbers of pages that only their contents tell apart. */
  readonly alike: readonly (readonly number[])[];
}

/** Pages by the names they have; one whose name is none of the numbers is new, and gets the lowest unused. */
export function numberedByName(state: State, slots: number): Numbering {
  const pages: (PageId | undefined)[] = Array.from({ length: slots }, () => undefined);
  const numberOf = new Map<PageId, number>();
  const number = (page: PageId, at: number): void => {
    if (at < 0) throw new RangeError(`a state has more than ${slots} pages`);
    pages[at] = page;
    numberOf.set(page, at);
  };
  const names = entries(state.pages).map(([name]) => PageId(name));
  for (const name of names) if (name < slots) number(name, name);
  for (const name of names) if (name >= slots) number(name, pages.indexOf(undefined));
  return { pages, numberOf, alike: [] };
}

/** Pages as they are found when one goes through the domains, under other names. */
export function numberedByPlace(state: State, by: Renaming): Numbering {
  const pages: PageId[] = [];
  const numberOf = new Map<PageId, number>();
  const found = (page: PageId | undefined): void => {
    if (page === undefined || numberOf.has(page) || get(state.pages, page) === undefined) return;
    numberOf.set(page, pages.length);
    pages.push(page);
  };
  const domains = domainsBy(state, by);
  for (const domain of domains) {
    for (const page of [domain.sharedInfo, ...domain.grantFrames, ...domain.statusFrames])
      found(page);
    for (const { page } of entriesBy(domain, by)) found(page);
  }
  for (const domain of domains) {
    for (const { root } of domain.vcpus) found(root);
    for (const page of domain.kept) found(page);
    for (const [, { page }] of mappingsBy(domain, by)) found(page);
  }
  for (const [, { page }] of entries(state.windows)) found(page);

  const rest = entries(state.pages)
    .map(([name]) => PageId(name))
    .filter((page) => !numberOf.has(page))
    .map((page) => ({ page, key: signOf(state, page, by) }))
    .toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const alike = new Map<string, number[]>();
  for (const { page, key } of rest) {
    found(page);
    alike.set(key, [...(alike.get(key) ?? []), pages.length - 1]);
  }
  return { pages, numberOf, alike: [...alike.values()].filter(({ length }) => length > 1) };
}

/** Domains in the order of their new ids. */
export const domainsBy = (state: State, by: Renaming): readonly Domain[] =>
  entries(state.domains)
    .map(([, domain]) => domain)
    .toSorted((a, b) => domainBy(by, a.id) - domainBy(by, b.id));

/** P2m entries in the order of their new gfns. */
export const entriesBy = (domain: Domain, by: Renaming) =>
  entries(domain.p2m)
    .map(([gfn, { type, page }]) => ({ gfn: gfnBy(by, domain.id, gfn), type, page }))
    .toSorted((a, b) => a.gfn - b.gfn);

/** Mappings by what they are, whatever their handles. */
export const mappingsBy = (
  { mappings }: Domain,
  by: Renaming,
): readonly (readonly [handle: number, mapping: Mapping])[] =>
  entries(mappings).toSorted(([, a], [, b]) => rankOf(a, by) - rankOf(b, by));

/** Of two mappings of one grant the page is the same. */
export const rankOf = (
  { granter, ref, readonly, host, device, byEntry }: Mapping,
  by: Renaming,
): number => {
  const flags = Number(readonly) + 2 * Number(host) + 4 * Number(device) + 8 * Number(byEntry);
  return (domainBy(by, granter) * 2 ** 16 + refBy(by, granter, ref)) * 16 + flags;
};

/** What is known of a page that nothing leads to: whose it is, and where it is thought to be. */
function signOf(state: State, id: PageId, by: Renaming): string {
  const page = get(state.pages, id);
  if (page === undefined) return '';
  const places = domainsBy(state, by).flatMap(({ id: domain, lastGfns }) => {
    const gfn = get(lastGfns, id);
    return gfn === undefined ? [] : [domainBy(by, domain), gfnBy(by, domain, gfn)];
  });
  return [domainBy(by, page.owner), page.use, Number(page.allocated), ...places].join(' ');
}

/** The pages where a domain is thought to have pages that are not there, those that still exist. */
export const placesBy = (
  { id, lastGfns }: Domain,
  by: Renaming,
  { numberOf }: Numbering,
): readonly (readonly [page: number, gfn: Gfn])[] =>
  entries(lastGfns)
    .flatMap(([name, gfn]): readonly (readonly [number, Gfn])[] => {
      const page = numberOf.get(PageId(name));
      return page === undefined ? [] : [[page, gfnBy(by, id, gfn)]];
    })
    .toSorted(([a], [b]) => a - b);
