import { PFEC_P, PFEC_W } from '../abi/control.js';
import { CONTROL, DOMID_IO, DOMID_SELF, DOMID_XEN } from '../abi/ids.js';
import type { DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Access } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { WINDOW_ADDRESS } from '../abi/windows.js';
import type { MapForeign, WindowCall } from '../abi/windows.js';
import type { Domain } from './domain.js';
import { frameWritten } from './frame-written.js';
import { getOwnFrame } from './granted-frame.js';
import * as memory from './guest-memory.js';
import type { Host } from './host.js';
import { putPage } from './pages.js';
import { STORED, pageFault, rcReply, valueOf } from './replies.js';
import type { WindowEntry } from './tables/window-table.js';

/*
 * The address space of the control domain's kernel. Its page tables are not modelled, but for what
 * they lead to: an entry has a reference on its page, so that the page, and the domain, stay for as
 * long. A writable entry has a type reference as well, where the page is of a domain without a p2m:
 * pages of other guests are not counted as written through it.
 */

const TWO_TO_32 = 2 ** 32;

/** A call of the control domain's kernel about its own address space. */
export function windowCall(host: Host, step: WindowCall): Reply {
  switch (step.op) {
    case 'map_foreign':
      return mapForeign(host, step);
    case 'unmap_window':
      if (!host.windows.isThere(step.window)) return rcReply('-EINVAL');
      leaveWindow(host, step.window);
      return rcReply(0);
  }
}

function mapForeign(host: Host, step: MapForeign): Reply {
  const owner = ownerNamed(host, step.domain);
  const isOfNobody = step.domain === DOMID_IO || step.domain === DOMID_XEN;
  if (owner === undefined && !isOfNobody) return rcReply('-ESRCH');
  if (!host.windows.isThere(step.window)) return rcReply('-EINVAL');
  const mfn = owner === undefined ? undefined : getOwnFrame(host, owner, step.gfn);
  if (mfn === undefined) {
    return rcReply(isOfNobody || step.domain === DOMID_SELF ? '-EBUSY' : '-EINVAL');
  }
  const entry = { mfn, isReadonly: step.readonly };
  if (!takeType(host, entry)) {
    putPage(host, mfn);
    return rcReply('-EBUSY');
  }

  // Nothing below this line can fail.
  enterWindow(host, step.window, entry);
  return rcReply(0);
}

/** By its number the control domain is no foreign domain. */
function ownerNamed(host: Host, id: DomainId): Domain | undefined {
  if (id === DOMID_SELF) return host.control();
  return id === CONTROL ? undefined : host.domains.byId(id);
}

/** Makes an entry that brings its references; what was there loses its own. */
export function enterWindow(host: Host, window: number, entry: WindowEntry): void {
  const old = host.windows.entryAt(window);
  host.windows.set(window, entry);
  if (old !== undefined) putEntry(host, old);
}

/** Empties a window. */
function leaveWindow(host: Host, window: number): void {
  const old = host.windows.entryAt(window);
  if (old === undefined) return;
  host.windows.clear(window);
  putEntry(host, old);
}

/** A writable entry takes a type reference, where it holds one; false if it cannot be had. */
export function takeType(host: Host, entry: WindowEntry): boolean {
  return !holdsWindowType(host, entry) || host.frames.referenceWritable(entry.mfn);
}

export function holdsWindowType(host: Host, { mfn, isReadonly }: WindowEntry): boolean {
  return !isReadonly && host.frames.ownerOf(mfn) === CONTROL;
}

export function putEntry(host: Host, entry: WindowEntry): void {
  if (holdsWindowType(host, entry)) host.frames.dereferenceWritable(entry.mfn);
  putPage(host, entry.mfn);
}

/** A load, store or comparison by the control domain's kernel, at a linear address. */
export type WindowAccess = Extract<Access, { op: 'load' | 'store' | 'cmpxchg' }>;

export function accessWindow(host: Host, step: WindowAccess): Reply {
  const { address, size } = step;
  const offset = address % PAGE_BYTES;
  const isWrite = step.op !== 'load';
  const first = windowEntry(host, address);
  const refusedFirst = faultOf(first, isWrite, address);
  if (refusedFirst !== undefined) return refusedFirst;
  let last = first;
  if (memory.crossesPages(offset, size)) {
    const second = address - offset + PAGE_BYTES;
    last = windowEntry(host, second);
    const refusedLast = faultOf(last, isWrite, second);
    if (refusedLast !== undefined) return refusedLast;
  }
  return accessEntries(host, step, first, last);
}

function accessEntries(
  host: Host,
  step: WindowAccess,
  first: WindowEntry | undefined,
  last: WindowEntry | undefined,
): Reply {
  const [from, to] = [first?.mfn ?? memory.NO_FRAME, last?.mfn ?? memory.NO_FRAME];
  const { size } = step;
  const offset = step.address % PAGE_BYTES;
  if (step.op === 'store') {
    memory.write(host, from, to, offset, size, step.value);
    tell(host, step, from, to);
    return STORED;
  }
  const old = memory.read(host, from, to, offset, size);
  if (step.op === 'cmpxchg' && memory.isSame(old, step.expected, size)) {
    memory.write(host, from, to, offset, size, step.value);
    tell(host, step, from, to);
  }
  return valueOf(old);
}

/** The owners hear of it: it may be a page table, and its writes may be logged. */
function tell(
  host: Host,
  { address, size }: WindowAccess,
  from: WindowEntry['mfn'],
  to: WindowEntry['mfn'],
): void {
  const offset = address % PAGE_BYTES;
  const end = offset + size;
  frameWritten(host, from, offset, Math.min(end, PAGE_BYTES));
  if (end > PAGE_BYTES) frameWritten(host, to, 0, end - PAGE_BYTES);
}

/** The window of a linear address, wherever that is. */
export function windowAt(host: Host, address: number): number | undefined {
  const window = Math.floor((address - WINDOW_ADDRESS) / PAGE_BYTES);
  return host.windows.isThere(window) ? window : undefined;
}

function windowEntry(host: Host, address: number): WindowEntry | undefined {
  const window = windowAt(host, address);
  return window === undefined ? undefined : host.windows.entryAt(window);
}

function faultOf(
  entry: WindowEntry | undefined,
  isWrite: boolean,
  address: number,
): Reply | undefined {
  const isRefused = entry === undefined || (isWrite && entry.isReadonly);
  if (!isRefused) return undefined;
  const code = (isWrite ? PFEC_W : 0) | (entry === undefined ? 0 : PFEC_P);
  return pageFault(code, { low: address % TWO_TO_32, high: Math.floor(address / TWO_TO_32) });
}
