import { GrantRef, INVALID_GFN, Mfn } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import { outstandingPages } from '../pages.js';
import { PIN_UNITS, counterOf } from '../tables/active-entries.js';
import type { Census } from './census.js';
import type { Findings } from './findings.js';

/** What a domain is charged with against what it owns (p2m.md 8.5). */
export function auditDomains(host: Host, census: Census, findings: Findings): void {
  const [claimed, free] = [outstandingPages(host), host.guestShare.freeCount()];
  findings.check(claimed <= free, 'D10', 'domain.claims', () => {
    return `${claimed} pages are claimed of ${free} that are free`;
  });
  for (const domain of census.domains.keys()) {
    auditPages(host, domain, census, findings);
    auditLife(domain, findings);
    auditForeign(host, domain, census, findings);
  }
  for (const [domain, parts] of census.partsOf) auditUses(host, domain, parts, findings);
}

/** D1, D2, D5: pages owned, mapped, and mapped nowhere. */
function auditPages(host: Host, domain: Domain, census: Census, findings: Findings): void {
  const { frames, guestShare, xenShare } = host;
  let owned = 0;
  let mapped = 0;
  let unmapped = 0;
  for (let frame = guestShare.first; frame < guestShare.untouchedFrom(); frame += 1) {
    const mfn = Mfn(frame);
    if (frames.ownerOf(mfn) !== domain.id) continue;
    owned += 1;
    const entries = census.ramEntriesOf[frame] ?? 0;
    mapped += entries;
    // RAM of a crashed domain may have lost its M2P where it is.
    const isLost = domain.isCrashed && entries > 0;
    if (frames.gfnOf(mfn) === INVALID_GFN && !isLost) unmapped += 1;
  }
  let shared = 0;
  for (let frame = xenShare.first; frame < xenShare.untouchedFrom(); frame += 1) {
    const mfn = Mfn(frame);
    if (frames.ownerOf(mfn) === domain.id && frames.referencesOf(mfn) > 0) shared += 1;
  }
  const check = (holds: boolean, id: string, what: string): void => {
    findings.check(holds, id, 'domain.pages', () => `domain ${domain.id} ${what}`);
  };
  const { pages, maximumPages, xenHeapPages } = domain;
  check(pages === owned, 'D1', `is charged with ${pages} pages and owns ${owned}`);
  check(xenHeapPages === shared, 'D1', `has ${xenHeapPages} pages of Xen's, not ${shared}`);
  const isInLimit = pages <= maximumPages || domain.wasOverLimit;
  check(isInLimit, 'D2', `has ${pages} pages of ${maximumPages} it may have`);
  const isSum = pages === mapped + unmapped;
  check(isSum, 'D5', `has ${pages} pages, ${mapped} mapped and ${unmapped} not`);
}

/** D3 and D6: a domain that is torn down holds nothing, and stays only for pages others hold. */
function auditLife(domain: Domain, findings: Findings): void {
  if (!domain.isTornDown) return;
  const isKept = domain.pages > 0 || domain.xenHeapPages > 0;
  findings.check(isKept, 'D3', 'domain.life', () => `domain ${domain.id} stays for nothing`);
  const tables = domain.p2m.tables().length;
  findings.check(tables <= 1, 'D6', 'domain.life', () => {
    return `domain ${domain.id} is dead and has ${tables} tables`;
  });
}

/** D7: whoever else holds a page of a dead domain does so by a mapping, or a shadow of one. */
function auditForeign(host: Host, domain: Domain, census: Census, findings: Findings): void {
  if (!domain.isTornDown) return;
  for (let frame = 0; frame < host.ram.frameCount; frame += 1) {
    const mfn = Mfn(frame);
    if (host.frames.isFree(mfn) || host.frames.ownerOf(mfn) !== domain.id) continue;
    const references = host.frames.referencesOf(mfn);
    const handles = census.handlesOn[frame] ?? 0;
    const shadowed = census.pagingReferencesOn[frame] ?? 0;
    const windows = census.windowsOn[frame] ?? 0;
    const isMapped = handles + windows > 0;
    const isAttributed =
      references === handles + shadowed + windows && (isMapped || shadowed === 0);
    findings.check(isAttributed, 'D7', 'frame.count', () => {
      return `frame ${frame} of dead domain ${domain.id} is held ${references} times, mapped ${handles}`;
    });
  }
}

/** D11: the parts of a domain's handles are the pins it has on others' refs, and lead somewhere. */
function auditUses(host: Host, domain: Domain, parts: number, findings: Findings): void {
  let pins = 0;
  pins += pinsBy(host.control(), domain, host);
  for (const granter of host.domains.guests()) pins += pinsBy(granter, domain, host);
  findings.check(pins === parts, 'D11', 'maptrack.count', () => {
    return `domain ${domain.id} has ${parts} parts of live handles and ${pins} pins`;
  });
}

function pinsBy(granter: Domain, mapper: Domain, host: Host): number {
  const { active, maximumFrames } = granter.grants;
  let pins = 0;
  for (let row = 0; row < maximumFrames * host.machine.refsPerFrame; row += 1) {
    const ref = GrantRef(row);
    const pin = active.pinOf(ref);
    if (pin === 0 || active.granteeOf(ref) !== mapper.id) continue;
    for (const unit of PIN_UNITS) pins += counterOf(pin, unit);
  }
  return pins;
}
