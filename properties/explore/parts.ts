import type { Gfn } from '../../abi/ids.js';
import { PageId, type Domain, type Mapping, type State, type Vcpu } from '../../model/state.js';
import { entries } from '../keyed-entries.js';
import { domainBy, gfnBy, refBy, type Renaming } from './renaming.js';

/**
 * A domain under other names, as far as that can be told without numbers for pages: a text of 16-bit
 * numbers, and the pages that belong in it, in an order that hangs on no name that means nothing.
 */
export interface Part {
  readonly id: number;
  readonly text: string;
  /** Those of its tables and its p2m, and those that are held. */
  readonly places: readonly PageId[];
  readonly holds: readonly (PageId | undefined)[];
  /** Where pages are believed to be that are elsewhere. */
  readonly beliefs: readonly (readonly [page: PageId, gfn: Gfn])[];
}

/** The parts of domains, each worked out once. */
export class Parts {
  readonly #renamings: readonly Renaming[];
  readonly #isByPlace: boolean;
  readonly #known = new WeakMap<Domain, (Part | undefined)[]>();

  constructor(renamings: readonly Renaming[], isByPlace: boolean) {
    this.#renamings = renamings;
    this.#isByPlace = isByPlace;
  }

  /** The parts of a state in the order of their new ids. */
  of(state: State, renaming: number): readonly Part[] {
    const parts: Part[] = [];
    for (const [, domain] of entries(state.domains)) parts.push(this.#part(domain, renaming));
    return parts.toSorted((a, b) => a.id - b.id);
  }

  #part(domain: Domain, renaming: number): Part {
    let known = this.#known.get(domain);
    if (known === undefined) {
      known = [];
      this.#known.set(domain, known);
    }
    const by = this.#renamings[renaming];
    if (by === undefined) throw new RangeError(`there is no renaming ${renaming}`);
    return (known[renaming] ??= partOf(domain, by, this.#isByPlace));
  }
}

const types = ['ram_rw', 'ram_ro', 'grant_map_rw', 'grant_map_ro'];
const NONE = 0xffff;
const END = 0xfffe;

function partOf(domain: Domain, by: Renaming, isByPlace: boolean): Part {
  const id = domainBy(by, domain.id);
  const out: number[] = [END, id];
  lifeInto(out, domain);
  const places = [domain.sharedInfo, ...domain.grantFrames, ...domain.statusFrames];
  out.push(domain.grantFrames.length, domain.statusFrames.length);
  for (const { gfn, type, page } of entriesBy(domain, by)) {
    out.push(gfn, types.indexOf(type));
    places.push(page);
  }
  out.push(END);
  for (const [table] of entries(domain.tables)) wideInto(out, table);
  out.push(END);
  demandsInto(out, domain, by);
  const holds: (PageId | undefined)[] = [...domain.kept];
  for (const [handle, mapping] of mappingsBy(domain, by, isByPlace)) {
    if (!isByPlace) out.push(handle);
    wideInto(out, rankOf(mapping, by));
    holds.push(mapping.page);
  }
  out.push(END);
  for (const vcpu of domain.vcpus) {
    vcpuInto(out, vcpu);
    holds.push(vcpu.root);
  }
  const beliefs = entries(domain.believedGfns).map(
    ([page, gfn]) => [PageId(page), gfnBy(by, domain.id, gfn)] as const,
  );
  return { id, text: String.fromCharCode(...out), places, holds, beliefs };
}

/** P2m entries in the order of their new gfns. */
export const entriesBy = (domain: Domain, by: Renaming) =>
  entries(domain.p2m)
    .map(([gfn, { type, page }]) => ({ gfn: gfnBy(by, domain.id, gfn), type, page }))
    .toSorted((a, b) => a.gfn - b.gfn);

/** Mappings by their handles, or by what they are where handles mean nothing. */
export const mappingsBy = (
  { mappings }: Domain,
  by: Renaming,
  isByPlace: boolean,
): readonly (readonly [handle: number, mapping: Mapping])[] =>
  isByPlace
    ? entries(mappings).toSorted(([, a], [, b]) => rankOf(a, by) - rankOf(b, by))
    : entries(mappings);

/** A number for what a mapping is; of two mappings of one grant the page is the same. */
function rankOf({ granter, ref, readonly, host, device, byEntry }: Mapping, by: Renaming): number {
  const flags = Number(readonly) + 2 * Number(host) + 4 * Number(device) + 8 * Number(byEntry);
  return (domainBy(by, granter) * 2 ** 16 + refBy(by, granter, ref)) * 16 + flags;
}

function wideInto(out: number[], value: number): void {
  out.push(value & 0xffff, Math.floor(value / 0x1_0000) & 0xffff, Math.floor(value / 2 ** 32));
}

function lifeInto(out: number[], domain: Domain): void {
  const { crashed, dying, tornDown, pauses, maximumPages, claim, maximumGfn } = domain;
  if (domain.loggedSince !== undefined) throw new Error('the explorer knows no log of writes');
  out.push(Number(crashed) + 2 * Number(dying) + 4 * Number(tornDown), pauses);
  out.push(maximumPages, claim ?? NONE, maximumGfn, domain.grantVersion);
  out.push(domain.grantVersionMaximum, domain.grantFramesMaximum, domain.maptrackFrames);
}

function demandsInto(out: number[], domain: Domain, by: Renaming): void {
  const gfns = entries(domain.onDemand).map(([gfn]) => gfnBy(by, domain.id, gfn));
  out.push(...gfns.toSorted((a, b) => a - b), END);
  out.push(domain.kept.length, domain.miscounted, domain.highestDemand, ...domain.sweptTo, END);
  for (const gfn of domain.demands) out.push(gfn === undefined ? NONE : gfnBy(by, domain.id, gfn));
}

function vcpuInto(out: number[], vcpu: Vcpu): void {
  if (vcpu.pending !== undefined) throw new Error('the explorer knows no call that was stopped');
  const { cr0, cr3, cr4, efer, pkru } = vcpu;
  for (const value of [cr0, cr3.low, cr3.high, cr4, efer, pkru]) wideInto(out, value);
  out.push(Number(vcpu.keepsHandle), vcpu.interrupt ?? NONE, vcpu.pdptes.length);
  for (const { low, high } of vcpu.pdptes) {
    wideInto(out, low);
    wideInto(out, high);
  }
}
