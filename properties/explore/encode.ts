import { VcpuId } from '../../abi/ids.js';
import type { Word } from '../../abi/word.js';
import type { Domain, PageId, State, Vcpu } from '../../model/state.js';
import { get } from '../../values/keyed.js';
import { entries } from '../keyed-entries.js';
import { domainsBy, entriesBy, mappingsBy, placesBy, rankOf } from './numbering.js';
import type { Numbering } from './numbering.js';
import { pastKey } from './past.js';
import { domainBy, gfnBy, type Renaming } from './renaming.js';

/** What a state is encoded for: which linear addresses its guests ever use. */
export interface Encoding {
  readonly linears: readonly Word[];
  /** Handles are names that mean nothing. */
  readonly isByPlace: boolean;
}

const types = ['ram_rw', 'ram_ro', 'grant_map_rw', 'grant_map_ro'];
const uses = ['ram', 'grant_frame', 'status_frame', 'shared_info'];
const NONE = 0xffff;
const END = 0xfffe;

/**
 * A state but for the contents of its pages, as a text of 16-bit numbers: two states have the same text
 * exactly if they are the same under the names given. The machine and the next page's name are left
 * out: the one never changes, the other follows from the pages.
 */
export function encoded(state: State, by: Renaming, numbering: Numbering, how: Encoding): string {
  const out: number[] = [];
  const wide = (value: number): void => {
    out.push(value & 0xffff, Math.floor(value / 0x1_0000) & 0xffff, Math.floor(value / 2 ** 32));
  };
  const page = (id: PageId | undefined): void => {
    out.push(id === undefined ? NONE : (numbering.numberOf.get(id) ?? NONE));
  };
  for (const number of numbering.pages.keys()) pageInto(out, state, number, numbering, by);
  out.push(END, ...Object.values(state.failing));
  for (const [window, entry] of entries(state.windows)) {
    out.push(window, Number(entry.readonly));
    page(entry.page);
  }
  for (const domain of domainsBy(state, by)) {
    out.push(END, domainBy(by, domain.id));
    lifeInto(out, domain);
    for (const { gfn, type, page: id } of entriesBy(domain, by)) {
      out.push(gfn, types.indexOf(type));
      page(id);
    }
    out.push(END);
    for (const [table] of entries(domain.tables)) wide(table);
    for (const [id, gfn] of placesBy(domain, by, numbering)) out.push(id, gfn);
    out.push(END);
    demandsInto(out, domain, by, page);
    for (const id of [domain.sharedInfo, ...domain.grantFrames, ...domain.statusFrames]) page(id);
    out.push(END, domain.statusFrames.length);
    for (const [handle, mapping] of how.isByPlace
      ? mappingsBy(domain, by)
      : entries(domain.mappings)) {
      if (!how.isByPlace) out.push(handle);
      wide(rankOf(mapping, by));
      page(mapping.page);
    }
    out.push(END);
    for (const [id, vcpu] of domain.vcpus.entries()) vcpuInto(out, vcpu, page, wide, id);
  }
  const pasts = domainsBy(state, by).flatMap(({ id, vcpus }) =>
    vcpus.map((_, vcpu) => pastKey(state, id, VcpuId(vcpu), how.linears)),
  );
  return String.fromCharCode(...out) + pasts.join('');
}

function pageInto(
  out: number[],
  { pages }: State,
  number: number,
  numbering: Numbering,
  by: Renaming,
): void {
  const id = numbering.pages[number];
  const page = id === undefined ? undefined : get(pages, id);
  if (page === undefined) {
    out.push(NONE);
    return;
  }
  if (page.frame !== undefined) throw new Error('a page of the explorer has no machine frame');
  out.push(domainBy(by, page.owner), uses.indexOf(page.use) * 2 + Number(page.allocated));
}

function lifeInto(out: number[], domain: Domain): void {
  const { crashed, dying, tornDown, pauses, maximumPages, claim, maximumGfn } = domain;
  if (domain.loggedSince !== undefined) throw new Error('the explorer knows no log of writes');
  out.push(Number(crashed) + 2 * Number(dying) + 4 * Number(tornDown), pauses);
  out.push(maximumPages, claim ?? NONE, maximumGfn, domain.grantVersion);
  out.push(domain.grantVersionMaximum, domain.grantFramesMaximum, domain.maptrackFrames);
}

function demandsInto(
  out: number[],
  domain: Domain,
  by: Renaming,
  page: (id: PageId) => void,
): void {
  const gfns = entries(domain.onDemand).map(([gfn]) => gfnBy(by, domain.id, gfn));
  out.push(...gfns.toSorted((a, b) => a - b), END);
  for (const id of domain.kept) page(id);
  out.push(END, domain.highestDemand, domain.sweptTo);
  for (const gfn of domain.demands)
    out.push(gfn === undefined ? NONE : gfnBy(by, domain.id, gfn));
}

function vcpuInto(
  out: number[],
  vcpu: Vcpu,
  page: (id: PageId | undefined) => void,
  wide: (value: number) => void,
  id: number,
): void {
  if (vcpu.pending !== undefined) throw new Error('the explorer knows no call that was stopped');
  const { cr0, cr3, cr4, efer, pkru } = vcpu;
  for (const value of [cr0, cr3.low, cr3.high, cr4, efer, pkru]) wide(value);
  out.push(id, Number(vcpu.keepsHandle), vcpu.interrupt ?? NONE, vcpu.pdptes.length);
  for (const { low, high } of vcpu.pdptes) {
    wide(low);
    wide(high);
  }
  page(vcpu.root);
}
