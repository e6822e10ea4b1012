import type { Gfn } from '../../abi/ids.js';
import { PageId, type Page, type State } from '../../model/state.js';
import { forEach, get, has } from '../../values/keyed.js';
import type { Part } from './parts.js';
import { domainBy, type Renaming } from './renaming.js';

/** The pages of a state by number. */
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
  const later: PageId[] = [];
  forEach(state.pages, (_, name) => {
    const page = PageId(name);
    if (name >= slots) later.push(page);
    else {
      pages[name] = page;
      numberOf.set(page, name);
    }
  });
  for (const page of later) {
    const at = pages.indexOf(undefined);
    if (at < 0) throw new RangeError(`a state has more than ${slots} pages`);
    pages[at] = page;
    numberOf.set(page, at);
  }
  return { pages, numberOf, alike: none };
}

const none: readonly (readonly number[])[] = [];

/** Pages as they are found when one goes through the domains, under other names. */
export function numberedByPlace(state: State, by: Renaming, parts: readonly Part[]): Numbering {
  const pages: PageId[] = [];
  const numberOf = new Map<PageId, number>();
  const found = (page: PageId): void => {
    if (numberOf.has(page)) return;
    numberOf.set(page, pages.length);
    pages.push(page);
  };
  for (const { places } of parts) for (const page of places) found(page);
  for (const { holds } of parts)
    for (const page of holds) if (page !== undefined && has(state.pages, page)) found(page);
  forEach(state.windows, ({ page }) => found(page));

  const rest: { readonly page: PageId; readonly sign: string }[] = [];
  forEach(state.pages, (page, name) => {
    if (!numberOf.has(PageId(name)))
      rest.push({ page: PageId(name), sign: signOf(page, PageId(name), by, parts) });
  });
  if (rest.length === 0) return { pages, numberOf, alike: none };
  const alike = new Map<string, number[]>();
  for (const { page, sign } of rest.toSorted((a, b) => (a.sign < b.sign ? -1 : 1))) {
    found(page);
    alike.set(sign, [...(alike.get(sign) ?? []), pages.length - 1]);
  }
  return { pages, numberOf, alike: [...alike.values()].filter(({ length }) => length > 1) };
}

/** What is known of a page that nothing leads to: whose it is, and where it is believed to be. */
function signOf(page: Page, id: PageId, by: Renaming, parts: readonly Part[]): string {
  const beliefs = parts.flatMap((part) =>
    part.beliefs.flatMap(([about, gfn]) => (about === id ? [part.id, gfn] : [])),
  );
  return [domainBy(by, page.owner), page.use, Number(page.allocated), ...beliefs].join(' ');
}

/** What a domain believes of pages that still exist, by their numbers. */
export const beliefsBy = (
  { beliefs }: Part,
  { numberOf }: Numbering,
): readonly (readonly [page: number, gfn: Gfn])[] => {
  if (beliefs.length === 0) return [];
  const known: (readonly [number, Gfn])[] = [];
  for (const [page, gfn] of beliefs) {
    const number = numberOf.get(page);
    if (number !== undefined) known.push([number, gfn]);
  }
  return known.toSorted(([a], [b]) => a - b);
};

/** The page of a number. */
export const pageAt = (state: State, { pages }: Numbering, number: number): Page | undefined => {
  const page = pages[number];
  return page === undefined ? undefined : get(state.pages, page);
};
