import { Mfn } from '../../abi/ids.js';
import * as types from '../shadow/types.js';
import { NONE } from '../shadow/shadow-pages.js';
import { ENTRIES, NO_SLOT } from '../shadow/slots.js';
import { ROOTS } from '../shadow/state.js';
import type { ShadowState } from '../shadow/state.js';
import type { Findings } from './findings.js';

/** The pool, the shadows in it and what holds them: S1 to S5, S21, S22, and the reverse map. */
export function auditShadowPages(state: ShadowState, findings: Findings): void {
  const { pages, pool } = state;
  let used = 0;
  for (let page = 0; page < pages.pageCount; page += 1) {
    if (pages.typeOf(page) === types.NO_SHADOW) continue;
    used += 1;
  }
  if (state.isClosed) {
    findings.check(used === 0, 'S21', 'shadow.pool', () => `${used} pages outlive their domain`);
    return;
  }
  const total = pool.freeCount() + used;
  findings.check(total === pool.pageCount, 'S1', 'shadow.pool', () => {
    return `${total} pages are free or used, of ${pool.pageCount}`;
  });
  auditFreePages(state, findings);
  const holds = countHolds(state);
  let found = 0;
  for (let page = 0; page < pages.pageCount; page += 1) {
    if (!pages.isShadow(page)) continue;
    if (auditShadow(state, page, holds, findings)) found += 1;
  }
  findings.check(found === state.hash.size(), 'S22', 'shadow.hash', () => {
    return `the hash has ${state.hash.size()} shadows, there are ${found} to be found`;
  });
  auditPins(state, findings);
  auditReverseMap(state, findings);
}

/** S1: a free page is empty, so that what is made of it starts empty. */
function auditFreePages(state: ShadowState, findings: Findings): void {
  for (let page = 0; page < state.pages.pageCount; page += 1) {
    if (state.pages.typeOf(page) !== types.NO_SHADOW) continue;
    const isZero = state.host.ram.isZero(state.pool.frameOf(page));
    findings.check(isZero, 'S1', 'shadow.pool', () => `free page ${page} is not zero`);
  }
}

/** Claims about one shadow; answers whether the hash must have it. */
function auditShadow(
  state: ShadowState,
  shadow: number,
  holds: Int32Array,
  findings: Findings,
): boolean {
  const { pages, host } = state;
  const type = pages.typeOf(shadow);
  const key = pages.keyOf(shadow);
  const check = (isTrue: boolean, id: string, what: string): void => {
    findings.check(isTrue, id, 'shadow.page', () => {
      return `shadow ${shadow} of type ${type}, key ${key}, ${what}`;
    });
  };
  for (let part = 0; part < types.pagesOf(type); part += 1) {
    const page = pages.pageOf(shadow, part);
    const isPart = pages.typeOf(page) === type && pages.headOf(page) === shadow;
    check(isPart && pages.partOf(page) === part, 'S2', `has a page ${page} that is not its own`);
  }
  const isFound = !types.isSplinter(type) || host.options.splinterCache;
  if (isFound) check(state.hash.find(type, key) === shadow, 'S2', 'is not what its key finds');
  const count = pages.countOf(shadow);
  check(count === (holds[shadow] ?? 0), 'S3', `is held ${holds[shadow]} times and counts ${count}`);
  check(count > 0, 'S3', 'is held by nothing');
  check(!pages.isPinned(shadow) || types.isRoot(type), 'S4', 'is pinned and no root');
  if (!types.isOfTable(type)) return isFound;
  const isOwn = host.frames.ownerOf(Mfn(key)) === state.domain.id;
  check(isOwn && host.frames.referencesOf(Mfn(key)) > 0, 'S5', 'is of a frame that is not its own');
  return isFound;
}

/** Holds of each shadow: upper entries, the first of each pair; pins; root slots. */
function countHolds(state: ShadowState): Int32Array {
  const { pages, slots, pool } = state;
  const holds = new Int32Array(pages.pageCount);
  const add = (shadow: number): void => {
    holds[shadow] = (holds[shadow] ?? 0) + 1;
  };
  for (let page = 0; page < pages.pageCount; page += 1) {
    const type = pages.typeOf(page);
    if (pages.isShadow(page) && pages.isPinned(page)) add(page);
    if (type === types.NO_SHADOW || types.levelOf(type) === 1) continue;
    let slot = slots.nextPresent(page * ENTRIES);
    for (; slot !== NO_SLOT; slot = slots.presentAfter(slot)) {
      if (types.isPaired(type) && slot % 2 === 1) continue;
      const mfn = slots.frameAt(slot);
      if (pool.owns(mfn)) add(pages.headOf(pool.pageOf(mfn)));
    }
  }
  for (const vcpu of state.vcpus) {
    for (let slot = 0; slot < ROOTS; slot += 1) {
      const root = state.rootOf(vcpu, slot);
      if (root !== NONE) add(root);
    }
  }
  return holds;
}

/** S4: the list has the pinned shadows, each once. */
function auditPins(state: ShadowState, findings: Findings): void {
  const { pages } = state;
  let listed = 0;
  for (let at = pages.oldestPinned(); at !== NONE; at = pages.newerThan(at)) {
    listed += 1;
    const isPinned = pages.isShadow(at) && pages.isPinned(at);
    findings.check(isPinned, 'S4', 'shadow.pins', () => `page ${at} is listed and not pinned`);
    if (listed > pages.pageCount) break;
  }
  let pinned = 0;
  for (let page = 0; page < pages.pageCount; page += 1) {
    if (pages.isShadow(page) && pages.isPinned(page)) pinned += 1;
  }
  findings.check(
    listed === pinned,
    'S4',
    'shadow.pins',
    () => `${listed} listed, ${pinned} pinned`,
  );
}

/** The reverse map: each present entry is listed once, under the frame that it leads to. */
function auditReverseMap(state: ShadowState, findings: Findings): void {
  const { pages, slots } = state;
  if (!state.host.options.reverseMap) return;
  const isListed = new Uint8Array(pages.pageCount * ENTRIES);
  let listed = 0;
  for (let frame = 0; frame < state.host.ram.frameCount; frame += 1) {
    const count = slots.collect(Mfn(frame));
    for (let at = 0; at < count; at += 1) {
      const slot = slots.found[at] ?? 0;
      const isRight = slots.leadsTo(slot, Mfn(frame)) && isListed[slot] === 0;
      findings.check(isRight, 'S3', 'shadow.reverse_map', () => {
        return `slot ${slot} is listed under frame ${frame}`;
      });
      isListed[slot] = 1;
      listed += 1;
    }
  }
  let present = 0;
  for (let page = 0; page < pages.pageCount; page += 1) {
    if (pages.typeOf(page) === types.NO_SHADOW) continue;
    let slot = slots.nextPresent(page * ENTRIES);
    for (; slot !== NO_SLOT; slot = slots.presentAfter(slot)) present += 1;
  }
  findings.check(present === listed, 'S3', 'shadow.reverse_map', () => {
    return `${present} entries are present and ${listed} are listed`;
  });
}
