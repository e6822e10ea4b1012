import { PFEC_I, PFEC_P, PFEC_U, PFEC_W } from '../abi/control.js';
import { Mfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { LinearAccess } from '../abi/step.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../abi/word.js';
import { accessAt, loadAt, refusedFetch } from './access.js';
import { AssertionFailed } from './assert.js';
import type { Domain } from './domain.js';
import * as memory from './guest-memory.js';
import { setAccessedAndDirty, walkGuest } from './guest-walk.js';
import { REFUSED } from './hardware/cpu.js';
import { ACCESS_AC, ACCESS_IMPLICIT } from './hardware/rights.js';
import type { Host } from './host.js';
import { CRASHED, GENERAL_PROTECTION, STORED, pageFault, valueOf } from './replies.js';
import { isReadonlyRam } from './tables/p2m-entry.js';
import { isLongMode } from './vcpu.js';
import type { Vcpu } from './vcpu.js';

/*
 * Guest accesses by linear address (p2m.md 3). The processor translates, and what it finds is read
 * and written by machine address. Where it cannot, the domain's paging says what to do; what it
 * cannot put right the hypervisor does itself (`walkAndAccess`): by a walk of its own, and by what
 * the p2m has at the pages.
 */

/** In a row, for one access. More would mean that putting one page right undoes the other. */
const RETRIES = 16;
const ENDLESS = 'an access that is retried comes to an end';
/** In the place of a machine address (`reach`): the guest gets a page fault, ... */
export const FAULT = -1;
/** ... or the hypervisor makes the access itself. */
export const WALK = -2;
const OFFSET_MASK = PAGE_BYTES - 1;

/** A guest accesses memory through its page tables. */
export function accessLinear(host: Host, domain: Domain, vcpu: Vcpu, step: LinearAccess): Reply {
  const { size } = step;
  const { low } = step.linear;
  const high = isLongMode(vcpu) ? step.linear.high : 0;
  if (!vcpu.cpu.isReachable(high, low, size)) return GENERAL_PROTECTION;
  const access = accessOf(step);
  const reply = memory.crossesPages(low & OFFSET_MASK, size)
    ? accessTwo(host, domain, vcpu, step, high, low, access)
    : accessOne(host, domain, vcpu, step, high, low, access);
  // A page that was asked for was not to be had.
  return domain.isCrashed ? CRASHED : reply;
}

/**
 * The machine byte address of an access inside a page, once the processor can translate it; `FAULT`
 * with `vcpu.faultCode`, or `WALK`, as `Resolution` has it. Allocates nothing.
 */
export function reach(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  high: number,
  low: number,
  access: number,
): number {
  const found = vcpu.cpu.translate(high, low, access);
  return found >= 0 ? found : reachAfterExit(host, domain, vcpu, high, low, access);
}

/** The same after the processor refused: what it exited for is put right as often as it can be. */
function reachAfterExit(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  high: number,
  low: number,
  access: number,
): number {
  for (let attempt = 0; attempt <= RETRIES; attempt += 1) {
    host.counters.exits += 1;
    const resolution = domain.paging.resolve(vcpu, high, low, access);
    if (resolution === 'fault') return FAULT;
    if (resolution === 'walk') return WALK;
    host.counters.retries += 1;
    const found = vcpu.cpu.translate(high, low, access);
    if (found !== REFUSED) return found;
  }
  throw new AssertionFailed(ENDLESS);
}

/** What an access asks of the pages, as the processor takes it. Atomics are writes. */
function accessOf({ op, as }: LinearAccess): number {
  const kind = op === 'load_linear' ? 0 : op === 'fetch_linear' ? PFEC_I : PFEC_W;
  switch (as) {
    case 'user':
      return kind | PFEC_U;
    case 'kernel':
      return kind;
    case 'kernel_ac':
      return kind | ACCESS_AC;
    case 'implicit':
      return kind | ACCESS_IMPLICIT;
  }
}

/** An access inside a page. */
function accessOne(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  step: LinearAccess,
  high: number,
  low: number,
  access: number,
): Reply {
  const found = reach(host, domain, vcpu, high, low, access);
  if (found === FAULT) return pageFault(vcpu.faultCode, { low, high });
  if (found === WALK) return walkAndAccess(host, domain, vcpu, step, high, low, access);
  const mfn = frameOf(found);
  return accessFrames(host, step, mfn, mfn, low & OFFSET_MASK);
}

/**
 * The same across the end of a page. The first page is judged, then the second, before anything is
 * put right for one of them.
 */
function accessTwo(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  step: LinearAccess,
  high: number,
  low: number,
  access: number,
): Reply {
  const { cpu } = vcpu;
  for (let attempt = 0; attempt <= RETRIES; attempt += 1) {
    if (cpu.translateTwo(high, low, access)) {
      const first = frameOf(cpu.firstAddress);
      return accessFrames(host, step, first, frameOf(cpu.secondAddress), low & OFFSET_MASK);
    }
    host.counters.exits += 1;
    const { faultHigh, faultLow } = cpu;
    const fault = walkBoth(host, domain, vcpu, high, low, access, step.size);
    if (fault !== undefined) return fault;
    const resolution = domain.paging.resolve(vcpu, faultHigh, faultLow, access);
    if (resolution !== 'retry') {
      return walkAndAccess(host, domain, vcpu, step, high, low, access);
    }
    host.counters.retries += 1;
  }
  throw new AssertionFailed(ENDLESS);
}

/** The processor found the frames: nothing is left to ask. */
function accessFrames(
  host: Host,
  step: LinearAccess,
  first: Mfn,
  last: Mfn,
  offset: number,
): Reply {
  const { size } = step;
  host.counters.linearAccesses += 1;
  if (step.op === 'store_linear') {
    memory.write(host, first, last, offset, size, step.value);
    return STORED;
  }
  const old = memory.read(host, first, last, offset, size);
  if (step.op === 'xadd_linear') {
    memory.write(host, first, last, offset, size, memory.sumOf(old, step.value));
  }
  if (step.op === 'cmpxchg_linear' && memory.isSame(old, step.expected, size)) {
    memory.write(host, first, last, offset, size, step.value);
  }
  return valueOf(old);
}

/** Fresh walks of the one or two pages of an access: the page fault that it gets, if any. */
function walkBoth(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  high: number,
  low: number,
  access: number,
  size: number,
): Reply | undefined {
  if (!walkGuest(host, domain, vcpu, high, low, access, host.walk)) {
    return pageFault(host.walk.code, { low, high });
  }
  if (!memory.crossesPages(low & OFFSET_MASK, size)) return undefined;
  const nextLow = ((low | OFFSET_MASK) + 1) >>> 0;
  const carry = nextLow === 0 && isLongMode(vcpu) ? 1 : 0;
  const nextHigh = (high + carry) >>> 0;
  if (walkGuest(host, domain, vcpu, nextHigh, nextLow, access, host.secondWalk)) return undefined;
  return pageFault(host.secondWalk.code, { low: nextLow, high: nextHigh });
}

/** The hypervisor walks the guest's tables, marks what it passed, and makes the access itself. */
function walkAndAccess(
  host: Host,
  domain: Domain,
  vcpu: Vcpu,
  step: LinearAccess,
  high: number,
  low: number,
  access: number,
): Reply {
  const fault = walkBoth(host, domain, vcpu, high, low, access, step.size);
  if (fault !== undefined || domain.isCrashed) return fault ?? CRASHED;

  // Nothing below this line can fault in the guest's tables.
  host.counters.emulated += 1;
  const offset = low & OFFSET_MASK;
  const isOne = !memory.crossesPages(offset, step.size);
  setAccessedAndDirty(host, host.walk, access);
  if (!isOne) setAccessedAndDirty(host, host.secondWalk, access);
  let first = memory.translate(host, domain, host.walk.gfn);
  if (domain.isCrashed) return CRASHED;
  const isEnded = step.op === 'store_linear' && isReadonlyRam(first);
  const last = isOne || isEnded ? first : memory.translate(host, domain, host.secondWalk.gfn);
  if (domain.isCrashed) return CRASHED;
  if (!isOne) first = memory.lookUp(host, domain, host.walk.gfn);
  if (step.op !== 'fetch_linear') return accessAt(host, step, first, last, offset);
  const code = PFEC_P | PFEC_I | (access & PFEC_U);
  const refused = refusedFetch(host, domain, first, code, { low, high });
  return refused ?? loadAt(host, step.size, first, last, offset);
}

function frameOf(machineAddress: number): Mfn {
  return Mfn(machineAddress >>> PAGE_SHIFT);
}
