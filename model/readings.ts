import type { DomainId, VcpuId } from '../abi/ids.js';
import type { Word } from '../abi/word.js';
import { loadWord } from '../values/content.js';
import { get } from '../values/keyed.js';
import { areEqual } from '../values/words.js';
import { isGrant, ownPageAt, pageOf, the, theDomain } from './derived.js';
import { isNested, vcpuOf, type Mode } from './registers.js';
import type { Domain, PageId, State } from './state.js';

/** How a walk reads the entries of tables. */

/** What stays the same from the top of a walk to its end. */
export interface Walker {
  readonly moments: readonly [State, ...State[]];
  readonly id: DomainId;
  readonly vcpuId: VcpuId;
  readonly mode: Mode;
  readonly linear: number;
  /** The hypervisor itself walks, for a hypercall: it looks into pages of the domain's own only. */
  readonly isForCall: boolean;
}

/** An entry as it was read, and the first moment at which it was so. */
export interface Reading {
  readonly page: PageId;
  readonly offset: number;
  readonly width: 4 | 8;
  readonly value: Word;
  /** Nested hardware can set A and D in it: it does not lie behind a readonly grant mapping. */
  readonly isWritable: boolean;
  readonly at: number;
  /** EFER at that moment. */
  readonly efer: number;
}

/** Where a table is. */
export interface Table {
  readonly gfn: number;
  /** The page itself, where the hypervisor keeps hold of it. */
  readonly root: PageId | undefined;
}

/**
 * [W5] What an entry was from a moment on, once for each value; undefined for no table. Tables are
 * read from the domain's own RAM; nested hardware reads them through grant mappings as well.
 */
export function readings(
  { moments, id, vcpuId, isForCall }: Walker,
  { gfn, root }: Table,
  offset: number,
  width: 4 | 8,
  from: number,
): readonly (Reading | undefined)[] {
  const found: (Reading | undefined)[] = [];
  for (let at = from; at < moments.length; at++) {
    const state = the(moments[at]);
    const domain = theDomain(state, id);
    const type = get(domain.p2m, gfn)?.type;
    const page = root ?? tableAt(state, domain, gfn, isForCall);
    if (page === undefined) {
      if (!found.includes(undefined)) found.push(undefined);
      continue;
    }
    const value = loadWord(pageOf(state, page).content, offset, width);
    // The same entry may be read otherwise: EFER.NXE says what its highest bit is.
    const { efer } = vcpuOf(state, id, vcpuId);
    const isKnown = (other: Reading | undefined): boolean =>
      other?.page === page && areEqual(other.value, value) && other.efer === efer;
    if (found.some(isKnown)) continue;
    const isWritable = isForCall || root !== undefined || type !== 'grant_map_ro';
    found.push({ page, offset, width, value, at, efer, isWritable });
  }
  return found;
}

function tableAt(
  state: State,
  domain: Domain,
  gfn: number,
  isForCall: boolean,
): PageId | undefined {
  const entry = get(domain.p2m, gfn);
  if (isNested(state)) return isForCall ? ownPageAt(state, domain, gfn) : entry?.page;
  return isGrant(entry) ? undefined : ownPageAt(state, domain, gfn);
}
