import { DomainId, GrantRef, Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import { byteAt, halfAt, wordAt } from './column.js';

/*
 * The pin word of an active entry (grants.md 4.1): four counters of 8 bits.
 *
 *   31        24 23        16 15         8 7          0
 *  +------------+------------+------------+------------+
 *  | device, ro | device, rw |  host, ro  |  host, rw  |
 *  +------------+------------+------------+------------+
 */
export const HOST_WRITE = 1;
export const HOST_READ = 0x100;
const COUNTER_MASK = 0xff;
/** In the place of a frame that was freed under its handles; no frame has this number. */
export const FORGOTTEN: Mfn = Mfn(0xffff_ffff);
const WRITERS_MASK = 0x00ff_00ff;
export const DEVICE_WRITE = 0x1_0000;
export const DEVICE_READ = 0x100_0000;
export const PIN_UNITS = [HOST_WRITE, HOST_READ, DEVICE_WRITE, DEVICE_READ] as const;
export type PinUnit = (typeof PIN_UNITS)[number];

/** The unit that a use of a grant counts in. */
export function unitOf(isReadonly: boolean): PinUnit {
  return isReadonly ? HOST_READ : HOST_WRITE;
}
/** The unit that a device mapping counts in. */
export function deviceUnitOf(isReadonly: boolean): PinUnit {
  return isReadonly ? DEVICE_READ : DEVICE_WRITE;
}
/** The counter that a unit belongs to. */
export function counterOf(pin: number, unit: PinUnit): number {
  return ((pin / unit) | 0) & COUNTER_MASK;
}
export function hasWriter(pin: number): boolean {
  return (pin & WRITERS_MASK) !== 0;
}

/** What an active entry says while it is pinned; stale otherwise. */
export interface ActiveGrant {
  readonly grantee: DomainId;
  readonly mfn: Mfn;
  readonly start: number;
  readonly length: number;
  /** Pinned by copies only, never to be mapped: a sub-page or a transitive grant. */
  readonly isSubPage: boolean;
  readonly sourceDomain: DomainId;
  readonly sourceRef: GrantRef;
}

/** How each ref of one grant table is in use right now (grants.md 2, `act`). */
export class ActiveEntries {
  readonly #pin: Uint32Array;
  readonly #grantee: Uint16Array;
  readonly #mfn: Uint32Array;
  readonly #start: Uint16Array;
  readonly #length: Uint16Array;
  readonly #isSubPage: Uint8Array;
  readonly #sourceDomain: Uint16Array;
  readonly #sourceRef: Uint32Array;

  constructor(refCount: number) {
    this.#pin = new Uint32Array(refCount);
    this.#grantee = new Uint16Array(refCount);
    this.#mfn = new Uint32Array(refCount);
    this.#start = new Uint16Array(refCount);
    this.#length = new Uint16Array(refCount);
    this.#isSubPage = new Uint8Array(refCount);
    this.#sourceDomain = new Uint16Array(refCount);
    this.#sourceRef = new Uint32Array(refCount);
  }

  pinOf(ref: GrantRef): number {
    return wordAt(this.#pin, ref);
  }
  granteeOf(ref: GrantRef): DomainId {
    return DomainId(halfAt(this.#grantee, ref));
  }
  mfnOf(ref: GrantRef): Mfn {
    return Mfn(wordAt(this.#mfn, ref));
  }
  startOf(ref: GrantRef): number {
    return halfAt(this.#start, ref);
  }
  lengthOf(ref: GrantRef): number {
    return halfAt(this.#length, ref);
  }
  isSubPage(ref: GrantRef): boolean {
    return byteAt(this.#isSubPage, ref) !== 0;
  }
  sourceDomainOf(ref: GrantRef): DomainId {
    return DomainId(halfAt(this.#sourceDomain, ref));
  }
  sourceRefOf(ref: GrantRef): GrantRef {
    return GrantRef(wordAt(this.#sourceRef, ref));
  }

  fill(ref: GrantRef, grant: ActiveGrant): void {
    assert(this.pinOf(ref) === 0, 'an active entry that is filled is not pinned');
    this.#grantee[ref] = grant.grantee;
    this.#mfn[ref] = grant.mfn;
    this.#start[ref] = grant.start;
    this.#length[ref] = grant.length;
    this.#isSubPage[ref] = grant.isSubPage ? 1 : 0;
    this.#sourceDomain[ref] = grant.sourceDomain;
    this.#sourceRef[ref] = grant.sourceRef;
  }

  /** The frame is free, though handles still name it. */
  forget(ref: GrantRef): void {
    this.#mfn[ref] = FORGOTTEN;
  }

  pin(ref: GrantRef, unit: PinUnit): void {
    const pin = this.pinOf(ref);
    assert(counterOf(pin, unit) < COUNTER_MASK, 'a pin counter does not run over');
    this.#pin[ref] = pin + unit;
  }

  /** One unit less; answers the pin that is left. */
  unpin(ref: GrantRef, unit: PinUnit): number {
    const pin = this.pinOf(ref);
    assert(counterOf(pin, unit) > 0, 'a pin that is dropped was held');
    this.#pin[ref] = pin - unit;
    return this.pinOf(ref);
  }
}
