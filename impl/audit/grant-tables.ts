import { CONTROL, GrantRef } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import {
  DEVICE_READ,
  DEVICE_WRITE,
  FORGOTTEN,
  HOST_READ,
  HOST_WRITE,
  PIN_UNITS,
  counterOf,
} from '../tables/active-entries.js';
import type { Census, UseCensus } from './census.js';
import type { Findings } from './findings.js';

/** Grant tables against the live handles of their mappers (grants.md 14). */
export function auditGrantTables(host: Host, census: Census, findings: Findings): void {
  for (const domain of [...host.domains.guests(), host.control()]) {
    auditSizes(host, domain, findings);
    auditPins(host, domain, census.uses.get(domain), findings);
  }
}

/** I1, I2, I18, I20: how big a table is and whose its frames are. */
function auditSizes(host: Host, domain: Domain, findings: Findings): void {
  const table = domain.grants;
  const frameCount = table.frames.length;
  const statusCount = table.statusFrames.length;
  const check = (holds: boolean, id: string, what: string): void => {
    findings.check(holds, id, 'grant.table', () => `the table of domain ${domain.id} ${what}`);
  };
  check(frameCount >= 1 && frameCount <= table.maximumFrames, 'I1', `has ${frameCount} frames`);
  const wanted = table.version === 1 ? 0 : table.statusFramesFor(frameCount);
  check(statusCount === wanted, 'I2', `has ${statusCount} status frames, not ${wanted}`);
  check(table.versionTwoUses === 0, 'I18', `has ${table.versionTwoUses} uses of version 2`);
  for (const mfn of table.frames) auditTableFrame(host, domain, mfn, findings);
  for (const mfn of table.statusFrames) auditTableFrame(host, domain, mfn, findings);
}

function auditTableFrame(host: Host, domain: Domain, mfn: Mfn, findings: Findings): void {
  const { frames } = host;
  const isShared =
    frames.ownerOf(mfn) === domain.id &&
    frames.isXenHeap(mfn) &&
    frames.isWritable(mfn) &&
    frames.typeReferencesOf(mfn) >= 1;
  findings.check(isShared, 'I20', 'grant.frame', () => {
    return `frame ${mfn} of the table of domain ${domain.id} is not Xen's page shared with it`;
  });
}

/** I3 to I7 and I17: what is pinned is what is mapped. */
function auditPins(
  host: Host,
  domain: Domain,
  uses: ReadonlyMap<GrantRef, UseCensus> | undefined,
  findings: Findings,
): void {
  const table = domain.grants;
  const { active } = table;
  const rows = table.maximumFrames * host.machine.refsPerFrame;
  for (let row = 0; row < rows; row += 1) {
    const ref = GrantRef(row);
    const pin = active.pinOf(ref);
    const use = uses?.get(ref);
    if (pin === 0 && use === undefined) continue;
    const check = (holds: boolean, id: string, what: string): void => {
      findings.check(holds, id, 'grant.pin', () => `ref ${row} of domain ${domain.id} ${what}`);
    };
    const reads = use?.reads ?? 0;
    const writes = use?.writes ?? 0;
    const devices = (use?.deviceReads ?? 0) * DEVICE_READ + (use?.deviceWrites ?? 0) * DEVICE_WRITE;
    const pinned = reads * HOST_READ + writes * HOST_WRITE + devices;
    check(pin === pinned, 'I3', `has pin ${pin}, mapped ${reads} ro and ${writes} rw`);
    if (pin === 0) continue;
    const limit = host.machine.pinLimit;
    const isInLimit = PIN_UNITS.every((unit) => counterOf(pin, unit) <= limit);
    check(isInLimit, 'I4', `has pin ${pin}, beyond the limit`);
    const grantee = active.granteeOf(ref);
    const isOneMapper = [...(use?.mappers ?? [])].every((mapper) => mapper.id === grantee);
    check(isOneMapper, 'I5', `is mapped by others than domain ${grantee}`);
    check(!active.isSubPage(ref), 'I6', 'is mapped and of a kind for copies only');
    check(row < table.refCount(), 'I7', 'is pinned outside the table');
    const mfn = active.mfnOf(ref);
    if (mfn === FORGOTTEN) continue;
    const isHeld = host.frames.referencesOf(mfn) > 0 || grantee === CONTROL;
    // What only a handle of the control domain still names, it may have given away since.
    const isGivenAway = domain.id === CONTROL && grantee === CONTROL && !host.frames.isFree(mfn);
    const isTheirs = (host.frames.ownerOf(mfn) === domain.id || isGivenAway) && isHeld;
    check(isTheirs, 'I17', `is pinned on frame ${mfn}, which is not its granter's`);
  }
}
