import { Handle } from '../../abi/ids.js';
import { PageId, type Domain, type Mapping, type Page, type State } from '../../model/state.js';
import { get, put, type Keyed } from '../../values/keyed.js';
import { entries } from '../keyed-entries.js';
import type { Numbering } from './numbering.js';
import { entriesBy, mappingsBy } from './parts.js';
import { domainBy, gfnBy, refBy, type Renaming } from './renaming.js';

/**
 * A state under other names; pages are named by their numbers, and the next one gets the name
 * `nextPage`. Handles are counted from 0 where they mean nothing. Contents stay what they are, and so
 * do the pasts of vcpus: what they remember has no names of pages in it.
 */
export function renamedState(
  state: State,
  by: Renaming,
  numbering: Numbering,
  isByPlace: boolean,
  nextPage: number,
): State {
  const name = (id: PageId): PageId => {
    const number = numbering.numberOf.get(id);
    if (number === undefined) throw new Error(`page ${id} is named and does not exist`);
    return PageId(number);
  };
  let pages: Keyed<Page>;
  for (const [number, id] of numbering.pages.entries()) {
    const page = id === undefined ? undefined : get(state.pages, id);
    if (page !== undefined)
      pages = put(pages, number, { ...page, owner: domainBy(by, page.owner) });
  }
  let domains: Keyed<Domain>;
  for (const [, domain] of entries(state.domains)) {
    const renamed = renamedDomain(domain, by, numbering, isByPlace, name);
    domains = put(domains, renamed.id, renamed);
  }
  let { windows } = state;
  for (const [window, entry] of entries(windows))
    windows = put(windows, window, { ...entry, page: name(entry.page) });
  return { ...state, domains, pages, windows, nextPage: PageId(nextPage) };
}

function renamedDomain(
  domain: Domain,
  by: Renaming,
  numbering: Numbering,
  isByPlace: boolean,
  name: (id: PageId) => PageId,
): Domain {
  const { id } = domain;
  const gfn = (former: number) => gfnBy(by, id, former);
  let p2m: Domain['p2m'];
  for (const { gfn: at, type, page } of entriesBy(domain, by))
    p2m = put(p2m, at, { type, page: name(page) });
  let believedGfns: Domain['believedGfns'];
  for (const [page, at] of entries(domain.believedGfns)) {
    const number = numbering.numberOf.get(PageId(page));
    if (number !== undefined) believedGfns = put(believedGfns, number, gfn(at));
  }
  let onDemand: Domain['onDemand'];
  for (const [at] of entries(domain.onDemand)) onDemand = put(onDemand, gfn(at), true as const);
  let mappings: Domain['mappings'];
  for (const [i, [handle, mapping]] of mappingsBy(domain, by, isByPlace).entries())
    mappings = put(mappings, isByPlace ? Handle(i) : handle, renamedMapping(mapping, by, name));
  return {
    ...domain,
    id: domainBy(by, id),
    p2m,
    believedGfns,
    onDemand,
    kept: domain.kept.map(name),
    demands: domain.demands.map((at) => (at === undefined ? undefined : gfn(at))),
    sharedInfo: name(domain.sharedInfo),
    grantFrames: domain.grantFrames.map(name),
    statusFrames: domain.statusFrames.map(name),
    mappings,
    vcpus: domain.vcpus.map((vcpu) =>
      vcpu.root === undefined ? vcpu : { ...vcpu, root: name(vcpu.root) },
    ),
  };
}

const renamedMapping = (mapping: Mapping, by: Renaming, name: (id: PageId) => PageId): Mapping => ({
  ...mapping,
  granter: domainBy(by, mapping.granter),
  ref: refBy(by, mapping.granter, mapping.ref),
  page: name(mapping.page),
});
