import { XENMAPIDX_grant_table_status } from '../abi/grant-table.js';
import { ALL_ONES } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { getPage, giveBackXenPage, shareXenPage, takeXenPage } from './pages.js';

const TWO_TO_32 = 2 ** 32;

/**
 * The table has this many grant frames, and the status frames they need (grants.md 7.4, 8); or, where
 * one of them cannot be had, what it had.
 */
export function growTable(host: Host, domain: Domain, frameCount: number): boolean {
  const table = domain.grants;
  const shared = takePages(host, domain, frameCount - table.frames.length);
  if (shared === undefined) return false;
  if (table.version === 2 && !populateStatusFrames(host, domain, frameCount)) {
    for (const mfn of shared) giveBackXenPage(host, domain, mfn);
    return false;
  }

  // Nothing below this line can fail.
  for (const mfn of shared) {
    shareXenPage(host, domain, mfn);
    table.frames.push(mfn);
  }
  return true;
}

/** Status frames for this many grant frames (I2), or as many as there were. */
export function populateStatusFrames(host: Host, domain: Domain, frameCount: number): boolean {
  const table = domain.grants;
  const missing = table.statusFramesFor(frameCount) - table.statusFrames.length;
  const taken = takePages(host, domain, missing);
  if (taken === undefined) return false;

  // Nothing below this line can fail.
  for (const mfn of taken) {
    shareXenPage(host, domain, mfn);
    table.statusFrames.push(mfn);
  }
  return true;
}

/** So many pages of Xen's own, or none of them. */
function takePages(host: Host, domain: Domain, count: number): readonly Mfn[] | undefined {
  const taken: Mfn[] = [];
  while (taken.length < count) {
    const mfn = takeXenPage(host, domain);
    if (mfn === undefined) {
      for (const each of taken) giveBackXenPage(host, domain, each);
      return undefined;
    }
    taken.push(mfn);
  }
  return taken;
}

/**
 * The grant or status frame that `add_to_physmap` names by an index of 32 bits, with a reference;
 * the table grows to have it (grants.md 7.14). `-EINVAL`: beyond the limit, or no frame is to be had. `-EBUSY`: the guest has
 * given the frame up, nothing references it any more.
 */
export function getTableFrame(
  host: Host,
  domain: Domain,
  index: number,
): Mfn | '-EINVAL' | '-EBUSY' {
  const truncated = index === ALL_ONES ? TWO_TO_32 - 1 : index % TWO_TO_32;
  const wantsStatus = truncated >= XENMAPIDX_grant_table_status;
  const mfn =
    wantsStatus && domain.grants.version === 2
      ? statusFrame(host, domain, truncated - XENMAPIDX_grant_table_status)
      : sharedFrame(host, domain, truncated);
  if (mfn === undefined) return '-EINVAL';
  if (!getPage(host, mfn, domain)) return '-EBUSY';
  return mfn;
}

/** The shared frame of a table by its number; the table grows to have it, if it may. */
export function sharedFrame(host: Host, domain: Domain, index: number): Mfn | undefined {
  const table = domain.grants;
  if (index >= table.maximumFrames) return undefined;
  if (index >= table.frames.length && !growTable(host, domain, index + 1)) return undefined;
  return table.frames[index];
}

/** Growth for a status frame goes in whole status frames' worth of grant frames (15, item 47). */
export function statusFrame(host: Host, domain: Domain, index: number): Mfn | undefined {
  const table = domain.grants;
  if (index >= table.statusFrames.length) {
    const frameCount = table.framesForStatus(index + 1);
    if (frameCount > table.maximumFrames) return undefined;
    if (!growTable(host, domain, frameCount)) return undefined;
  }
  return table.statusFrames[index];
}
