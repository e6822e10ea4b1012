import type { Mfn } from '../../abi/ids.js';
import { numberAt } from '../tables/column.js';
import type { Vcpu } from '../vcpu.js';

const NEVER = -1;

/**
 * Which processors may still remember a frame (p2m.md 5.3). A shadow entry that goes or is narrowed
 * because the guest changed its table asks for no flush: the guest flushes. Where the hypervisor
 * needs that nobody reaches a frame, it asks who may: whoever has not flushed since the frame was
 * last taken from an entry.
 */
export class Flushes {
  flushCount = 0;
  readonly #vcpus: readonly Vcpu[];
  /** When an entry last ceased to lead to a frame, or to permit writes to it. */
  readonly #takenAt: Float64Array;
  readonly #flushedAt: Float64Array;
  #now = 1;
  #splinteredAt = NEVER;

  constructor(vcpus: readonly Vcpu[], frameCount: number) {
    this.#vcpus = vcpus;
    this.#takenAt = new Float64Array(frameCount).fill(NEVER);
    this.#flushedAt = new Float64Array(vcpus.length);
  }

  /** An entry that led to the frame is gone or narrowed. */
  taken(mfn: Mfn): void {
    this.#takenAt[mfn] = this.#now;
  }

  /** A superpage is in pieces, or was until now. */
  splintered(): void {
    this.#splinteredAt = this.#now;
  }

  /** The vcpu may remember pieces of a superpage. */
  mayHoldPieces(vcpu: Vcpu): boolean {
    return numberAt(this.#flushedAt, vcpu.id) <= this.#splinteredAt;
  }

  /** The vcpu remembers nothing from here on. */
  flush(vcpu: Vcpu): void {
    vcpu.cpu.tlb.flushAll();
    this.flushCount += 1;
    this.#now += 1;
    this.#flushedAt[vcpu.id] = this.#now;
  }

  flushEveryone(): void {
    for (const vcpu of this.#vcpus) this.flush(vcpu);
  }

  /** Nobody remembers a translation to the frame that an entry no longer gives. */
  flushHoldersOf(mfn: Mfn): void {
    for (const vcpu of this.#vcpus) {
      if (this.mayHold(vcpu, mfn)) this.flush(vcpu);
    }
  }

  mayHold(vcpu: Vcpu, mfn: Mfn): boolean {
    return numberAt(this.#flushedAt, vcpu.id) <= numberAt(this.#takenAt, mfn);
  }
}
