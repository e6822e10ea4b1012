import { CONTROL, Gfn, INVALID_GFN } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import { assert } from './assert.js';
import type { Domain } from './domain.js';
import { getOwnFrame } from './granted-frame.js';
import { isTranslated } from './host.js';
import type { Host } from './host.js';
import { noteWritten } from './log-dirty.js';
import { getPage, putAllocation, putPage } from './pages.js';
import { GRANT_MAP_RW, NOTHING } from './tables/p2m-entry.js';
import { isGrant, isRam, mfnOf, permitsStore, typeOf } from './tables/p2m-entry.js';
import type { Leaf, TypeCode } from './tables/p2m-entry.js';
import { SPAN } from './tables/p2m-place.js';
import { SUPERPAGE_PAGES, hasLargeEntries, levelFor } from './tables/superpage.js';
import type { LargeLevel } from './tables/superpage.js';

/*
 * Adding to and removing from a p2m, with the M2P and the references that go with it
 * (p2m.md 2.5, 2.6). Translations go before the references that kept their frames alive (N2).
 */

export type AddFailure = '-EPERM' | '-ENOENT' | '-ENOMEM';

/**
 * Puts frames at consecutive gfns of a domain, as RAM or as grant mappings. RAM that was there is
 * not freed: it has no gfn any more. A grant mapping that was there crashes the domain. The frames'
 * own former gfn, if they had one, is emptied. On failure the pages that were there have their gfn
 * back; entries already made stay (p2m.md 2.5, `p2m_add_page`).
 */
export function addPages(
  host: Host,
  domain: Domain,
  first: Gfn,
  pages: readonly Mfn[],
  type: TypeCode,
): 'added' | AddFailure {
  for (let page = 0; page < pages.length; page += 1) {
    if (isGrant(domain.p2m.lookup(gfnAfter(first, page)))) {
      crash(domain);
      for (let before = 0; before < page; before += 1)
        forget(host, domain, gfnAfter(first, before));
      return '-EPERM';
    }
  }
  for (let page = 0; page < pages.length; page += 1) {
    const old = domain.p2m.lookup(gfnAfter(first, page));
    if (isRam(old)) host.frames.setGfn(mfnOf(old), INVALID_GFN);
  }
  const hasNoAlias = pages.every((mfn, page) =>
    removeAlias(host, domain, gfnAfter(first, page), mfn),
  );
  const gaps = gapsIn(domain, first, pages.length);
  const failure = hasNoAlias ? setRange(host, domain, first, pages, type) : '-ENOMEM';
  domain.demands.gaps -= gaps - gapsIn(domain, first, pages.length);
  for (let page = 0; page < pages.length; page += 1) {
    const gfn = gfnAfter(first, page);
    const now = domain.p2m.lookup(gfn);
    if (!isRam(now)) continue;
    host.frames.setGfn(mfnOf(now), gfn);
    domain.dirtyLog?.note(gfn);
  }
  return failure ?? 'added';
}

/** The M2P of RAM is gone before the page that would replace it is refused; Xen's own pages keep theirs. */
function forget(host: Host, domain: Domain, gfn: Gfn): void {
  const old = domain.p2m.lookup(gfn);
  if (!isRam(old) || host.frames.isXenHeap(mfnOf(old))) return;
  domain.paging.entryChanges(gfn, old);
  host.frames.setGfn(mfnOf(old), INVALID_GFN);
  domain.paging.entryChanged(gfn, old);
}

/** How many of some gfns are populated on demand. */
function gapsIn({ p2m, demands }: Domain, first: Gfn, count: number): number {
  let gaps = 0;
  for (let page = 0; demands.gaps > 0 && page < count; page += 1) {
    if (p2m.isGap(gfnAfter(first, page))) gaps += 1;
  }
  return gaps;
}

/**
 * Pages of one extent, by as large entries as there can be; answers why the last that could not be set was
 * not. What is mapped by grant comes one by one.
 */
function setRange(
  host: Host,
  domain: Domain,
  first: Gfn,
  pages: readonly Mfn[],
  type: TypeCode,
): AddFailure | undefined {
  if (pages.length < SUPERPAGE_PAGES || !hasLargeEntries(host.machine))
    return setEntries(domain, first, pages, type);
  let failure: AddFailure | undefined;
  for (let start = 0, size = 1; start < pages.length; start += size) {
    const gfn = gfnAfter(first, start);
    const level = levelFor(gfn, start, pages.length);
    size = SPAN[level];
    const part = pages.slice(start, start + size);
    const failed =
      level === 1 || gfn + size > host.machine.gfnLimit
        ? setEntries(domain, gfn, part, type)
        : setBlock(domain, gfn, part, level);
    failure = failed ?? failure;
  }
  return failure;
}

/** RAM in place of all that an entry of level 2 or 3 leads to. */
function setBlock(
  domain: Domain,
  first: Gfn,
  pages: readonly Mfn[],
  level: LargeLevel,
): AddFailure | undefined {
  const old = new Map<Gfn, Leaf>();
  for (let page = 0; page < pages.length; page += 1) {
    const gfn = gfnAfter(first, page);
    const found = domain.p2m.lookup(gfn);
    if (found !== NOTHING) old.set(gfn, found);
  }
  for (const [gfn, found] of old) domain.paging.entryChanges(gfn, found);
  const result = domain.p2m.setBlock(first, pages, level);
  for (const [gfn, found] of old) domain.paging.entryChanged(gfn, found);
  return result === 'set' ? undefined : result;
}

/** All entries that can be set; answers why the last that could not be was not. */
function setEntries(
  domain: Domain,
  first: Gfn,
  pages: readonly Mfn[],
  type: TypeCode,
): AddFailure | undefined {
  let failure: AddFailure | undefined;
  for (let page = 0; page < pages.length; page += 1) {
    const gfn = gfnAfter(first, page);
    const old = domain.p2m.lookup(gfn);
    domain.paging.entryChanges(gfn, old);
    const result = domain.p2m.set(gfn, pageAt(pages, page), type);
    if (result !== 'set') failure = result;
    domain.paging.entryChanged(gfn, old);
  }
  return failure;
}

/** `addPages` for one page. */
export function addPage(
  host: Host,
  domain: Domain,
  gfn: Gfn,
  mfn: Mfn,
  type: TypeCode,
): 'added' | AddFailure {
  return addPages(host, domain, gfn, [mfn], type);
}

/**
 * Empties a gfn that holds something; false where that fails, and all is as before. RAM loses its
 * gfn but not its references: it is an orphan. Of a writable mapping of the domain's own page the
 * type reference goes with the entry, whatever handle the entry was made for (grants.md 16, S2).
 */
export function removePage(host: Host, domain: Domain, gfn: Gfn): boolean {
  const old = unhook(host, domain, gfn);
  if (old === undefined) return false;
  releaseEntry(host, domain, old);
  return true;
}

/**
 * RAM becomes writable to its guest, or readonly; false where that fails. Where writes are logged it
 * counts as written.
 */
export function retype(host: Host, domain: Domain, gfn: Gfn, type: TypeCode): boolean {
  const old = domain.p2m.lookup(gfn);
  domain.paging.entryChanges(gfn, old);
  const result = domain.p2m.set(gfn, mfnOf(old), type);
  domain.paging.entryChanged(gfn, old);
  noteWritten(host, domain, mfnOf(old));
  return result === 'set';
}

/**
 * RAM leaves its gfn and stays with the domain; false where that fails. The M2P of Xen's own pages
 * goes on naming the gfn, which `add_to_physmap`, `setup_table` and `set_version` go by.
 */
export function hide(host: Host, domain: Domain, gfn: Gfn): boolean {
  const old = unhook(host, domain, gfn);
  if (old === undefined) return false;
  if (host.frames.isXenHeap(mfnOf(old))) host.frames.setGfn(mfnOf(old), gfn);
  return true;
}

/** The first half of `removePage`: empties the gfn and answers what was there, or cannot. */
export function unhook(host: Host, domain: Domain, gfn: Gfn): Leaf | undefined {
  const old = domain.p2m.lookup(gfn);
  assert(old !== NOTHING, 'a page that is removed was there');
  const former = host.frames.gfnOf(mfnOf(old));
  if (isRam(old)) host.frames.setGfn(mfnOf(old), INVALID_GFN);
  domain.paging.entryChanges(gfn, old);
  const result = domain.p2m.clear(gfn);
  domain.paging.entryChanged(gfn, old);
  if (result === 'cleared') return old;
  if (isRam(old)) host.frames.setGfn(mfnOf(old), former);
  return undefined;
}

/** The second half: drops what the entry held. Through a writable mapping a page was written, maybe. */
export function releaseEntry(host: Host, domain: Domain, old: Leaf): void {
  if (isGrant(old) && permitsStore(old)) {
    const owner = host.domains.byId(host.frames.ownerOf(mfnOf(old)));
    if (owner !== undefined) noteWritten(host, owner, mfnOf(old));
  }
  if (!holdsType(host, domain, old)) return;
  host.frames.dereferenceWritable(mfnOf(old));
}

/** The entry carries a type reference: a writable mapping of the domain's own page, or the control's. */
export function holdsType(host: Host, domain: Domain, found: Leaf): boolean {
  if (found === NOTHING || typeOf(found) !== GRANT_MAP_RW) return false;
  const owner = host.frames.ownerOf(mfnOf(found));
  return owner === domain.id || owner === CONTROL;
}

/**
 * Removes and frees what is at a gfn (p2m.md 2.5, `guest_remove_page`). `-ENOENT`: nothing there.
 * `-ENXIO`: not the domain's own page, or one that is going. `-ENOMEM`: it cannot be removed, and is
 * kept.
 */
export function removeAndFree(
  host: Host,
  domain: Domain,
  gfn: Gfn,
): 'removed' | '-ENOENT' | '-ENXIO' | '-ENOMEM' {
  if (!isTranslated(domain)) return freeFrame(host, domain, gfn);
  const old = domain.p2m.lookup(gfn);
  if (old === NOTHING) return '-ENOENT';
  const mfn = mfnOf(old);
  if (!getPage(host, mfn, domain)) return '-ENXIO';
  if (!removePage(host, domain, gfn)) {
    putPage(host, mfn);
    return '-ENOMEM';
  }

  // Nothing below this line can fail.
  putAllocation(host, mfn);
  putPage(host, mfn);
  return 'removed';
}

/** The control domain gives up a page, which it knows by its machine frame. */
function freeFrame(host: Host, control: Domain, gfn: Gfn): 'removed' | '-ENOENT' {
  const mfn = getOwnFrame(host, control, gfn);
  if (mfn === undefined) return '-ENOENT';

  // Nothing below this line can fail.
  putAllocation(host, mfn);
  putPage(host, mfn);
  return 'removed';
}

/** The hypervisor crashes a domain: it executes no further instruction (D13). */
export function crash(domain: Domain): void {
  domain.isCrashed = true;
}

/**
 * A domain's own page is at one gfn only: the gfn it had is emptied (p2m.md 2.5, step 5). False where
 * that fails.
 */
function removeAlias(host: Host, domain: Domain, gfn: Gfn, mfn: Mfn): boolean {
  if (host.frames.ownerOf(mfn) !== domain.id) return true;
  const other = host.frames.gfnOf(mfn);
  if (other === INVALID_GFN || other === gfn) return true;
  const there = domain.p2m.lookup(other);
  if (!isRam(there) || mfnOf(there) !== mfn) return true;
  return removePage(host, domain, other);
}

/** The gfn so many after another; the number space goes around, as it does in 64 bits. */
export function gfnAfter(first: Gfn, distance: number): Gfn {
  if (first === INVALID_GFN && distance > 0) return Gfn(distance - 1);
  return Gfn(first + distance);
}

function pageAt(pages: readonly Mfn[], page: number): Mfn {
  const mfn = pages[page];
  assert(mfn !== undefined, 'there is a page for every gfn');
  return mfn;
}
