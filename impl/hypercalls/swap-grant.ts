import type { ElementReply, Reply } from '../../abi/reply.js';
import type { Status } from '../../abi/status.js';
import type { SwapElement, SwapGrant } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { elementReply } from '../replies.js';

/** GNTTABOP_swap_grant_ref (grants.md 7.12): two entries of the caller's own table change places. */
export function swapGrant(
  host: Host,
  caller: Domain,
  step: SwapGrant,
  invocation: Invocation,
): Reply {
  const elements: ElementReply[] = [];
  for (const element of step.elements.slice(invocation.start)) {
    if (elements.length > 0) host.stop('grant.swap/element');
    if (invocation.stopsAt(invocation.start + elements.length)) break;
    elements.push(elementReply(swapOne(caller, element)));
  }
  return { is: 'statuses', elements };
}

/** A ref with itself is okay even in use; otherwise neither may be. */
export function swapOne(caller: Domain, { first, second }: SwapElement): Status {
  const table = caller.grants;
  if (first >= table.refCount()) return 'bad_gntref';
  if (second >= table.refCount()) return 'bad_gntref';
  if (first === second) return 'okay';
  if (table.active.pinOf(first) !== 0) return 'eagain';
  if (table.active.pinOf(second) !== 0) return 'eagain';

  // Nothing below this line can fail.
  table.swap(first, second);
  return 'okay';
}
