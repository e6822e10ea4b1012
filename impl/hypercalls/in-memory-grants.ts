import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../../abi/grant-table.js';
import { DomainId, GrantRef, GuestPhysical, Handle } from '../../abi/ids.js';
import { structures } from '../../abi/layouts.js';
import type { Field } from '../../abi/layouts.js';
import type { Machine } from '../../abi/machine.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import { statuses } from '../../abi/status.js';
import type { Rc, Status } from '../../abi/status.js';
import type { CopyElement, MapElement, SwapElement, UnmapElement } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { GuestArguments } from '../guest-arguments.js';
import { elementReply } from '../replies.js';
import { copyNext, nothingHeld, releaseBuffers } from './copy-grant.js';
import type { InMemory } from './in-memory-call.js';
import { mapOne } from './map-grant.js';
import { swapOne } from './swap-grant.js';
import { completeBatch, unmapOne } from './unmap-grant.js';
import type { Removed } from './unmap-grant.js';

/*
 * Batches of grant operations with their elements in guest memory (grants.md 5.3): an element is read,
 * done and answered, then the next is read. A fault ends the call and undoes nothing.
 */

/** Reads the element at a row; false where it cannot be read. */
function fetch({ args, base }: InMemory, row: number, size: number): boolean {
  return args.read(base, row * size, size);
}

/** Writes the status of the element at a row, and nothing else of it. */
function tell(
  { args, base }: InMemory,
  row: number,
  size: number,
  at: Field,
  status: Status,
): boolean {
  args.put(at, numberOf(status));
  return args.write(base, row * size + at[0], at[0], at[1]);
}

/** A status as it is in memory. */
export function numberOf(status: Status): number {
  return -statuses.indexOf(status);
}

function ended(rc: Rc, elements: readonly ElementReply[]): Reply {
  return { is: 'hypercall', rc, outcome: { is: 'statuses', elements } };
}

/** Whole elements go back, as they were read but for what is answered. */
export function mapInMemory(call: InMemory): Reply {
  const { args, base, step } = call;
  const { host, domain } = args;
  const { map } = structures.native;
  const elements: ElementReply[] = [];
  for (let row = 0; row < step.count; row += 1) {
    if (row > 0) host.stop('grant.map/element');
    if (call.invocation.stopsAt(row)) break;
    if (!fetch(call, row, map.bytes)) return ended('-EFAULT', elements);
    const reply = mapOne(host, domain, step.vcpu, mapElement(args));
    args.put(map.status, numberOf(reply.status));
    if (reply.handle !== undefined) args.put(map.handle, reply.handle);
    if (reply.frame !== undefined) args.put(map.busAddress, reply.frame * PAGE_BYTES);
    elements.push(reply);
    const isTold = args.write(base, row * map.bytes, 0, map.bytes);
    if (!isTold || domain.isCrashed) return ended('-EFAULT', elements);
  }
  return ended(0, elements);
}

function mapElement(args: GuestArguments): MapElement {
  const { map } = structures.native;
  return {
    granter: DomainId(args.number(map.granter)),
    ref: GrantRef(args.number(map.ref)),
    address: GuestPhysical(args.number(map.address)),
    flags: args.number(map.flags),
  };
}

/** What a batch has removed is released at its end, also where a fault is the end of it. */
export function unmapInMemory(call: InMemory): Reply {
  const { args, step } = call;
  const { host, domain } = args;
  const elements: ElementReply[] = [];
  const batch: Removed[] = [];
  let rc: Rc = 0;
  for (let row = 0; row < step.count && rc === 0; row += 1) {
    if (!unmapRow(call, row, elements, batch)) rc = '-EFAULT';
    if (rc !== 0 || (row + 1) % host.machine.unmapBatch > 0) continue;
    completeBatch(host, domain, batch);
    if (row + 1 === step.count) break;
    host.stop('grant.unmap/batch');
    if (call.invocation.stopsAt(row + 1)) break;
  }
  completeBatch(host, domain, batch);
  return ended(rc, elements);
}

function unmapRow(
  call: InMemory,
  row: number,
  elements: ElementReply[],
  batch: Removed[],
): boolean {
  const { args } = call;
  const { unmap } = structures.native;
  if (!fetch(call, row, unmap.bytes)) return false;
  const element: UnmapElement = {
    handle: Handle(args.number(unmap.handle)),
    address: GuestPhysical(args.number(unmap.address)),
    deviceAddress: args.number(unmap.busAddress),
  };
  const reply = unmapOne(args.host, args.domain, element, batch);
  elements.push(reply);
  return tell(call, row, unmap.bytes, unmap.status, reply.status);
}

export function swapInMemory(call: InMemory): Reply {
  const { args, step } = call;
  const { swap } = structures.native;
  const elements: ElementReply[] = [];
  for (let row = 0; row < step.count; row += 1) {
    if (row > 0) args.host.stop('grant.swap/element');
    if (call.invocation.stopsAt(row)) break;
    if (!fetch(call, row, swap.bytes)) return ended('-EFAULT', elements);
    const element: SwapElement = {
      first: GrantRef(args.number(swap.first)),
      second: GrantRef(args.number(swap.second)),
    };
    const status = swapOne(args.domain, element);
    elements.push(elementReply(status));
    if (!tell(call, row, swap.bytes, swap.status, status)) return ended('-EFAULT', elements);
  }
  return ended(0, elements);
}

/** Buffers are held from element to element, while statuses are written, and given back at the end. */
export function copyInMemory(call: InMemory): Reply {
  const { args, step } = call;
  const { host, domain } = args;
  const { copy } = structures.native;
  const elements: ElementReply[] = [];
  const held = nothingHeld();
  let rc: Rc = 0;
  for (let row = 0; row < step.count && rc === 0; row += 1) {
    if (row > 0) host.stop('grant.copy/element');
    if (call.invocation.stopsAt(row)) break;
    if (!fetch(call, row, copy.bytes)) {
      rc = '-EFAULT';
      continue;
    }
    const status = copyNext(host, domain, copyElement(args), held);
    elements.push(elementReply(status));
    if (!tell(call, row, copy.bytes, copy.status, status) || domain.isCrashed) rc = '-EFAULT';
  }
  releaseBuffers(host, held);
  return ended(rc, elements);
}

function copyElement(args: GuestArguments): CopyElement {
  const { copy } = structures[args.layout];
  const flags = args.number(copy.flags);
  const source = (flags & GNTCOPY_source_gref) === 0 ? copy.sourceGfn : copy.sourceRef;
  const dest = (flags & GNTCOPY_dest_gref) === 0 ? copy.destGfn : copy.destRef;
  return {
    source: {
      domain: DomainId(args.number(copy.sourceDomain)),
      at: args.number(source),
      offset: args.number(copy.sourceOffset),
    },
    dest: {
      domain: DomainId(args.number(copy.destDomain)),
      at: args.number(dest),
      offset: args.number(copy.destOffset),
    },
    length: args.number(copy.length),
    flags,
  };
}

/** Copies of a 32-bit guest that are translated together. */
function togetherOn({ compatAreaBytes }: Machine): number {
  return Math.floor(compatAreaBytes / structures.native.copy.bytes);
}

/**
 * A 32-bit guest's copies: many are read, then made, then answered, the last first. One that cannot be
 * read keeps those read with it from being made; answers that can be written are. It may have to stop
 * between two that were read together.
 */
export function compatCopyInMemory(call: InMemory): Reply {
  const { args, invocation, step } = call;
  const { host, domain } = args;
  const { copy } = structures.compat;
  const most = togetherOn(host.machine);
  const elements: ElementReply[] = [];
  for (let first = 0; first < step.count; first += most) {
    const end = Math.min(first + most, step.count);
    const together: CopyElement[] = [];
    for (let row = first; row < end; row += 1) {
      if (!fetch(call, row, copy.bytes)) return ended('-EFAULT', elements);
      together.push(copyElement(args));
    }
    const held = nothingHeld();
    for (const [row, element] of together.entries()) {
      if (row > 0) host.stop('grant.copy/element');
      if (domain.isCrashed || (row > 0 && invocation.stopsAt(first + row))) break;
      elements.push(elementReply(copyNext(host, domain, element, held)));
    }
    releaseBuffers(host, held);
    let isTold = true;
    for (let row = elements.length - 1; row >= first; row -= 1) {
      const status = elements[row]?.status ?? 'general_error';
      if (!tell(call, row, copy.bytes, copy.status, status)) isTold = false;
    }
    if (!isTold || domain.isCrashed) {
      invocation.ends();
      return ended('-EFAULT', elements);
    }
    if (invocation.stoppedAt() !== undefined) break;
  }
  return ended(0, elements);
}
