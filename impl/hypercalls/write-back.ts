import { GNTTAB_CACHE_CLEAN, GNTTAB_CACHE_INVAL } from '../../abi/grant-table.js';
import { GrantRef, Mfn } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Rc } from '../../abi/status.js';
import type { WriteBack, FlushElement } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import { putPage } from '../pages.js';
import { rcReply } from '../replies.js';

const KNOWN_FLAGS = GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL;

/**
 * GNTTABOP_cache_flush (grants.md 7.13): up to the first element that is refused. The processors of
 * this machine are coherent with its memory, so that who may ask is all there is to it.
 */
export function writeBack(host: Host, caller: Domain, step: WriteBack): Reply {
  for (const element of step.elements) {
    const rc = flushOne(host, caller, element);
    if (rc !== 0) return rcReply(rc);
  }
  return rcReply(0);
}

function flushOne(host: Host, caller: Domain, element: FlushElement): Rc {
  const { deviceAddress, offset, length, flags } = element;
  if (offset >= PAGE_BYTES || offset + length > PAGE_BYTES) return '-EINVAL';
  if ((flags & ~KNOWN_FLAGS) !== 0) return '-EINVAL';
  if (length === 0 || flags === 0) return 0;

  const frame = Math.floor(deviceAddress / PAGE_BYTES);
  if (frame >= host.ram.frameCount) return '-EINVAL';
  const mfn = Mfn(frame);
  if (!host.frames.reference(mfn)) return '-EPERM';
  const owner = host.domains.byId(host.frames.ownerOf(mfn));
  const isAllowed = owner === caller || (owner !== undefined && isMapped(owner, caller, mfn));
  putPage(host, mfn);
  if (!isAllowed) return '-EINVAL';
  return flags === GNTTAB_CACHE_INVAL ? '-EOPNOTSUPP' : 0;
}

/** Some grant of the page is in use by the caller. */
function isMapped({ grants }: Domain, caller: Domain, mfn: Mfn): boolean {
  const { active } = grants;
  for (let row = 0; row < grants.refCount(); row += 1) {
    const ref = GrantRef(row);
    if (active.pinOf(ref) === 0 || active.granteeOf(ref) !== caller.id) continue;
    if (active.mfnOf(ref) === mfn) return true;
  }
  return false;
}
