import { assert } from '../assert.js';
import type { Mfn } from '../../abi/ids.js';
import { Mfn as toMfn } from '../../abi/ids.js';
import { PAGE_WORDS } from '../hardware/ram.js';
import { signedAt, wordAt } from '../tables/column.js';

const PLACES_PER_VCPU = 3;
const WRITERS = 2;
const NOBODY = -1;

/** No place; no slot. */
export const NO_PLACE = -1;

/**
 * The level 1 tables that their guest writes without being caught, three for each vcpu, with what
 * they held when their shadow was last made to agree, and the slots through which they are written
 * (p2m.md 4.11). A page's home is its number modulo three; the place after it is its alternate.
 */
export class OutOfSyncTable {
  readonly placeCount: number;
  readonly #frame: Int32Array;
  readonly #snapshot: Uint32Array;
  readonly #writers: Int32Array;
  readonly #nextWriter: Uint8Array;
  #used = 0;

  constructor(vcpuCount: number) {
    this.placeCount = vcpuCount * PLACES_PER_VCPU;
    this.#frame = new Int32Array(this.placeCount).fill(NOBODY);
    this.#snapshot = new Uint32Array(this.placeCount * PAGE_WORDS);
    this.#writers = new Int32Array(this.placeCount * WRITERS).fill(NO_PLACE);
    this.#nextWriter = new Uint8Array(this.placeCount);
  }

  /** Pages out of sync. */
  used(): number {
    return this.#used;
  }
  vcpuOf(place: number): number {
    return Math.floor(place / PLACES_PER_VCPU);
  }
  isTaken(place: number): boolean {
    return signedAt(this.#frame, place) !== NOBODY;
  }
  frameAt(place: number): Mfn {
    assert(this.isTaken(place), 'a place that is asked for has a page');
    return toMfn(signedAt(this.#frame, place));
  }
  placeOf(mfn: Mfn): number {
    for (let place = 0; place < this.placeCount; place += 1) {
      if (signedAt(this.#frame, place) === mfn) return place;
    }
    return NO_PLACE;
  }
  homeOf(vcpu: number, mfn: Mfn): number {
    return vcpu * PLACES_PER_VCPU + (mfn % PLACES_PER_VCPU);
  }
  alternateOf(vcpu: number, mfn: Mfn): number {
    return vcpu * PLACES_PER_VCPU + ((mfn + 1) % PLACES_PER_VCPU);
  }

  put(place: number, mfn: Mfn): void {
    assert(!this.isTaken(place), 'a place that is taken was free');
    this.#frame[place] = mfn;
    this.#writers.fill(NO_PLACE, place * WRITERS, (place + 1) * WRITERS);
    this.#nextWriter[place] = 0;
    this.#used += 1;
  }
  remove(place: number): void {
    assert(this.isTaken(place), 'a page that is removed had a place');
    this.#frame[place] = NOBODY;
    this.#used -= 1;
  }
  /** A page goes from its home to its alternate, with all that belongs to it. */
  move(from: number, to: number): void {
    assert(this.isTaken(from) && !this.isTaken(to), 'a page moves to a free place');
    this.#frame[to] = signedAt(this.#frame, from);
    this.#frame[from] = NOBODY;
    this.#snapshot.copyWithin(to * PAGE_WORDS, from * PAGE_WORDS, (from + 1) * PAGE_WORDS);
    this.#writers.copyWithin(to * WRITERS, from * WRITERS, (from + 1) * WRITERS);
    this.#nextWriter[to] = this.#nextWriter[from] ?? 0;
  }

  /** A word of the snapshot, by index 0..1023. */
  wordOf(place: number, index: number): number {
    return wordAt(this.#snapshot, place * PAGE_WORDS + index);
  }
  setWord(place: number, index: number, word: number): void {
    this.#snapshot[place * PAGE_WORDS + index] = word;
  }

  /** A slot lets the page be written; answers the slot that it displaces, or `NO_PLACE`. */
  addWriter(place: number, slot: number): number {
    const first = place * WRITERS;
    for (let at = first; at < first + WRITERS; at += 1) {
      if (signedAt(this.#writers, at) === slot) return NO_PLACE;
    }
    const at = first + (this.#nextWriter[place] ?? 0);
    const displaced = signedAt(this.#writers, at);
    this.#writers[at] = slot;
    this.#nextWriter[place] = ((this.#nextWriter[place] ?? 0) + 1) % WRITERS;
    return displaced;
  }
  isWriter(place: number, slot: number): boolean {
    return this.#writers.subarray(place * WRITERS, (place + 1) * WRITERS).includes(slot);
  }
}
