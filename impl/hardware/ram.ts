import type { Mfn } from '../../abi/ids.js';
import { PAGE_BYTES, PAGE_SHIFT } from '../../abi/word.js';
import { assert } from '../assert.js';
import { byteAt, wordAt } from '../tables/column.js';
import { WriteLog } from './write-log.js';

/** A name of one's own costs nothing; another file's is looked up each time it is used. */
const wordOf = wordAt;

/** 32-bit words in a frame. */
export const PAGE_WORDS = PAGE_BYTES / 4;
const WORD_SHIFT = PAGE_SHIFT - 2;

/**
 * Machine memory: one buffer, little endian, zero at power-on. It knows frames and bytes, no
 * domains. `store*`, `copy` and `clear` are writes that guests can see and are logged; table words
 * are the hypervisor's own and are not.
 */
export class Ram {
  readonly log: WriteLog;
  readonly frameCount: number;
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;

  constructor(frameCount: number) {
    const buffer = new ArrayBuffer(frameCount * PAGE_BYTES);
    this.frameCount = frameCount;
    this.#bytes = new Uint8Array(buffer);
    this.#words = new Uint32Array(buffer);
    this.log = new WriteLog(frameCount);
    assert(new Uint8Array(Uint32Array.of(1).buffer)[0] === 1, 'the host is little endian');
  }

  /** The byte at an offset 0..4095 of a frame. */
  load8(mfn: Mfn, offset: number): number {
    return byteAt(this.#bytes, (mfn << PAGE_SHIFT) + offset);
  }

  store8(mfn: Mfn, offset: number, value: number): void {
    this.log.note(mfn, offset, offset + 1);
    this.#bytes[(mfn << PAGE_SHIFT) + offset] = value;
  }

  /** Two bytes at an even offset. */
  load16(mfn: Mfn, offset: number): number {
    const word = wordOf(this.#words, (mfn << WORD_SHIFT) + (offset >>> 2));
    return (offset & 2) === 0 ? word & 0xffff : word >>> 16;
  }

  store16(mfn: Mfn, offset: number, value: number): void {
    this.log.note(mfn, offset, offset + 2);
    const at = (mfn << PAGE_SHIFT) + offset;
    this.#bytes[at] = value;
    this.#bytes[at + 1] = value >>> 8;
  }

  /** Four bytes at an offset that is a multiple of four. */
  load32(mfn: Mfn, offset: number): number {
    return wordOf(this.#words, (mfn << WORD_SHIFT) + (offset >>> 2));
  }

  /** The same at a machine byte address, of memory up to 2 GiB. */
  load32At(address: number): number {
    return wordOf(this.#words, address >> 2);
  }

  store32(mfn: Mfn, offset: number, value: number): void {
    this.log.note(mfn, offset, offset + 4);
    this.#words[(mfn << WORD_SHIFT) + (offset >>> 2)] = value;
  }

  /** Stores `value` where `old` stands; answers what stood there. Offset a multiple of four. */
  exchange32(mfn: Mfn, offset: number, old: number, value: number): number {
    const found = this.load32(mfn, offset);
    if (found === old >>> 0) this.store32(mfn, offset, value);
    return found;
  }

  /** Eight bytes at an offset that is a multiple of eight, low half first. */
  store64(mfn: Mfn, offset: number, low: number, high: number): void {
    this.log.note(mfn, offset, offset + 8);
    const at = (mfn << WORD_SHIFT) + (offset >>> 2);
    this.#words[at] = low;
    this.#words[at + 1] = high;
  }

  /**
   * Copies bytes between frames, forward and eight at a time: where the ranges overlap, bytes
   * already copied are read again (grants.md 7.7, 7).
   */
  copy(from: Mfn, fromOffset: number, to: Mfn, toOffset: number, length: number): void {
    if (length === 0) return;
    this.log.note(to, toOffset, toOffset + length);
    const source = (from << PAGE_SHIFT) + fromOffset;
    const target = (to << PAGE_SHIFT) + toOffset;
    if (source >= target || source + length <= target) {
      this.#bytes.copyWithin(target, source, source + length);
      return;
    }
    const wide = length - (length % 8);
    for (let at = 0; at < wide; at += 8) {
      this.#bytes.copyWithin(target + at, source + at, source + at + 8);
    }
    for (let at = wide; at < length; at += 1) {
      this.#bytes[target + at] = byteAt(this.#bytes, source + at);
    }
  }

  /** Zeroes a frame that a guest can see. */
  clear(mfn: Mfn): void {
    this.log.note(mfn, 0, PAGE_BYTES);
    this.scrub(mfn);
  }

  /** Zeroes a frame that nobody sees. */
  scrub(mfn: Mfn): void {
    const at = mfn << WORD_SHIFT;
    this.#words.fill(0, at, at + PAGE_WORDS);
  }

  isZero(mfn: Mfn): boolean {
    const at = mfn << WORD_SHIFT;
    for (let index = at; index < at + PAGE_WORDS; index += 1) {
      if (this.#words[index] !== 0) return false;
    }
    return true;
  }

  /** A word of a frame, by index 0..1023. */
  tableWord(mfn: Mfn, index: number): number {
    return wordOf(this.#words, (mfn << WORD_SHIFT) + index);
  }

  setTableWord(mfn: Mfn, index: number, value: number): void {
    this.#words[(mfn << WORD_SHIFT) + index] = value;
  }
}
