import { PFEC_W } from '../abi/control.js';
import type { Mfn } from '../abi/ids.js';
import type { Field, Layout } from '../abi/layouts.js';
import type { Hypercall } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import type { Word } from '../abi/word.js';
import type { Domain } from './domain.js';
import { frameWritten } from './frame-written.js';
import { setAccessedAndDirty, walkGuest } from './guest-walk.js';
import { ACCESS_AC } from './hardware/rights.js';
import type { Host } from './host.js';
import { demand } from './on-demand.js';
import { getPage, putPage } from './pages.js';
import { isRam, isReadonlyRam, mfnOf } from './tables/p2m-entry.js';
import type { Vcpu } from './vcpu.js';

const TWO_TO_32 = 2 ** 32;
const HALF_BYTES = 4;
/** The double below 2^64, which stands for all ones alone. */
const BELOW_ALL_ONES = TWO_TO_32 ** 2 - 2048;
const OFFSET_MASK = PAGE_BYTES - 1;

/**
 * The memory of who makes a hypercall, as the hypervisor copies from and to it (p2m.md 3.5): by a walk
 * of the guest's tables for each page, now, as the kernel; only RAM that the guest owns will do. No
 * fault is raised. Bytes that were read are in `bytes`, in the layout of the caller.
 */
export class GuestArguments {
  readonly host: Host;
  readonly domain: Domain;
  readonly layout: Layout;
  readonly bytes = new DataView(new ArrayBuffer(ARGUMENT_BYTES));
  readonly #vcpu: Vcpu;
  readonly #rights: number;

  constructor(host: Host, domain: Domain, vcpu: Vcpu, step: Hypercall) {
    this.host = host;
    this.domain = domain;
    this.layout = step.layout;
    this.#vcpu = vcpu;
    this.#rights = step.as === 'kernel_ac' ? ACCESS_AC : 0;
  }

  /** Reads `size` bytes at `offset` of a linear address; false where one cannot be read. */
  read(linear: Word, offset: number, size: number): boolean {
    for (let done = 0; done < size;) {
      const at = linear.low + offset + done;
      const start = at & OFFSET_MASK;
      const length = Math.min(size - done, PAGE_BYTES - start);
      const page = this.#getPage(linear.high, at, this.#rights);
      if (page === undefined) return false;
      for (let byte = 0; byte < length; byte += 1) {
        this.bytes.setUint8(done + byte, this.host.ram.load8(page, start + byte));
      }
      putPage(this.host, page);
      done += length;
    }
    return true;
  }

  /**
   * Writes bytes [from, from + size) at `offset` of a linear address; those of earlier pages stay. What
   * goes to readonly RAM vanishes.
   */
  write(linear: Word, offset: number, from: number, size: number): boolean {
    for (let done = 0; done < size;) {
      const at = linear.low + offset + done;
      const start = at & OFFSET_MASK;
      const length = Math.min(size - done, PAGE_BYTES - start);
      const page = this.#getPage(linear.high, at, this.#rights | PFEC_W);
      if (page === undefined) return false;
      if (!isReadonlyRam(this.domain.p2m.lookup(this.host.argumentWalk.gfn))) {
        this.#store(page, start, from + done, length);
      }
      putPage(this.host, page);
      done += length;
    }
    return true;
  }

  #store(page: Mfn, start: number, from: number, length: number): void {
    for (let byte = 0; byte < length; byte += 1) {
      this.host.ram.store8(page, start + byte, this.bytes.getUint8(from + byte));
    }
    frameWritten(this.host, page, start, start + length);
  }

  /** The number in a field. Of 64 bits it is rounded, but to `ALL_ONES` only if it is that. */
  number([at, bytes]: Field): number {
    if (bytes === 2) return this.bytes.getUint16(at, true);
    const low = this.bytes.getUint32(at, true);
    if (bytes === HALF_BYTES) return low;
    const high = this.bytes.getUint32(at + HALF_BYTES, true);
    const value = high * TWO_TO_32 + low;
    if (value < TWO_TO_32 ** 2) return value;
    return low === TWO_TO_32 - 1 ? value : BELOW_ALL_ONES;
  }

  /** The address in a field. */
  address([at, bytes]: Field): Word {
    const high = bytes === HALF_BYTES ? 0 : this.bytes.getUint32(at + HALF_BYTES, true);
    return { low: this.bytes.getUint32(at, true), high };
  }

  /** Puts a number into a field, cut to its width; a negative one as two's complement. */
  put([at, bytes]: Field, value: number): void {
    if (bytes === 2) return this.bytes.setUint16(at, value, true);
    const isAllOnes = value >= TWO_TO_32 ** 2;
    this.bytes.setUint32(at, isAllOnes ? -1 : value % TWO_TO_32, true);
    if (bytes === HALF_BYTES) return;
    this.bytes.setUint32(at + HALF_BYTES, isAllOnes ? -1 : Math.floor(value / TWO_TO_32), true);
  }

  /** A page of the guest, with a reference, if the walk permits the access and it is its own RAM. */
  #getPage(high: number, at: number, access: number): Mfn | undefined {
    const { host, domain } = this;
    const { argumentWalk: walk } = host;
    const low = at >>> 0;
    const carried = (high + Math.floor(at / TWO_TO_32)) >>> 0;
    if (!walkGuest(host, domain, this.#vcpu, carried, low, access, walk)) return undefined;
    setAccessedAndDirty(host, walk, access);
    demand(host, domain, walk.gfn);
    const found = domain.p2m.lookup(walk.gfn);
    if (!isRam(found) || !getPage(host, mfnOf(found), domain)) return undefined;
    return mfnOf(found);
  }
}

/** The largest argument is an exchange, of 72 bytes. */
const ARGUMENT_BYTES = 80;
