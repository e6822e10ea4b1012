import { Gfn, INVALID_GFN, Mfn } from '../../abi/ids.js';

import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import { NOBODY } from '../tables/frame-table.js';
import {
  accountedOf,
  frameOf,
  isLent,
  isPresent,
  isRam,
  isRamEntry,
  isSuperpage,
  isWellFormed,
  mfnOf,
  pieceOf,
  withWrite,
} from '../tables/p2m-entry.js';
import type { Leaf } from '../tables/p2m-entry.js';
import type { TableFrame } from '../tables/p2m-setting.js';
import { SPAN } from '../tables/p2m-place.js';
import type { Census, DomainCensus } from './census.js';
import type { Findings } from './findings.js';

const ENTRIES = 512;

/** The p2ms against the frame table and the maptracks (p2m.md 8.2; grants.md I14, I15). */
export function auditP2m(host: Host, census: Census, findings: Findings): void {
  for (const [domain, counted] of census.domains) {
    for (const { gfn, found } of counted.entries) {
      auditEntry(host, domain, gfn, found, findings);
    }
    auditGrantEntries(host, domain, counted, findings);
    auditTables(host, domain, findings);
    auditDemands(host, domain, findings);
    auditCache(domain, findings);
  }
  auditM2p(host, census, findings);
  auditTableOwners(host, findings);
}

/** P4, P5, P12, P13, P21 and I15 of one entry. */
function auditEntry(host: Host, domain: Domain, gfn: Gfn, found: Leaf, findings: Findings): void {
  const { frames } = host;
  const mfn = mfnOf(found);
  const isOwn = frames.ownerOf(mfn) === domain.id;
  const check = (holds: boolean, id: string, what: string): void => {
    findings.check(holds, id, 'p2m.entry', () => `gfn ${gfn} of domain ${domain.id} ${what}`);
  };
  check(gfn <= domain.p2m.highestGfn(), 'P13', 'lies above the highest gfn');
  check(!frames.isFree(mfn), 'P12', 'has a free frame');
  check(frames.ownerOf(mfn) !== NOBODY, 'P12', 'has a frame that belongs to no domain');
  if (isRam(found)) {
    check(isOwn, 'P21', 'has a frame of another domain as RAM');
    const isHeld = frames.isXenHeap(mfn) || frames.referencesOf(mfn) >= 1;
    const isAllocated = frames.isXenHeap(mfn) || frames.isAllocated(mfn);
    check(isHeld && (domain.isDying || isAllocated), 'P4', 'has RAM that is not allocated');
    check(isAtItsGfn(host, domain, gfn, mfn), 'P5', 'has RAM whose M2P says otherwise');
  } else {
    check(!isOwn || frames.gfnOf(mfn) !== gfn, 'I15', 'is a grant mapping with an M2P');
  }
}

/** RAM is at the gfn of its M2P; of RAM of a crashed domain that may be lost (`addPages`). */
export function isAtItsGfn({ frames }: Host, { isCrashed }: Domain, gfn: Gfn, mfn: Mfn): boolean {
  const believed = frames.gfnOf(mfn);
  return believed === gfn || (isCrashed && believed === INVALID_GFN);
}

/** P8 and I14: every grant entry has a handle; of others' ordinary frames just one each. */
function auditGrantEntries(
  host: Host,
  domain: Domain,
  counted: DomainCensus,
  findings: Findings,
): void {
  const frames = new Set([...counted.grantEntriesOn.keys(), ...counted.handlesOn.keys()]);
  for (const frame of frames) {
    const mfn = Mfn(frame);
    const entries = counted.grantEntriesOn.get(frame) ?? 0;
    const handles = counted.handlesOn.get(frame) ?? 0;
    const say = (): string =>
      `domain ${domain.id} maps frame ${frame} ${entries} times with ${handles} handles`;
    findings.check(entries <= handles, 'P8', 'p2m.grants', say);
    const isOthers = host.frames.ownerOf(mfn) !== domain.id && !host.frames.isXenHeap(mfn);
    // A dying domain's entries go before its handles.
    const isEqual = entries === handles || domain.isDying;
    findings.check(!isOthers || isEqual, 'I14', 'p2m.grants', say);
  }
}

/** P1, P2, P3, P14, P17: the tables form a tree of their pool's frames, with well-formed words. */
function auditTables(host: Host, domain: Domain, findings: Findings): void {
  const tables = domain.p2m.tables();
  const children = new Map(tables.map((table) => [`${table.parent} ${table.index}`, table]));
  for (const table of tables) auditTable(host, domain, table, children, findings);
  const isBounded = domain.p2m.countedTables() <= host.machine.p2mTableFrames;
  findings.check(isBounded, 'P17', 'p2m.tables', () => {
    return `domain ${domain.id} has ${domain.p2m.countedTables()} table frames of its own`;
  });
  const lent = tables.filter((table) => isTableLent(host, table)).length;
  findings.check(tables.length - lent === domain.p2m.countedTables(), 'P17', 'p2m.tables', () => {
    return `domain ${domain.id} was lent ${lent} of ${tables.length} tables`;
  });
}

function isTableLent({ ram }: Host, { parent, index }: TableFrame): boolean {
  return parent !== undefined && isLent(ram.tableWord(parent, index * 2));
}

function auditTable(
  host: Host,
  domain: Domain,
  table: TableFrame,
  children: ReadonlyMap<string, TableFrame>,
  findings: Findings,
): void {
  const { frames, ram } = host;
  const check = (holds: boolean, id: string, what: string): void => {
    findings.check(holds, id, 'p2m.tables', () => {
      return `table frame ${table.mfn} of domain ${domain.id} ${what}`;
    });
  };
  const isBare = frames.ownerOf(table.mfn) === NOBODY && frames.referencesOf(table.mfn) === 0;
  check(isBare && !frames.isFree(table.mfn), 'P17', 'is not a pool frame');
  check(table.base % ENTRIES ** table.level === 0, 'P14', 'is misaligned');
  const isPart = isTableLent(host, table);
  for (let index = 0; index < ENTRIES; index += 1) {
    const low = ram.tableWord(table.mfn, index * 2);
    const high = ram.tableWord(table.mfn, index * 2 + 1);
    const isLarge = (table.level === 2 || table.level === 3) && isSuperpage(low);
    const isWhole = isLarge || (table.level === 1 ? isRamEntry(low, high) : isLent(low));
    check(isWhole || !isPart, 'P1', `is lent and has an entry ${index} of its own`);
    if (low === 0 && high === 0) continue;
    const child = children.get(`${table.mfn} ${index}`);
    if (isLarge) {
      auditSuperpage(domain, SPAN[table.level] ?? 1, child, low, high, findings);
      continue;
    }
    const isWithheld = domain.dirtyLog !== undefined && isRamEntry(low, high);
    const own = table.level === 1 ? low : accountedOf(low);
    const isGood = isWellFormed(isWithheld ? withWrite(own) : own, high);
    check(isGood, 'P2', `has a malformed entry ${index}`);
    if (table.level === 1) continue;
    const isChild = child?.mfn === frameOf(low, high) && child.level === table.level - 1;
    check(isPresent(low) && isChild, 'P1', `has an entry ${index} that is not its child`);
  }
}

/** P1, P2, P14 of a superpage: RAM in aligned frames, and no table below it. */
function auditSuperpage(
  domain: Domain,
  span: number,
  below: TableFrame | undefined,
  low: number,
  high: number,
  findings: Findings,
): void {
  const first = frameOf(low, high);
  const check = (holds: boolean, id: string, what: string): void => {
    const say = (): string => `the superpage of frame ${first} of domain ${domain.id} ${what}`;
    findings.check(holds, id, 'p2m.tables', say);
  };
  const piece = domain.dirtyLog === undefined ? pieceOf(low, 0) : withWrite(pieceOf(low, 0));
  check(isRamEntry(low, high) && isWellFormed(piece, high), 'P2', 'is malformed');
  check(first % span === 0, 'P14', 'is misaligned');
  check(below === undefined, 'P1', 'has a table below it');
}

/** P10, P11: the gaps are counted; what is kept for them is the domain's own, and at no gfn. */
function auditDemands(host: Host, domain: Domain, findings: Findings): void {
  if (domain.isDying) return;
  const { frames } = host;
  let gaps = 0;
  domain.p2m.forEachGap(() => {
    gaps += 1;
  });
  const { kept, gaps: counted, miscounted } = domain.demands;
  findings.check(gaps + miscounted === counted, 'P10', 'p2m.demands', () => {
    return `domain ${domain.id} has ${gaps} gaps and counts ${counted}`;
  });
  for (const mfn of kept) {
    const isOwn = frames.ownerOf(mfn) === domain.id && frames.isAllocated(mfn);
    const isBare = frames.gfnOf(mfn) === INVALID_GFN;
    findings.check(isOwn && isBare, 'P11', 'p2m.demands', () => {
      return `frame ${mfn} is kept for domain ${domain.id} and is not its own, or at a gfn`;
    });
  }
}

/** T3: what the cache of translations holds is what the tables say. */
function auditCache(domain: Domain, findings: Findings): void {
  domain.p2m.cache.forEach((gfn, found) => {
    const isSame = domain.p2m.lookup(Gfn(gfn)) === found;
    findings.check(isSame, 'T3', 'p2m.cache', () => {
      return `gfn ${gfn} of domain ${domain.id} is cached as something else`;
    });
  });
}

/** P6 and P7: an M2P entry leads to the frame, and no frame is RAM twice. */
function auditM2p(host: Host, census: Census, findings: Findings): void {
  for (let frame = 0; frame < host.ram.frameCount; frame += 1) {
    const mfn = Mfn(frame);
    const entries = census.ramEntriesOf[frame] ?? 0;
    findings.check(entries <= 1, 'P7', 'p2m.entry', () => `frame ${frame} is RAM ${entries} times`);
    const gfn = host.frames.gfnOf(mfn);
    if (gfn === INVALID_GFN) continue;
    const owner = host.domains.byId(host.frames.ownerOf(mfn));
    // The M2P of Xen's own pages outlives the p2m of a dying domain, and what a device model hides.
    if (owner?.isDying === true || host.frames.isXenHeap(mfn)) continue;
    const found = owner?.p2m.lookup(gfn);
    const leadsBack = found !== undefined && isRam(found) && mfnOf(found) === mfn;
    findings.check(leadsBack, 'P6', 'frame.gfn', () => {
      return `frame ${frame} has gfn ${gfn}, where it is not`;
    });
  }
}

/** P17: a frame in use without an owner is a table of one p2m, or one paging's. */
function auditTableOwners(host: Host, findings: Findings): void {
  const uses = new Map<number, number>();
  const count = (tables: readonly TableFrame[]): void => {
    for (const { mfn } of tables) uses.set(mfn, (uses.get(mfn) ?? 0) + 1);
  };
  count(host.control().p2m.tables());
  for (const domain of host.domains.guests()) {
    count(domain.p2m.tables());
    domain.paging.forEachFrame((mfn) => uses.set(mfn, (uses.get(mfn) ?? 0) + 1));
  }
  const { xenShare, frames } = host;
  for (let frame = xenShare.first; frame < xenShare.untouchedFrom(); frame += 1) {
    const mfn = Mfn(frame);
    if (frames.isFree(mfn) || frames.ownerOf(mfn) !== NOBODY) continue;
    findings.check(uses.get(frame) === 1, 'P17', 'p2m.tables', () => {
      return `frame ${frame} is in use, belongs to nobody and is not one table`;
    });
  }
}
