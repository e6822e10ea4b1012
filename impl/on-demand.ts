import { Gfn, INVALID_GFN } from '../abi/ids.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
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
    domain.isCrashed = true;
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

/**
 * A stretch of bounded length, some frames at a time; and on below it until something is found, unless
 * something is pending.
 */
function sweep(host: Host, domain: Domain): void {
  const { demands } = domain;
  const start = demands.sweepFrom === 0 ? demands.highest : demands.sweepFrom;
  const limit = start - host.machine.sweepLength;
  const isHurried = host.continuations.isAnyInterrupted();
  const isOver = (): boolean => isHurried || demands.kept.length > 0;
  const ram = ramUpTo(domain, start);
  let seen = 0;
  let looked = 0;
  let end = 0;
  for (const gfn of ram) {
    if (gfn < limit - 1 && isOver()) break;
    seen += 1;
    if (seen - looked === host.machine.sweepStride) {
      for (; looked < seen; looked += 1) takeBack(host, domain, ram[looked] ?? gfn);
    }
    if (gfn >= limit || !isOver()) continue;
    end = gfn;
    break;
  }
  if (end === 0 && isOver()) end = limit - 1;
  for (const gfn of ram.slice(looked, seen)) takeBack(host, domain, gfn);
  demands.sweepFrom = Gfn(Math.max(0, end - 1));
  host.counters.sweeps += 1;
}

/** The gfns with RAM up to one of them, the highest first; gfn 0 is never swept. */
function ramUpTo({ p2m }: Domain, start: Gfn): readonly Gfn[] {
  const gfns: Gfn[] = [];
  p2m.forEach((gfn, found) => {
    if (gfn > 0 && gfn <= start && isRam(found)) gfns.push(gfn);
  });
  return gfns.toSorted((one, other) => other - one);
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
