import { Handle } from '../../abi/ids.js';
import { isAtItsGfn } from './p2m.js';
import type { DomainId, Gfn, Mfn } from '../../abi/ids.js';
import type { Violation } from '../../abi/observer.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import { NOBODY } from '../tables/frame-table.js';
import { MISS } from '../tables/p2m-cache.js';
import { NOTHING, isRam, mfnOf } from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';

const NONE: readonly Violation[] = [];

/**
 * The invariants that concern the entries and frames written since the last record of changes. It
 * allocates nothing while all is well.
 */
export function auditChanged(host: Host): readonly Violation[] {
  let violations = NONE;
  const entries = host.entryLog.current();
  for (let row = 0; row < entries.count; row += 1) {
    const id = entries.domain[row];
    const gfn = entries.gfn[row];
    if (id === undefined || gfn === undefined) continue;
    const violation = brokenEntry(host, id, gfn);
    if (violation !== undefined) violations = [...violations, violation];
  }
  const written = host.ram.log.current();
  for (let row = 0; row < written.count; row += 1) {
    const mfn = written.frame[row];
    if (mfn === undefined) continue;
    const violation = brokenFrame(host, mfn);
    if (violation !== undefined) violations = [...violations, violation];
  }
  return violations;
}

/** The first claim about what is at a gfn that does not hold. */
function brokenEntry(host: Host, id: DomainId, gfn: Gfn): Violation | undefined {
  const domain = host.domains.byId(id);
  if (domain === undefined) return undefined;
  const found = domain.p2m.lookup(gfn);
  const cached = domain.p2m.cache.find(gfn);
  if (cached !== MISS && cached !== found) {
    return entryViolation('T3', domain, gfn, 'is cached as something else');
  }
  if (found === NOTHING) return undefined;
  const mfn = mfnOf(found);
  if (host.frames.isFree(mfn)) return entryViolation('P12', domain, gfn, 'has a free frame');
  if (host.frames.ownerOf(mfn) === NOBODY) {
    return entryViolation('P12', domain, gfn, 'has a frame that belongs to no domain');
  }
  return isRam(found)
    ? brokenRamEntry(host, domain, gfn, mfn)
    : brokenGrantEntry(host, domain, gfn, found);
}

function brokenRamEntry(host: Host, domain: Domain, gfn: Gfn, mfn: Mfn): Violation | undefined {
  const { frames } = host;
  if (frames.ownerOf(mfn) !== domain.id) {
    return entryViolation('P21', domain, gfn, 'has a frame of another domain as RAM');
  }
  if (!frames.isXenHeap(mfn) && !frames.isAllocated(mfn)) {
    return entryViolation('P4', domain, gfn, 'has RAM without its allocation');
  }
  if (!frames.isXenHeap(mfn) && frames.referencesOf(mfn) < 1) {
    return entryViolation('P4', domain, gfn, 'has RAM that nothing references');
  }
  if (!isAtItsGfn(host, domain, gfn, mfn)) {
    return entryViolation('P5', domain, gfn, 'has RAM whose M2P says otherwise');
  }
  return undefined;
}

function brokenGrantEntry(
  host: Host,
  domain: Domain,
  gfn: Gfn,
  found: Leaf,
): Violation | undefined {
  const mfn = mfnOf(found);
  if (host.frames.referencesOf(mfn) < 1) {
    return entryViolation('P21', domain, gfn, 'has a granted frame that nothing references');
  }
  if (hasHandleOn(host, domain, mfn)) return undefined;
  return entryViolation('P8', domain, gfn, 'has a granted frame without a live handle');
}

/** Some live handle of the domain maps the frame. */
function hasHandleOn(host: Host, domain: Domain, mfn: Mfn): boolean {
  const { maptrack } = domain;
  for (let row = 0; row < maptrack.limit(); row += 1) {
    const handle = Handle(row);
    if (!maptrack.isHostMapped(handle)) continue;
    const granter = host.domains.byId(maptrack.granterOf(handle));
    if (granter?.grants.active.mfnOf(maptrack.refOf(handle)) === mfn) return true;
  }
  return false;
}

/** The first claim about a written frame that does not hold. */
function brokenFrame(host: Host, mfn: Mfn): Violation | undefined {
  const { frames } = host;
  if (frames.isFree(mfn)) {
    if (frames.ownerOf(mfn) === NOBODY && frames.referencesOf(mfn) === 0) return undefined;
    return frameViolation('F1', mfn, 'is free and still owned or referenced');
  }
  if (frames.ownerOf(mfn) === NOBODY) return undefined;
  if (frames.isAllocated(mfn) && frames.referencesOf(mfn) < 1) {
    return frameViolation('F2', mfn, 'is allocated without a reference');
  }
  if (frames.isXenHeap(mfn)) {
    if (frames.typeReferencesOf(mfn) >= 1) return undefined;
    return frameViolation('F17', mfn, 'is shared by Xen without its pinned type');
  }
  if (frames.referencesOf(mfn) < 1) {
    return frameViolation('F3', mfn, 'is owned and nothing references it');
  }
  if (frames.typeReferencesOf(mfn) > frames.referencesOf(mfn)) {
    return frameViolation('F5', mfn, 'has more type references than references');
  }
  return undefined;
}

function entryViolation(id: string, domain: Domain, gfn: Gfn, what: string): Violation {
  return { id, path: 'p2m.entry', witness: `gfn ${gfn} of domain ${domain.id} ${what}` };
}

function frameViolation(id: string, mfn: Mfn, what: string): Violation {
  return { id, path: 'frame.count', witness: `frame ${mfn} ${what}` };
}
