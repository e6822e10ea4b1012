import { XENMAPIDX_grant_table_status } from '../abi/grant-table.js';
import { ALL_ONES } from '../abi/ids.js';
import type { Mfn } from '../abi/ids.js';
import type { Domain } from './domain.js';
import type { Host } from './host.js';
import { getPage, shareXenPage } from './pages.js';

const TWO_TO_32 = 2 ** 32;

/** The table has this many grant frames, and the status frames they need (grants.md 7.4, 8). */
export function growTable(host: Host, domain: Domain, frameCount: number): void {
  const table = domain.grants;
  if (table.version === 2) populateStatusFrames(host, domain, frameCount);
  while (table.frames.length < frameCount) table.frames.push(shareXenPage(host, domain));
}

/** Status frames for this many grant frames (I2). */
export function populateStatusFrames(host: Host, domain: Domain, frameCount: number): void {
  const table = domain.grants;
  const statusFrameCount = table.statusFramesFor(frameCount);
  while (table.statusFrames.length < statusFrameCount) {
    table.statusFrames.push(shareXenPage(host, domain));
  }
}

/**
 * The grant or status frame that `add_to_physmap` names by an index of 32 bits, with a reference;
 * the table grows to have it (grants.md 7.14). `-EINVAL`: beyond the limit. `-EBUSY`: the guest has
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

function sharedFrame(host: Host, domain: Domain, index: number): Mfn | undefined {
  const table = domain.grants;
  if (index >= table.maximumFrames) return undefined;
  if (index >= table.frames.length) growTable(host, domain, index + 1);
  return table.frames[index];
}

/** Growth for a status frame goes in whole status frames' worth of grant frames (15, item 47). */
function statusFrame(host: Host, domain: Domain, index: number): Mfn | undefined {
  const table = domain.grants;
  if (index >= table.statusFrames.length) {
    const frameCount = table.framesForStatus(index + 1);
    if (frameCount > table.maximumFrames) return undefined;
    growTable(host, domain, frameCount);
  }
  return table.statusFrames[index];
}
