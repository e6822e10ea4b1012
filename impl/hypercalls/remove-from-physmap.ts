import type { Reply } from '../../abi/reply.js';
import type { RemoveFromPhysmap } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { getOwnFrame } from '../granted-frame.js';
import { isTranslated, mayActOn } from '../host.js';
import type { Host } from '../host.js';
import { putPage } from '../pages.js';
import { removePage } from '../physmap.js';
import { rcReply } from '../replies.js';

/** XENMEM_remove_from_physmap (p2m.md 2.9): the page has no gfn any more and stays owned. */
export function removeFromPhysmap(host: Host, caller: Domain, step: RemoveFromPhysmap): Reply {
  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return rcReply('-ESRCH');
  if (!isTranslated(target)) return rcReply('-EACCES');
  if (!mayActOn(caller, target)) return rcReply('-EPERM');

  const mfn = getOwnFrame(host, target, step.gfn);
  if (mfn === undefined) return rcReply('-ENOENT');

  const isRemoved = removePage(host, target, step.gfn);
  putPage(host, mfn);
  return rcReply(isRemoved ? 0 : '-ENOMEM');
}
