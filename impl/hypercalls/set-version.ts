import { GTF_permit_access, GTF_transitive, GTF_type_mask } from '../../abi/grant-table.js';
import type { GrantVersion } from '../../abi/grant-table.js';
import { DomainId, GrantRef } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Errno, Rc } from '../../abi/status.js';
import type { SetVersion } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { withdraw } from '../believed-gfn.js';
import type { Domain } from '../domain.js';
import { frameWritten } from '../frame-written.js';
import { populateStatusFrames } from '../grant-frames.js';
import type { Host } from '../host.js';
import { putXenAllocation, unshareXenPage } from '../pages.js';
import { crash } from '../physmap.js';

const FLAGS_MASK = 0xffff;
const GRANTEE_SHIFT = 16;
const TWO_TO_32 = 2 ** 32;

/** What of a reserved entry survives a change of version: one of version 1. */
interface Reserved {
  readonly flags: number;
  readonly grantee: DomainId;
  readonly gfn: number;
}
const EMPTY: Reserved = { flags: 0, grantee: DomainId(0), gfn: 0 };

/**
 * GNTTABOP_set_version (grants.md 7.9): the caller's table changes its layout. Reserved refs are
 * carried over, even pinned; all others are wiped.
 */
export function setVersion(host: Host, caller: Domain, step: SetVersion): Reply {
  const table = caller.grants;
  const { version } = step;
  if (version !== 1 && version !== 2) return versionReply(caller, '-EINVAL');
  if (version === 2 && table.maximumVersion === 1) return versionReply(caller, '-ENOSYS');
  if (version === table.version) return versionReply(caller, 0);
  if (hasPinAbove(caller, host.machine.reservedRefs)) return versionReply(caller, '-EBUSY');

  const count = Math.min(host.machine.reservedRefs, table.refCount());
  const refused = version === 1 ? leaveVersionTwo(caller, count) : undefined;
  if (refused !== undefined) return versionReply(caller, refused);

  const saved: Reserved[] = [];
  for (let ref = 0; ref < count; ref += 1) saved.push(reservedEntry(caller, GrantRef(ref)));
  if (version === 2 && !populateStatusFrames(host, caller, table.frames.length)) {
    return versionReply(caller, '-ENOMEM');
  }
  if (version === 1 && !giveUpStatusFrames(host, caller)) return versionReply(caller, '-EBUSY');

  // Nothing below this line can fail.
  wipe(host, caller);
  table.version = version;
  host.stop('grant.set_version/wiped');
  const restored = Math.min(count, table.refCount());
  for (let ref = 0; ref < restored; ref += 1) {
    const entry = saved[ref] ?? EMPTY;
    table.restore(GrantRef(ref), entry.flags, entry.grantee, entry.gfn);
  }
  return versionReply(caller, 0);
}

function versionReply(caller: Domain, rc: Rc): Reply {
  const version: GrantVersion = caller.grants.version;
  return { is: 'version', rc, version };
}

/** Step 5: a ref from here on is in use. */
function hasPinAbove(caller: Domain, first: number): boolean {
  const { active } = caller.grants;
  const count = caller.grants.refCount();
  for (let ref = first; ref < count; ref += 1) {
    if (active.pinOf(GrantRef(ref)) !== 0) return true;
  }
  return false;
}

/** Step 6, version 2 to 1: what version 1 cannot say stands in the way. */
function leaveVersionTwo(caller: Domain, count: number): Errno | undefined {
  const table = caller.grants;
  if (table.versionTwoUses !== 0) return '-EAGAIN';
  for (let ref = 0; ref < count; ref += 1) {
    const type = table.headerOf(GrantRef(ref)) & GTF_type_mask;
    const gfn = table.grantedGfnOf(GrantRef(ref));
    if (type === GTF_permit_access && gfn >= TWO_TO_32) return '-ERANGE';
    if (type === GTF_transitive) return '-ERANGE';
  }
  return undefined;
}

/** Step 7: from version 1 as it is; from version 2 only what permits access. */
function reservedEntry(caller: Domain, ref: GrantRef): Reserved {
  const table = caller.grants;
  const header = table.headerOf(ref);
  const grantee = DomainId(header >>> GRANTEE_SHIFT);
  const flags = header & FLAGS_MASK;
  const gfn = table.grantedGfnOf(ref);
  if (table.version === 1) return { flags, grantee, gfn };
  if ((flags & GTF_type_mask) !== GTF_permit_access) return EMPTY;
  return { flags: flags | table.statusOf(ref), grantee, gfn };
}

/**
 * Step 8: the status frames leave the p2m and are freed. One that is noticed not to be where the M2P says, cannot
 * leave it, or is still referenced, because it was granted and is mapped, crashes the domain.
 */
function giveUpStatusFrames(host: Host, caller: Domain): boolean {
  const table = caller.grants;
  for (const mfn of table.statusFrames) {
    if (withdraw(host, caller, mfn) !== 0) {
      crash(caller);
      return false;
    }
    putXenAllocation(host, mfn);
    if (host.frames.referencesOf(mfn) > 0) {
      crash(caller);
      return false;
    }
  }
  for (const mfn of table.statusFrames) unshareXenPage(host, mfn);
  table.statusFrames.length = 0;
  return true;
}

/** Step 9: every entry of every frame, in use or not. */
function wipe(host: Host, caller: Domain): void {
  for (const mfn of caller.grants.frames) {
    host.ram.clear(mfn);
    frameWritten(host, mfn, 0, PAGE_BYTES);
  }
}
