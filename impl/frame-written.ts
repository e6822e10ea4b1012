import type { Mfn } from '../abi/ids.js';
import type { Host } from './host.js';
import { noteWritten } from './log-dirty.js';

/**
 * Bytes [from, to) of a frame were written, by anyone but a processor of its owner: the owner's
 * paging and log hear of it. Frames that belong to nobody are nobody's tables.
 */
export function frameWritten(host: Host, mfn: Mfn, from: number, to: number): void {
  if (from === to) return;
  const owner = host.domains.byId(host.frames.ownerOf(mfn));
  if (owner === undefined) return;
  noteWritten(host, owner, mfn);
  owner.paging.frameWritten(mfn, from, to);
}
