import { ALL_ONES, Gfn, INVALID_GFN } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Status } from '../../abi/status.js';
import type { GetStatusFrames, SetupTable } from '../../abi/step.js';
import { copyToGuest } from '../guest-copy.js';
import type { Domain } from '../domain.js';
import { growTable } from '../grant-frames.js';
import { isTranslated, mayActOn } from '../host.js';
import type { Host } from '../host.js';
import { rcReply } from '../replies.js';

const TWO_TO_32 = 2 ** 32;
const GFN_BYTES = 8;

/**
 * GNTTABOP_setup_table (grants.md 7.4): the table has at least `frames` frames; answers where each
 * is mapped, and maps none. A fault in the caller's list is reported and the rest still written.
 */
export function setupTable(host: Host, caller: Domain, step: SetupTable): Reply {
  if (step.count !== 1) return rcReply('-EINVAL');

  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return tableReply('bad_domain', []);
  if (!mayActOn(caller, target)) return tableReply('permission_denied', []);

  const table = target.grants;
  if (step.frames > table.maximumFrames) return tableReply('general_error', []);

  if (step.frames > table.frames.length && !growTable(host, target, step.frames)) {
    return tableReply('general_error', []);
  }

  // Nothing below this line can fail, but the caller's list may not be writable.
  const gfns: Gfn[] = [];
  let status: Status = 'okay';
  for (let frame = 0; frame < step.frames; frame += 1) {
    const mfn = table.frames[frame];
    const gfn = mfn === undefined ? INVALID_GFN : gfnIn(host, target, mfn);
    gfns.push(gfn);
    if (step.list === undefined) continue;
    const address = step.list + frame * GFN_BYTES;
    if (!copyToGuest(host, caller, address, lowHalf(gfn), highHalf(gfn))) status = 'bad_virt_addr';
  }
  return tableReply(status, status === 'okay' ? gfns : []);
}

function tableReply(status: Status, frames: readonly Gfn[]): Reply {
  return { is: 'table', status, frames };
}

function lowHalf(gfn: Gfn): number {
  return gfn === ALL_ONES ? TWO_TO_32 - 1 : gfn % TWO_TO_32;
}
function highHalf(gfn: Gfn): number {
  return gfn === ALL_ONES ? TWO_TO_32 - 1 : Math.floor(gfn / TWO_TO_32);
}

/** Where a frame of its table is in a domain; the control domain has it as the machine frame it is. */
function gfnIn(host: Host, target: Domain, mfn: Mfn): Gfn {
  return isTranslated(target) ? host.frames.gfnOf(mfn) : Gfn(mfn);
}

/** GNTTABOP_get_status_frames (grants.md 7.10): the table has as many as it has. */
export function statusFrames(host: Host, caller: Domain, step: GetStatusFrames): Reply {
  if (step.count !== 1) return rcReply('-EINVAL');
  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return tableReply('bad_domain', []);
  const frames = target.grants.statusFrames;
  if (step.frames > frames.length) return tableReply('general_error', []);

  // Nothing below this line can fail.
  const gfns = frames.slice(0, step.frames).map((mfn) => gfnIn(host, target, mfn));
  return tableReply('okay', gfns);
}
