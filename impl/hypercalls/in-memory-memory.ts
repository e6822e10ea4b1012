import { DomainId, Gfn } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import { structures } from '../../abi/layouts.js';
import type { Machine } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import { errnoNumbers } from '../../abi/status.js';
import type { Errno, Rc } from '../../abi/status.js';
import { XENMAPSPACE_gmfn_range } from '../../abi/step.js';
import type { AddToPhysmap, AddToPhysmapBatch, PhysmapEntry, Reservation } from '../../abi/step.js';
import { unstopped } from '../invocation.js';
import { addToPhysmap, addToPhysmapBatch } from './add-to-physmap.js';
import { exchangeRc } from './exchange.js';
import { extentsInMemory } from './in-memory-extents.js';
import { refused } from './in-memory-call.js';
import type { InMemory } from './in-memory-call.js';
import { removeFromPhysmap } from './remove-from-physmap.js';
import { reservation } from './reservation.js';

/* Memory operations with their arguments in guest memory (p2m.md 2.9). */

const UNREAD: Reply = { is: 'hypercall', rc: '-EFAULT', outcome: undefined };

function ended(outcome: Reply): Reply {
  return { is: 'hypercall', rc: 'rc' in outcome ? outcome.rc : 0, outcome };
}

/** The command's low bits are the operation, the others the first extent to do. */
export function memoryOpInMemory(call: InMemory): Reply {
  const operation = call.step.command % 2 ** abi.MEMOP_EXTENT_SHIFT;
  const start = Math.floor(call.step.command / 2 ** abi.MEMOP_EXTENT_SHIFT);
  switch (operation) {
    case abi.XENMEM_increase_reservation:
    case abi.XENMEM_decrease_reservation:
    case abi.XENMEM_populate_physmap:
      return extentsInMemory(call, operation, start);
    case abi.XENMEM_add_to_physmap:
      return start > abi.PHYSMAP_START_MAXIMUM ? refused('-EDOM') : addInMemory(call, start);
    case abi.XENMEM_add_to_physmap_batch:
      return start > abi.PHYSMAP_START_MAXIMUM ? refused('-EDOM') : addBatchInMemory(call, start);
    case abi.XENMEM_current_reservation:
      return start > 0 ? refused('-EINVAL') : reservationInMemory(call, 'current_reservation');
    case abi.XENMEM_maximum_reservation:
      return start > 0 ? refused('-EINVAL') : reservationInMemory(call, 'maximum_reservation');
    case abi.XENMEM_maximum_gpfn:
      return start > 0 ? refused('-EINVAL') : reservationInMemory(call, 'maximum_gpfn');
    case abi.XENMEM_remove_from_physmap:
      return start > 0 ? refused('-EINVAL') : removeInMemory(call);
    case abi.XENMEM_exchange:
      return start > 0 ? refused('-EINVAL') : exchangeInMemory(call);
    default:
      return refused('-ENOSYS');
  }
}

function reservationInMemory({ args, base, step }: InMemory, op: Reservation['op']): Reply {
  const { domain: at } = structures.native;
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const { host, domain } = args;
  const target = DomainId(args.number(at.id));
  return ended(reservation(host, domain, { op, caller: domain.id, vcpu: step.vcpu, target }));
}

function removeInMemory({ args, base, step }: InMemory): Reply {
  const { host, domain, layout } = args;
  const { removeFromPhysmap: at } = structures[layout];
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const target = DomainId(args.number(at.domain));
  const gfn = Gfn(args.number(at.gfn));
  const by = { caller: domain.id, vcpu: step.vcpu } as const;
  return ended(removeFromPhysmap(host, domain, { op: 'remove_from_physmap', ...by, target, gfn }));
}

/** Only a range goes on from a page other than its first; that it is allowed is asked before. */
function addInMemory({ args, base, step, invocation }: InMemory, start: number): Reply {
  const { host, domain, layout } = args;
  const { addToPhysmap: at } = structures[layout];
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const asked: AddToPhysmap = {
    op: 'add_to_physmap',
    caller: domain.id,
    vcpu: step.vcpu,
    target: DomainId(args.number(at.domain)),
    space: args.number(at.space),
    index: args.number(at.index),
    gfn: Gfn(args.number(at.gfn)),
    size: args.number(at.size),
  };
  if (start === 0 || asked.space !== XENMAPSPACE_gmfn_range) {
    return ended(addToPhysmap(host, domain, asked, invocation));
  }
  const allowed = addToPhysmap(host, domain, { ...asked, size: 0 }, unstopped);
  if (allowed.is === 'rc' && allowed.rc !== 0) return ended(allowed);
  if (asked.size < start) return ended({ is: 'rc', rc: '-EILSEQ' });
  const rest = { index: asked.index + start, gfn: Gfn(asked.gfn + start) };
  const left = { ...asked, ...rest, size: asked.size - start };
  const reply = addToPhysmap(host, domain, left, invocation);
  const done = invocation.stoppedAt();
  return ended(done === undefined ? reply : { is: 'rc', rc: start + done });
}

/** Entries of a 32-bit guest that are translated together: two native numbers each. */
function togetherOn({ compatAreaBytes }: Machine): number {
  return Math.floor((compatAreaBytes - structures.native.addToPhysmapBatch.bytes) / 16);
}

/** The lists of a batch: where they are in guest memory, and how many entries it has. */
interface Lists {
  readonly call: InMemory;
  readonly size: number;
  readonly indexes: InMemory['base'];
  readonly gfns: InMemory['base'];
  readonly errors: InMemory['base'];
}

function addBatchInMemory(call: InMemory, start: number): Reply {
  const { args, base, step } = call;
  const { host, domain, layout } = args;
  const { addToPhysmapBatch: at } = structures[layout];
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const lists: Lists = {
    call,
    size: args.number(at.size),
    indexes: args.address(at.indexes),
    gfns: args.address(at.gfns),
    errors: args.address(at.errors),
  };
  const asked: AddToPhysmapBatch = {
    op: 'add_to_physmap_batch',
    caller: domain.id,
    vcpu: step.vcpu,
    target: DomainId(args.number(at.domain)),
    space: args.number(at.space),
    foreign: args.number(at.foreign),
    entries: [],
  };
  const early = layout === 'native' ? [] : readEntries(lists, start, togetherOn(host.machine));
  if (early === undefined) return batchEnded('-EFAULT', []);
  const allowed = addToPhysmapBatch(host, domain, asked, unstopped);
  if (allowed.is !== 'errors' || allowed.rc !== 0) return ended(allowed);
  if (lists.size < start || (lists.size === start && start > 0)) return batchEnded('-EILSEQ', []);
  return addEntries(lists, asked, start, early);
}

/** Entry by entry: read, done, answered. */
function addEntries(
  lists: Lists,
  asked: AddToPhysmapBatch,
  start: number,
  early: readonly PhysmapEntry[],
): Reply {
  const { args } = lists.call;
  const errors: (0 | Errno)[] = [];
  let read = early;
  let next = 0;
  for (let row = start; row < lists.size; row += 1) {
    if (row > start) args.host.stop('physmap/extent');
    if (lists.call.invocation.stopsAt(row - start)) return batchEnded(0, errors);
    if (next === read.length) {
      const more = readEntries(
        lists,
        row,
        args.layout === 'native' ? 1 : togetherOn(args.host.machine),
      );
      if (more === undefined) return batchEnded('-EFAULT', errors);
      read = more;
      next = 0;
    }
    const entries = read.slice(next, next + 1);
    const reply = addToPhysmapBatch(args.host, args.domain, { ...asked, entries }, unstopped);
    next += 1;
    const error = reply.is === 'errors' ? reply.errors[0] : undefined;
    if (error === undefined || error === 'untouched') return batchEnded('-EINVAL', errors);
    errors.push(error);
    args.put(ERROR, error === 0 ? 0 : errnoNumbers[error]);
    if (!args.write(lists.errors, row * ERROR[1], ERROR[0], ERROR[1])) {
      return batchEnded('-EFAULT', errors);
    }
    if (args.domain.isCrashed) break;
  }
  return batchEnded(0, errors);
}

const { number: ERROR } = structures.native.error;

function batchEnded(rc: 0 | Errno, errors: readonly (0 | Errno)[]): Reply {
  return { is: 'hypercall', rc, outcome: { is: 'errors', rc, errors } };
}

/** Up to `count` entries from a row on; undefined where one cannot be read. */
function readEntries(lists: Lists, first: number, count: number): PhysmapEntry[] | undefined {
  const { args } = lists.call;
  const { frame } = structures[args.layout];
  const entries: PhysmapEntry[] = [];
  const end = Math.min(lists.size, first + count);
  for (let row = first; row < end; row += 1) {
    if (!args.read(lists.indexes, row * frame.bytes, frame.bytes)) return undefined;
    const index = args.number(frame.number);
    if (!args.read(lists.gfns, row * frame.bytes, frame.bytes)) return undefined;
    entries.push({ index, gfn: Gfn(args.number(frame.number)) });
  }
  return entries;
}

/** Says how many extents are done by writing it back, whatever it answers (p2m.md 2.9). */
function exchangeInMemory({ args, base }: InMemory): Reply {
  const { host, domain, layout } = args;
  const { exchange: at, reservation: given, frame } = structures[layout];
  if (!args.read(base, 0, at.bytes)) return UNREAD;
  const of = ([from, bytes]: abi.Field): number => args.number([at.taken + from, bytes]);
  const asked = {
    target: DomainId(args.number(given.domain)),
    given: args.number(given.count),
    givenOrder: args.number(given.order),
    taken: of(given.count),
    takenOrder: of(given.order),
  };
  let done = args.number(at.done);
  const isIncoherent = done > asked.given || of(given.domain) !== asked.target;
  if (layout === 'compat') {
    const isTooLarge = Math.max(asked.givenOrder, asked.takenOrder) > abi.ORDER_MAXIMUM;
    const isUneven = asked.given * 2 ** asked.givenOrder !== asked.taken * 2 ** asked.takenOrder;
    if (isIncoherent || isTooLarge || isUneven) {
      return ended({ is: 'exchanged', rc: '-EINVAL', count: done });
    }
  }
  const list = args.address(given.extents);
  const isDone = done === asked.given;
  const first = (): Gfn | undefined => {
    const chunk = 2 ** Math.max(0, asked.takenOrder - asked.givenOrder);
    done = Math.floor(done / chunk) * chunk;
    if (!args.read(list, done * frame.bytes, frame.bytes)) return undefined;
    return Gfn(args.number(frame.number));
  };
  const rc: Rc = exchangeRc(host, domain, asked, first, isIncoherent, isDone);
  args.put(at.done, done);
  const isTold = args.write(base, at.done[0], at.done[0], at.done[1]);
  const outcome: Reply = { is: 'exchanged', rc, count: done };
  return { is: 'hypercall', rc: isTold ? rc : '-EFAULT', outcome };
}
