import { GTF_sub_page, GTF_transitive, GTF_type_mask } from '../../abi/grant-table.js';
import type { DomainId, GrantRef, Mfn } from '../../abi/ids.js';
import type { Status } from '../../abi/status.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { assert } from '../assert.js';
import type { Domain } from '../domain.js';
import { claimStatus, reduceStatus } from '../grant-status.js';
import { getOwnFrame } from '../granted-frame.js';
import type { Host } from '../host.js';
import { putPage } from '../pages.js';
import { FORGOTTEN, counterOf, hasWriter, unitOf } from '../tables/active-entries.js';

/** The active entry keeps 15 bits of a sub-page's start (grants.md 7.7, A4c). */
const START_MODULUS = 0x8000;

/** A grant held for a copy: its frame, with a page reference, and the bytes it permits. */
export interface Acquired {
  readonly mfn: Mfn;
  readonly start: number;
  readonly length: number;
}

/** Who uses which grant, and how. */
interface Use {
  readonly owner: Domain;
  readonly ref: GrantRef;
  readonly grantee: DomainId;
  readonly isReadonly: boolean;
  /** The entry is not in use yet, or this is its first writer: its status bits are to be set. */
  readonly claims: boolean;
  readonly isPinned: boolean;
}

/** Pins a grant for a copy (grants.md 7.7, A1 to A6), or says why not. */
export function acquireGrant(
  host: Host,
  owner: Domain,
  ref: GrantRef,
  grantee: DomainId,
  isReadonly: boolean,
  permitsTransitive = true,
): Acquired | Status {
  const table = owner.grants;
  const active = table.active;
  if (ref >= table.refCount()) return 'bad_gntref';

  const pin = active.pinOf(ref);
  const isPinned = pin !== 0;
  if (isPinned && active.granteeOf(ref) !== grantee) return 'general_error';
  if (isPinned && counterOf(pin, unitOf(isReadonly)) >= host.machine.pinLimit) {
    return 'general_error';
  }

  const claims = !isPinned || (!isReadonly && !hasWriter(pin));
  const use = { owner, ref, grantee, isReadonly, claims, isPinned };
  const type = table.headerOf(ref) & GTF_type_mask;
  if (table.version === 2 && type === GTF_transitive) {
    return acquireTransitive(host, use, permitsTransitive);
  }
  const acquired = claims ? claimFrame(host, use) : reuseFrame(host, use);
  if (typeof acquired !== 'string') active.pin(ref, unitOf(isReadonly));
  return acquired;
}

/**
 * Ends the use of a grant by a copy; of a transitive grant the inner one too. The page reference is
 * the caller's to drop, afterwards.
 */
export function releaseGrant(host: Host, owner: Domain, ref: GrantRef, isReadonly: boolean): void {
  const { active } = owner.grants;
  const sourceDomain = active.sourceDomainOf(ref);
  const sourceRef = active.sourceRefOf(ref);
  const pin = active.unpin(ref, unitOf(isReadonly));
  reduceStatus(owner.grants, ref, isReadonly);
  if (pin === 0 && active.isSubPage(ref)) owner.grants.versionTwoUses -= 1;
  if (sourceDomain === owner.id) return;
  const source = host.domains.byId(sourceDomain);
  assert(source !== undefined, 'the source of a pinned grant exists');
  releaseGrant(host, source, sourceRef, isReadonly);
}

/** A4: sets the status bits and looks the frame up; a writer that joins must find what is pinned. */
function claimFrame(host: Host, use: Use): Acquired | Status {
  const { owner, ref, grantee, isReadonly } = use;
  const table = owner.grants;
  const active = table.active;
  if (!claimStatus(host, table, ref, { grantee, isReadonly, isMap: false })) return 'general_error';

  const isSubPage = table.version === 2 && (table.headerOf(ref) & GTF_sub_page) !== 0;
  // The start is kept in 15 bits but compared in 16 (grants.md 7.7, A4c; recorded).
  const start = isSubPage ? table.subPageStartOf(ref) : 0;
  const length = isSubPage ? table.subPageLengthOf(ref) : PAGE_BYTES;
  const mfn = getOwnFrame(host, owner, table.grantedGfnOf(ref));
  if (mfn === undefined) {
    reduceStatus(table, ref, isReadonly);
    return 'bad_page';
  }
  if (use.isPinned) {
    const isSame =
      active.mfnOf(ref) === mfn &&
      active.sourceDomainOf(ref) === owner.id &&
      active.sourceRefOf(ref) === ref &&
      (!active.isSubPage(ref) ||
        (isSubPage && active.startOf(ref) === start && active.lengthOf(ref) === length));
    if (isSame) return { mfn, start: active.startOf(ref), length: active.lengthOf(ref) };
    reduceStatus(table, ref, isReadonly);
    putPage(host, mfn);
    return 'general_error';
  }
  const sourceDomain = owner.id;
  const kept = start % START_MODULUS;
  const entry = { grantee, mfn, start: kept, length, isSubPage, sourceDomain, sourceRef: ref };
  active.fill(ref, entry);
  if (isSubPage) table.versionTwoUses += 1;
  return { mfn, start: kept, length };
}

/** A5: the entry is in use already, for enough: nothing of the shared entry is looked at. */
function reuseFrame(host: Host, { owner, ref }: Use): Acquired | Status {
  const { active } = owner.grants;
  const mfn = active.mfnOf(ref);
  if (mfn === FORGOTTEN || !host.frames.reference(mfn)) return 'bad_domain';
  if (host.frames.ownerOf(mfn) !== owner.id || owner.isDying) {
    putPage(host, mfn);
    return 'bad_domain';
  }
  return { mfn, start: active.startOf(ref), length: active.lengthOf(ref) };
}

/** T1 to T7: the grant passes on what another domain grants to its owner. */
function acquireTransitive(host: Host, use: Use, permitsTransitive: boolean): Acquired | Status {
  const { owner, ref, grantee, isReadonly } = use;
  const table = owner.grants;
  const claim = { grantee, isReadonly, isMap: false };
  if (use.claims && !claimStatus(host, table, ref, claim)) return 'general_error';

  const inner = permitsTransitive ? acquireInner(host, use) : 'general_error';
  if (typeof inner === 'string') {
    reduceStatus(table, ref, isReadonly);
    return inner;
  }
  const { active } = table;
  const sourceDomain = table.transitiveDomainOf(ref);
  const sourceRef = table.transitiveRefOf(ref);
  if (use.isPinned) {
    const isSame =
      active.isSubPage(ref) &&
      active.mfnOf(ref) === inner.mfn &&
      active.startOf(ref) === inner.start &&
      active.lengthOf(ref) === inner.length &&
      active.sourceDomainOf(ref) === sourceDomain &&
      active.sourceRefOf(ref) === sourceRef;
    if (!isSame) {
      const source = host.domains.byId(sourceDomain);
      assert(source !== undefined, 'the source of an acquired grant exists');
      releaseGrant(host, source, sourceRef, isReadonly);
      reduceStatus(table, ref, isReadonly);
      putPage(host, inner.mfn);
      return 'general_error';
    }
  } else {
    active.fill(ref, { grantee, ...inner, isSubPage: true, sourceDomain, sourceRef });
    table.versionTwoUses += 1;
  }
  active.pin(ref, unitOf(isReadonly));
  return inner;
}

/** T3 to T5: the grant behind a transitive one, acquired in the name of the one in between. */
function acquireInner(host: Host, { owner, ref, isReadonly }: Use): Acquired | Status {
  const sourceDomain = owner.grants.transitiveDomainOf(ref);
  if (sourceDomain === owner.id) return 'general_error';

  const source = host.domains.byId(sourceDomain);
  if (source === undefined) return 'general_error';

  const sourceRef = owner.grants.transitiveRefOf(ref);
  host.stop('grant.copy/transitive');
  return acquireGrant(host, source, sourceRef, owner.id, isReadonly, false);
}
