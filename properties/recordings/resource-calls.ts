import { CONTROL } from '../../abi/ids.js';
import { RESOURCE_grant_frames } from '../../abi/resources.js';
import type { Fields } from './fields.js';
import type { By } from './memory-calls.js';
import {
  notBuilt,
  rcOf,
  single,
  u32,
  u64,
  valued,
  type Meaning,
  type NotBuilt,
} from './meaning.js';

export function claim(args: Fields, by: By): Meaning {
  const pages = u64(args.quantity('n'));
  const order = args.has('order') ? u32(args.quantity('order')) : 0;
  return valued({ ...by, op: 'claim_pages', pages, order });
}

/** acquire_resource of a grant table; which frames they are is the hypervisor's choice. */
export function acquire(args: Fields, by: By): Meaning | NotBuilt {
  if (args.has('gfns') && by.caller === CONTROL) return notBuilt('mem.acquire at gfns');
  const isQuery = args.has('query') && args.boolean('query');
  const id = args.has('id') ? u32(args.quantity('id')) : RESOURCE_grant_frames;
  const frame = args.has('frame') ? u64(args.quantity('frame')) : 0;
  const count = args.has('nr') ? u32(args.quantity('nr')) : 1;
  const call = { ...by, op: 'acquire_resource', id, frame, count, isQuery } as const;
  return single(call, (result) => {
    const rc = rcOf(result.raw('rc'));
    const isListed = rc !== 0 || isQuery || result.list('frames').length === count;
    return rc === undefined || !isListed
      ? undefined
      : { is: 'resource', rc, count: u32(result.quantity('nr')) };
  });
}
