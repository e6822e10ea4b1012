import { DOMID_SELF, DomainId } from '../../abi/ids.js';
import { structures } from '../../abi/layouts.js';
import type { Reply } from '../../abi/reply.js';
import type { Rc } from '../../abi/status.js';
import type { SetupTable } from '../../abi/step.js';
import type { InMemory } from './in-memory-call.js';
import { numberOf } from './in-memory-grants.js';
import { getVersion, querySize } from './query-table.js';
import { setVersion } from './set-version.js';
import { setupTable } from './setup-table.js';

/* Grant operations on a table, their one argument in guest memory (grants.md 5.3). */

const UNREAD: Reply = { is: 'hypercall', rc: '-EFAULT', outcome: undefined };

function ended(outcome: Reply, isTold: boolean): Reply {
  return { is: 'hypercall', rc: isTold ? rcOf(outcome) : '-EFAULT', outcome };
}

function rcOf(reply: Reply): Rc {
  return 'rc' in reply ? reply.rc : 0;
}

/**
 * The list is written, then the status: natively as much of the list as can be, and the status alone;
 * for 32-bit guests the list up to the first fault, and the whole argument as it was read.
 */
export function setupTableInMemory(call: InMemory): Reply {
  const { args, base, step } = call;
  const { host, domain, layout } = args;
  const { setupTable: at, frame } = structures[layout];
  const isNative = layout === 'native';
  if (!isNative && step.count === 0) return { is: 'hypercall', rc: 0, outcome: undefined };
  const asked = { op: 'setup_table', caller: domain.id, vcpu: step.vcpu, list: undefined } as const;
  const { count } = step;
  if (count !== 1) {
    return ended(
      setupTable(host, domain, { ...asked, count, target: DOMID_SELF, frames: 0 }),
      true,
    );
  }
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const target = DomainId(args.number(at.domain));
  const named: SetupTable = { ...asked, count, target, frames: args.number(at.frames) };
  let reply = setupTable(host, domain, named);
  if (reply.is !== 'table') return ended(reply, true);
  // The argument stays where it was read; behind it there is room for one number of the list.
  const list = args.address(at.list);
  let isListed = true;
  for (const [row, gfn] of reply.frames.entries()) {
    if (!isNative && !isListed) break;
    args.put([LIST_ITEM, frame.bytes], gfn);
    if (!args.write(list, row * frame.bytes, LIST_ITEM, frame.bytes)) isListed = false;
  }
  if (!isListed) reply = { is: 'table', status: 'bad_virt_addr', frames: [] };
  args.put(at.status, numberOf(reply.status));
  const [from, bytes] = isNative ? at.status : [0, at.bytes];
  return ended(reply, args.write(base, from, from, bytes));
}

const LIST_ITEM = 72;

/** The whole argument goes back; its numbers are the guest's own where there are none to tell. */
export function querySizeInMemory({ args, base, step }: InMemory): Reply {
  const { host, domain } = args;
  const { querySize: at } = structures.native;
  const asked = {
    op: 'query_size',
    caller: domain.id,
    vcpu: step.vcpu,
    count: step.count,
  } as const;
  if (step.count !== 1)
    return ended(querySize(host, domain, { ...asked, target: DOMID_SELF }), true);
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const reply = querySize(host, domain, { ...asked, target: DomainId(args.number(at.domain)) });
  if (reply.is !== 'size') return ended(reply, true);
  if (reply.status === 'okay') {
    args.put(at.frames, reply.frames);
    args.put(at.maximum, reply.maximum);
  }
  args.put(at.status, numberOf(reply.status));
  return ended(reply, args.write(base, 0, 0, at.bytes));
}

/** The version in force goes back, whatever came of the call. */
export function setVersionInMemory({ args, base, step }: InMemory): Reply {
  const { host, domain } = args;
  const { setVersion: at } = structures.native;
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const version = args.number(at.version);
  const asked = { op: 'set_version', caller: domain.id, vcpu: step.vcpu, version } as const;
  const reply = setVersion(host, domain, asked);
  args.put(at.version, domain.grants.version);
  return ended(reply, args.write(base, 0, 0, at.bytes));
}

export function getVersionInMemory({ args, base, step }: InMemory): Reply {
  const { host, domain } = args;
  const { getVersion: at } = structures.native;
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const target = DomainId(args.number(at.domain));
  const asked = { op: 'get_version', caller: domain.id, vcpu: step.vcpu, target } as const;
  const reply = getVersion(host, domain, asked);
  if (reply.is !== 'version' || reply.rc !== 0) return ended(reply, true);
  args.put(at.version, reply.version);
  return ended(reply, args.write(base, at.version[0], at.version[0], at.version[1]));
}
