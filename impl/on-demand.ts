import { Gfn, INVALID_GFN } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Domain } from './domain.js';
import { frameWritten } from './frame-written.js';
import type { Host } from './host.js';
import { assignPages, getPage, putAllocation, putPage } from './pages.js';
import { crash, unhook } from './physmap.js';
import { RAM_RW, isRam, mfnOf } from './tables/p2m-entry.js';

/*
 * Populating gfns on demand (p2m.md 2.7). Their entries are not present, and frames are kept for them:
 * every frame that is kept is the domain's own, allocated, and at no gfn.
 */

/** Somebody asks for a gfn: if it is populated on demand it is now, or the domain is crashed. */
export function demand(host: Host, domain: Domain, gfn: Gfn): void {
  const { demands, p2m } = domain;
  if (demands.gaps === 0 || domain.isDying || !p2m.isGap(gfn)) return;
  supply(host, domain);
  const mfn = demands.take();
  if (mfn === undefined) {
    crash(domain);
    return;
  }
  if (p2m.set(gfn, mfn, RAM_RW) !== 'set') {
    demands.kept.push(mfn);
    return;
  }

  // Nothing below this line can fail.
  demands.gaps -= 1;
  host.frames.setGfn(mfn, gfn);
  demands.note(gfn);
  domain.dirtyLog?.note(gfn);
  host.counters.populatedOnDemand += 1;
}

/**
 * Where fewer frames are kept than gfns want, one remembered demand is looked at, and more until a frame
 * is kept. If there is none still, a stretch of gfns is swept.
 */
function supply(host: Host, domain: Domain): void {
  const { demands } = domain;
  if (demands.gaps > demands.kept.length) {
    for (let age = 0; age < demands.remembered(); age += 1) {
      const gfn = demands.forget(age);
      if (gfn !== undefined) takeBack(host, domain, gfn);
      if (demands.kept.length > 0) break;
    }
  }
  if (demands.kept.length === 0) sweep(host, domain);
}

/** A stretch of bounded length, so that the guest does not wait for long. */
function sweep(host: Host, domain: Domain): void {
  const { demands } = domain;
  const start = demands.sweepFrom === 0 ? demands.highest : demands.sweepFrom;
  const limit = Math.max(0, start - host.machine.sweepLength);
  let gfn: number = start;
  for (; gfn > 0; gfn -= 1) {
    takeBack(host, domain, Gfn(gfn));
    if (gfn < limit) break;
  }
  demands.sweepFrom = Gfn(Math.max(0, gfn - 1));
  host.counters.sweeps += 1;
}

/**
 * A page of zeros leaves its gfn, which is populated on demand again. The translations go first, and
 * with them what shadows hold of the page: who holds it then, has it for good.
 */
function takeBack(host: Host, domain: Domain, gfn: Gfn): void {
  const old = domain.p2m.lookup(gfn);
  if (!isRam(old)) return;
  const mfn = mfnOf(old);
  if (host.frames.isXenHeap(mfn) || !host.ram.isZero(mfn)) return;
  domain.paging.entryChanges(gfn, old);
  const isHeld = host.frames.referencesOf(mfn) > 1;
  const isDone = !isHeld && domain.p2m.setGap(gfn) === 'set';
  domain.paging.entryChanged(gfn, old);
  if (!isDone) return;

  // Nothing below this line can fail.
  host.frames.setGfn(mfn, INVALID_GFN);
  domain.demands.kept.push(mfn);
  domain.demands.gaps += 1;
  host.counters.takenBack += 1;
}

/** How far some gfns could be left to be populated on demand. */
export type Marking = 'marked' | 'occupied' | '-ENOENT' | '-ENOMEM';

/** Leaves gfns to be populated on demand. Where one of several fails, the domain is crashed. */
export function markGaps(domain: Domain, gfns: readonly Gfn[]): Marking {
  const { p2m, demands } = domain;
  if (gfns.some((gfn) => p2m.isOccupied(gfn))) return 'occupied';
  for (const gfn of gfns) {
    const isNew = !p2m.isGap(gfn);
    const result = p2m.setGap(gfn);
    if (result === '-ENOMEM' && gfns.length > 1) crash(domain);
    if (result !== 'set') return result;
    if (isNew) demands.gaps += 1;
  }
  return 'marked';
}

/**
 * The domain gives up gfns: those that are populated on demand are none any more, and RAM is kept
 * instead of freed while gfns want for frames. Answers how many were dealt with here.
 */
export function giveUpGaps(host: Host, domain: Domain, first: Gfn, count: number): number {
  const { demands, p2m } = domain;
  if (demands.gaps === 0 || domain.isDying) return 0;
  let gaps = 0;
  for (let page = 0; page < count; page += 1) if (p2m.isGap(Gfn(first + page))) gaps += 1;
  if (gaps === 0 && demands.gaps <= demands.kept.length) return 0;

  let dealt = 0;
  let isWanting = demands.gaps > demands.kept.length;
  for (let page = 0; page < count && (gaps > 0 || isWanting); page += 1) {
    const gfn = Gfn(first + page);
    const isGap = p2m.isGap(gfn);
    if (!isGap && !(isWanting && isOrdinary(host, domain, gfn))) continue;
    if (!(isGap ? dropGap(domain, gfn) : keep(host, domain, gfn))) {
      if (count > 1) crash(domain);
      return dealt;
    }
    if (isGap) gaps -= 1;
    else isWanting = demands.gaps > demands.kept.length;
    dealt += 1;
  }
  keepNoMore(host, domain, demands.gaps);
  return dealt;
}

function isOrdinary(host: Host, domain: Domain, gfn: Gfn): boolean {
  const found = domain.p2m.lookup(gfn);
  return isRam(found) && !host.frames.isXenHeap(mfnOf(found));
}

function dropGap(domain: Domain, gfn: Gfn): boolean {
  if (domain.p2m.clearGap(gfn) !== 'cleared') return false;
  domain.demands.gaps -= 1;
  return true;
}

/** RAM leaves its gfn and is kept, zero from now on, whoever else has it. */
function keep(host: Host, domain: Domain, gfn: Gfn): boolean {
  const old = unhook(host, domain, gfn);
  if (old === undefined) return false;
  const mfn = mfnOf(old);
  host.ram.clear(mfn);
  frameWritten(host, mfn, 0, PAGE_BYTES);
  domain.demands.kept.push(mfn);
  return true;
}

/** No more frames are kept than so many: the oldest are freed. */
export function keepNoMore(host: Host, domain: Domain, most: number): void {
  const { kept } = domain.demands;
  while (kept.length > most) {
    const mfn = kept.shift();
    if (mfn !== undefined) free(host, domain, mfn);
  }
}

function free(host: Host, domain: Domain, mfn: Mfn): void {
  if (!getPage(host, mfn, domain)) return;
  putAllocation(host, mfn);
  putPage(host, mfn);
}

/** So many frames are kept, as far as they can be had; false if they cannot. */
export function keepAsMany(host: Host, domain: Domain, wanted: number): boolean {
  keepNoMore(host, domain, wanted);
  while (domain.demands.kept.length < wanted) {
    const pages = assignPages(host, domain, 1);
    if (pages === undefined) return false;
    domain.demands.kept.push(...pages);
  }
  return true;
}
