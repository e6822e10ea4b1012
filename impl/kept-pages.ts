import { Gfn } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Domain } from './domain.js';
import { frameWritten } from './frame-written.js';
import type { Host } from './host.js';
import type { Invocation } from './invocation.js';
import { assignPages, getPage, putAllocation, putPage } from './pages.js';
import { crash, gfnAfter, unhook } from './physmap.js';
import { NOTHING, isRam, mfnOf } from './tables/p2m-entry.js';

/*
 * How gfns come to be populated on demand, and frames to be kept for them (p2m.md 2.7). What is done
 * when one is asked for is in `on-demand.ts`.
 */

/** How far some gfns could be left to be populated on demand. */
export type Marking = 'marked' | 'occupied' | '-ENOENT' | '-ENOMEM';

/**
 * Leaves gfns in a row to be populated on demand, by runs that an entry of some level could hold: the
 * largest that begin there and fit. Where one of several fails, the domain is crashed.
 */
export function markGaps(host: Host, domain: Domain, first: Gfn, count: number): Marking {
  const { p2m, demands } = domain;
  for (let start = 0, size = 1; start < count; start += size) {
    if (start > 0) host.stop('physmap/extent');
    const begin = gfnAfter(first, start);
    size = runAt(begin, count - start);
    for (let page = 0; page < size; page += 1) {
      if (p2m.lookup(gfnAfter(begin, page)) !== NOTHING) return 'occupied';
    }
    for (let page = 0; page < size; page += 1) {
      const gfn = gfnAfter(begin, page);
      const isNew = !p2m.isGap(gfn);
      const result = p2m.setGap(gfn);
      if (result === '-ENOMEM' && count > 1) crash(domain);
      if (result !== 'set') return result;
      if (isNew) demands.gaps += 1;
    }
  }
  return 'marked';
}

/** The largest power of two that divides both the gfn and the rest. */
function runAt(gfn: number, rest: number): number {
  let size = 1;
  while (gfn % (2 * size) === 0 && rest % (2 * size) === 0) size *= 2;
  return size;
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
  if (domain.p2m.clear(gfn) !== 'cleared') return false;
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

/** So many frames are kept, or as many as come before it has to stop; false if they cannot be had. */
export function keepAsMany(
  host: Host,
  domain: Domain,
  wanted: number,
  invocation: Invocation,
): boolean {
  const { kept } = domain.demands;
  for (let done = invocation.start; kept.length !== wanted; done += 1) {
    if (done > invocation.start && invocation.stopsAt(done)) return true;
    if (kept.length > wanted) {
      keepNoMore(host, domain, kept.length - 1);
      continue;
    }
    const pages = assignPages(host, domain, 1);
    if (pages === undefined) return false;
    kept.push(...pages);
  }
  return true;
}
