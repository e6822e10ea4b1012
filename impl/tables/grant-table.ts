import {
  GTF_reading,
  GTF_writing,
  STATUS_BYTES,
  V1_ENTRY_BYTES,
  V2_ENTRY_BYTES,
} from '../../abi/grant-table.js';
import type { GrantVersion } from '../../abi/grant-table.js';
import { DomainId, Gfn, GrantRef } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import { AssertionFailed, assert } from '../assert.js';
import type { Ram } from '../hardware/ram.js';
import { ActiveEntries } from './active-entries.js';

const TWO_TO_32 = 2 ** 32;
/** Bits that the hypervisor sets and clears (grants.md 1.4). */
export const STATUS_BITS = GTF_reading | GTF_writing;

/**
 * One domain's grant table: frames that the guest reads and writes itself, and the active entries
 * that only the hypervisor sees (grants.md 2, 3). Entries are read from memory at every use: the
 * guest may change them at any time.
 */
export class GrantTable {
  readonly maximumFrames: number;
  readonly maximumVersion: number;
  readonly active: ActiveEntries;
  readonly frames: Mfn[] = [];
  readonly statusFrames: Mfn[] = [];
  version: GrantVersion = 1;
  /** Pins of sub-page and transitive kind: a table with any stays at version 2 (I18). */
  versionTwoUses = 0;
  readonly #machine: Machine;
  readonly #ram: Ram;
  /** Hears of every write to a frame: what the hypervisor writes may be one of the guest's tables. */
  readonly #written: (mfn: Mfn, from: number, to: number) => void;

  constructor(
    machine: Machine,
    ram: Ram,
    maximumFrames: number,
    maximumVersion: number,
    written: (mfn: Mfn, from: number, to: number) => void,
  ) {
    this.#machine = machine;
    this.#ram = ram;
    this.#written = written;
    this.maximumFrames = maximumFrames;
    this.maximumVersion = maximumVersion;
    this.active = new ActiveEntries(maximumFrames * machine.refsPerFrame);
  }

  refsPerFrame(): number {
    return this.version === 1 ? this.#machine.refsPerFrame : this.#machine.refsPerFrame / 2;
  }

  /** Refs 0..refCount-1 exist in the version in force. */
  refCount(): number {
    return this.frames.length * this.refsPerFrame();
  }

  /** Status frames that this many grant frames need in version 2 (I2). */
  statusFramesFor(frameCount: number): number {
    const refs = frameCount * (this.#machine.refsPerFrame / 2);
    return Math.ceil(refs / this.#machine.statusesPerFrame);
  }

  /** Grant frames that this many status frames stand for (grants.md 7.14). */
  framesForStatus(statusFrameCount: number): number {
    const refs = statusFrameCount * this.#machine.statusesPerFrame;
    return refs / (this.#machine.refsPerFrame / 2);
  }

  /** Flags in the low half, domain id in the high half: the word that is read and set at once. */
  headerOf(ref: GrantRef): number {
    return this.#ram.load32(this.#frameOf(ref), this.#offsetOf(ref));
  }

  /** Sets the header where it still reads `old`; answers what it read. */
  exchangeHeader(ref: GrantRef, old: number, header: number): number {
    const frame = this.#frameOf(ref);
    const at = this.#offsetOf(ref);
    const found = this.#ram.exchange32(frame, at, old, header);
    if (found === old >>> 0) this.#written(frame, at, at + 4);
    return found;
  }

  /** The gfn an entry names: 32 bits in version 1, 64 in version 2. */
  grantedGfnOf(ref: GrantRef): Gfn {
    const at = this.#offsetOf(ref);
    if (this.version === 1) return Gfn(this.#ram.load32(this.#frameOf(ref), at + 4));
    const low = this.#ram.load32(this.#frameOf(ref), at + 8);
    const high = this.#ram.load32(this.#frameOf(ref), at + 12);
    return Gfn(high * TWO_TO_32 + low);
  }

  /** Sets bits of the flags, which may be another entry's by now: nothing is checked. */
  addFlags(ref: GrantRef, bits: number): void {
    const [frame, at] = [this.#frameOf(ref), this.#offsetOf(ref)];
    this.#store16(frame, at, this.#ram.load16(frame, at) | bits);
  }

  /** Tells the frame that came, as wide as the version has it. */
  setFrame(ref: GrantRef, mfn: Mfn): void {
    const [frame, at] = [this.#frameOf(ref), this.#offsetOf(ref)];
    if (this.version === 1) this.#store32(frame, at + 4, mfn);
    else this.#store64(frame, at + 8, mfn);
  }

  /** Version 2, sub-page: first byte and count of bytes. */
  subPageStartOf(ref: GrantRef): number {
    return this.#ram.load16(this.#frameOf(ref), this.#offsetOf(ref) + 4);
  }
  subPageLengthOf(ref: GrantRef): number {
    return this.#ram.load16(this.#frameOf(ref), this.#offsetOf(ref) + 6);
  }

  /** Version 2, transitive: the domain and ref that really grant. */
  transitiveDomainOf(ref: GrantRef): DomainId {
    return DomainId(this.#ram.load16(this.#frameOf(ref), this.#offsetOf(ref) + 4));
  }
  transitiveRefOf(ref: GrantRef): GrantRef {
    return GrantRef(this.#ram.load32(this.#frameOf(ref), this.#offsetOf(ref) + 8));
  }

  /** The reading and writing bits, wherever the version keeps them. */
  statusOf(ref: GrantRef): number {
    if (this.version === 1) return this.headerOf(ref) & STATUS_BITS;
    return this.#ram.load16(this.#statusFrameOf(ref), this.#statusOffsetOf(ref));
  }

  /** Version 2 only: sets bits of the status word. */
  setStatus(ref: GrantRef, bits: number): void {
    assert(this.version === 2, 'only version 2 has status words');
    const old = this.statusOf(ref);
    this.#store16(this.#statusFrameOf(ref), this.#statusOffsetOf(ref), old | bits);
  }

  /** Clears bits where the version keeps them; the other bits stay as the guest has them. */
  clearStatus(ref: GrantRef, bits: number): void {
    if (bits === 0) return;
    if (this.version === 1) {
      const at = this.#offsetOf(ref);
      const flags = this.#ram.load16(this.#frameOf(ref), at);
      this.#store16(this.#frameOf(ref), at, flags & ~bits);
      return;
    }
    const old = this.statusOf(ref);
    this.#store16(this.#statusFrameOf(ref), this.#statusOffsetOf(ref), old & ~bits);
  }

  /** Exchanges two whole entries, status words included (grants.md 7.12). */
  swap(first: GrantRef, second: GrantRef): void {
    const words = this.version === 1 ? V1_ENTRY_BYTES / 4 : V2_ENTRY_BYTES / 4;
    for (let word = 0; word < words; word += 1) {
      const one = this.#ram.load32(this.#frameOf(first), this.#offsetOf(first) + word * 4);
      const two = this.#ram.load32(this.#frameOf(second), this.#offsetOf(second) + word * 4);
      this.#store32(this.#frameOf(first), this.#offsetOf(first) + word * 4, two);
      this.#store32(this.#frameOf(second), this.#offsetOf(second) + word * 4, one);
    }
    if (this.version === 1) return;
    const one = this.statusOf(first);
    const two = this.statusOf(second);
    this.#store16(this.#statusFrameOf(first), this.#statusOffsetOf(first), two);
    this.#store16(this.#statusFrameOf(second), this.#statusOffsetOf(second), one);
  }

  /** Writes a full-page entry in the layout in force; version 2 keeps the status bits apart. */
  restore(ref: GrantRef, flags: number, grantee: DomainId, gfn: number): void {
    const frame = this.#frameOf(ref);
    const at = this.#offsetOf(ref);
    if (this.version === 1) {
      this.#store32(frame, at + 4, gfn);
      this.#store32(frame, at, (flags | (grantee << 16)) >>> 0);
      return;
    }
    const status = flags & STATUS_BITS;
    this.#store16(this.#statusFrameOf(ref), this.#statusOffsetOf(ref), status);
    this.#store64(frame, at + 8, gfn);
    this.#store64(frame, at, ((flags & ~STATUS_BITS) | (grantee << 16)) >>> 0);
  }

  #store16(frame: Mfn, at: number, value: number): void {
    this.#ram.store16(frame, at, value);
    this.#written(frame, at, at + 2);
  }
  #store32(frame: Mfn, at: number, value: number): void {
    this.#ram.store32(frame, at, value);
    this.#written(frame, at, at + 4);
  }
  /** Eight bytes, of which the high half is zero. */
  #store64(frame: Mfn, at: number, low: number): void {
    this.#ram.store64(frame, at, low, 0);
    this.#written(frame, at, at + 8);
  }

  #frameOf(ref: GrantRef): Mfn {
    const frame = this.frames[Math.floor(ref / this.refsPerFrame())];
    if (frame === undefined) throw new AssertionFailed(`ref ${ref} is outside the table`);
    return frame;
  }
  #offsetOf(ref: GrantRef): number {
    const bytes = this.version === 1 ? V1_ENTRY_BYTES : V2_ENTRY_BYTES;
    return (ref % this.refsPerFrame()) * bytes;
  }
  #statusFrameOf(ref: GrantRef): Mfn {
    const frame = this.statusFrames[Math.floor(ref / this.#machine.statusesPerFrame)];
    if (frame === undefined) throw new AssertionFailed(`ref ${ref} has no status word`);
    return frame;
  }
  #statusOffsetOf(ref: GrantRef): number {
    return (ref % this.#machine.statusesPerFrame) * STATUS_BYTES;
  }
}
