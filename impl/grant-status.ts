import {
  GTF_permit_access,
  GTF_reading,
  GTF_readonly,
  GTF_sub_page,
  GTF_transitive,
  GTF_type_mask,
  GTF_writing,
} from '../abi/grant-table.js';
import type { DomainId, GrantRef } from '../abi/ids.js';
import type { Host } from './host.js';
import { hasWriter } from './tables/active-entries.js';
import type { GrantTable } from './tables/grant-table.js';

/** First try and four more (grants.md 1.10). */
const ATTEMPTS = 5;
const FLAGS_MASK = 0xffff;
const GRANTEE_SHIFT = 16;

/** One use of a grant that is about to be made. */
export interface GrantUse {
  readonly grantee: DomainId;
  readonly isReadonly: boolean;
  /** A mapping; else a copy, which may use sub-page and transitive grants. */
  readonly isMap: boolean;
}

/**
 * Sets the reading and writing bits for a use, having checked the entry if it is not in use yet
 * (grants.md 3.2). False: the entry does not permit it, or the guest keeps changing it.
 */
export function claimStatus(host: Host, table: GrantTable, ref: GrantRef, use: GrantUse): boolean {
  if (table.version === 1) return claimStatusV1(host, table, ref, use);
  return claimStatusV2(host, table, ref, use);
}

/**
 * Clears what a use that ended no longer needs: writing, if it wrote and no other writer is left;
 * reading, if nobody is left (grants.md 3.2).
 */
export function reduceStatus(table: GrantTable, ref: GrantRef, isReadonly: boolean): void {
  const pin = table.active.pinOf(ref);
  let bits = 0;
  if (!isReadonly && !hasWriter(pin)) bits |= GTF_writing;
  if (pin === 0) bits |= GTF_reading;
  table.clearStatus(ref, bits);
}

/** Version 1: bits and checks share one word, so one compare-and-exchange does both. */
function claimStatusV1(host: Host, table: GrantTable, ref: GrantRef, use: GrantUse): boolean {
  const isPinned = table.active.pinOf(ref) !== 0;
  const bits = use.isReadonly ? GTF_reading : GTF_reading | GTF_writing;
  const typeMask = use.isMap ? GTF_type_mask | GTF_sub_page : GTF_type_mask;
  let header = table.headerOf(ref);
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (!isPinned && (header & typeMask) !== GTF_permit_access) return false;
    if (!isPinned && header >>> GRANTEE_SHIFT !== use.grantee) return false;
    if (!use.isReadonly && (header & GTF_readonly) !== 0) return false;
    host.stop('grant.claim/checked');
    const found = table.exchangeHeader(ref, header, (header | bits) >>> 0);
    if (found === header) return true;
    header = found;
  }
  return false;
}

/** Version 2: the bits are set first, then the entry is read once more. */
function claimStatusV2(host: Host, table: GrantTable, ref: GrantRef, use: GrantUse): boolean {
  const isPinned = table.active.pinOf(ref) !== 0;
  const header = table.headerOf(ref);
  if (!isPinned && !permits(header, use)) return false;
  if (!use.isReadonly && (header & GTF_readonly) !== 0) return false;
  host.stop('grant.claim/checked');
  table.setStatus(ref, use.isReadonly ? GTF_reading : GTF_reading | GTF_writing);
  const again = table.headerOf(ref);
  const isStillWritable = use.isReadonly || (again & GTF_readonly) === 0;
  if (!isPinned && !(permits(again, use) && isStillWritable)) {
    table.clearStatus(ref, GTF_reading | GTF_writing);
    return false;
  }
  if (isPinned && !isStillWritable) {
    table.clearStatus(ref, GTF_writing);
    return false;
  }
  return true;
}

/** Version 2: type and grantee of a header permit a first use. */
function permits(header: number, use: GrantUse): boolean {
  const flags = header & FLAGS_MASK;
  if (header >>> GRANTEE_SHIFT !== use.grantee) return false;
  const type = flags & GTF_type_mask;
  if (!use.isMap && type === GTF_transitive) return true;
  if (type !== GTF_permit_access) return false;
  return !use.isMap || (flags & GTF_sub_page) === 0;
}
