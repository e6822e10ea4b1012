import type { DomainId, VcpuId } from '../abi/ids.js';
import { PTE_A, PTE_D } from '../abi/control.js';
import { PAGE_BYTES } from '../abi/word.js';
import { entries, put } from '../values/keyed.js';
import { domainOf } from './derived.js';
import { isPaged, vcpuOf } from './registers.js';
import type { Past, State, Vcpu } from './state.js';
import { walks, type Translation } from './walk.js';

/**
 * What a processor may still know of tables that have changed (p2m.md 5). It may remember a
 * translation from when it was legal until it is told to forget it. What a gfn is, is never
 * remembered ([T4]): an access goes to the page that the p2m has there now.
 */

/** [T2] [T3] The vcpu after it was told to forget everything not global, or one linear page. */
export const forgetting = (before: State, vcpu: Vcpu, forgotten: Past['forgotten']): Vcpu => {
  return { ...vcpu, past: { state: before, forgotten, earlier: vcpu.past } };
};

/**
 * [T1] The state after a step: where memory changed, paging vcpus may remember how it was. One that
 * has let go of the top of its tables, and so of a page, has forgotten what there is to forget.
 */
export function withPast(before: State, after: State): State {
  let next = after;
  for (const [id, domain] of entries(after.domains)) {
    const former = domainOf(before, domain.id);
    if (former === undefined || domain.dying || !domain.vcpus.some(isPaged)) continue;
    if (before.pages === after.pages && former.p2m === domain.p2m) continue;
    const vcpus = domain.vcpus.map((vcpu, i) => {
      const isOther = vcpu.root !== former.vcpus[i]?.root;
      return isPaged(vcpu) && !isOther ? forgetting(before, vcpu, 'nothing') : vcpu;
    });
    next = { ...next, domains: put(next.domains, id, { ...domain, vcpus }) };
  }
  return next;
}

/**
 * [T1] The translations of a linear address that a vcpu may remember: each was legal, with all its
 * entries accessed and for a write dirty, in moments between which nothing was forgotten, and it has
 * not been forgotten since.
 */
export function remembered(
  state: State,
  id: DomainId,
  vcpuId: VcpuId,
  linear: number,
  isWrite: boolean,
): readonly Translation[] {
  const found: Translation[] = [];
  const page = Math.floor(linear / PAGE_BYTES);
  let isLocalForgotten = false;
  let moments: [State, ...State[]] = [state];
  const note = (): void => {
    for (const walk of walks(moments, id, vcpuId, linear)) {
      if ('refusal' in walk || (isLocalForgotten && !walk.isGlobal)) continue;
      if (wasUsable(walk, isWrite)) found.push(walk);
    }
  };
  for (let past = vcpuOf(state, id, vcpuId).past; past !== undefined; past = past.earlier) {
    const { forgotten } = past;
    if (forgotten === 'nothing') {
      moments = [past.state, ...moments];
      continue;
    }
    note();
    moments = [past.state];
    if (forgotten === 'local') isLocalForgotten = true;
    else if (forgotten.page === page) return found;
  }
  note();
  return found;
}

/** A processor remembers what it has marked: accessed, and before a write dirty. */
const wasUsable = ({ entries: read }: Translation, isWrite: boolean): boolean =>
  read.every(({ value }, i) => {
    const marks = isWrite && i === read.length - 1 ? PTE_A | PTE_D : PTE_A;
    return (value.low & marks) === marks;
  });
