import type { DomainId, VcpuId } from '../../abi/ids.js';
import type { CallView } from '../../abi/observer.js';
import type { PreemptibleCall } from '../../abi/step.js';
import { assert } from '../assert.js';

/** A call that was stopped, as it was made, and the first of its units that is not done. */
export interface Continuation {
  readonly call: PreemptibleCall;
  readonly next: number;
}

/**
 * What vcpus are told and in the middle of, a row for each of every domain, the control domain's
 * first: after how many units the next call is to stop, and the call that was stopped.
 */
export class ContinuationTable {
  readonly #vcpus: number;
  readonly #limits: Float64Array;
  readonly #stopped: (Continuation | undefined)[];

  constructor(guests: number, vcpus: number) {
    const rows = (guests + 1) * vcpus;
    this.#vcpus = vcpus;
    this.#limits = new Float64Array(rows).fill(Number.POSITIVE_INFINITY);
    this.#stopped = Array.from({ length: rows });
  }

  /** The next call of the vcpu is to stop after so many units. */
  interrupt(domain: DomainId, vcpu: VcpuId, limit: number): void {
    this.#limits[this.#row(domain, vcpu)] = limit;
  }

  /** After how many units the call that is made now has to stop; the next one has no limit. */
  takeLimit(domain: DomainId, vcpu: VcpuId): number {
    const row = this.#row(domain, vcpu);
    const limit = this.#limits[row];
    assert(limit !== undefined, 'every vcpu has a row');
    this.#limits[row] = Number.POSITIVE_INFINITY;
    return limit;
  }

  /** Some vcpu is to stop its next call: something is pending on the machine. */
  isAnyInterrupted(): boolean {
    return this.#limits.some((limit) => limit !== Number.POSITIVE_INFINITY);
  }

  /** The vcpu is in the middle of a call that was stopped. */
  isStopped(domain: DomainId, vcpu: VcpuId): boolean {
    return vcpu < this.#vcpus && this.#stopped[this.#row(domain, vcpu)] !== undefined;
  }

  stop(domain: DomainId, vcpu: VcpuId, continuation: Continuation): void {
    assert(!this.isStopped(domain, vcpu), 'a vcpu makes one call at a time');
    this.#stopped[this.#row(domain, vcpu)] = continuation;
  }

  /** What the vcpu goes on with, which is then stopped no more. */
  take(domain: DomainId, vcpu: VcpuId): Continuation | undefined {
    const row = this.#row(domain, vcpu);
    const continuation = this.#stopped[row];
    this.#stopped[row] = undefined;
    return continuation;
  }

  /** What a vcpu is told and in the middle of. */
  seen(domain: DomainId, vcpu: VcpuId): CallView {
    const row = this.#row(domain, vcpu);
    const limit = this.#limits[row];
    const stopped = this.#stopped[row];
    return {
      limit: limit === Number.POSITIVE_INFINITY ? undefined : limit,
      stopped: stopped === undefined ? undefined : { call: stopped.call, done: stopped.next },
    };
  }

  /** No vcpu of the domain will run again. */
  forget(domain: DomainId): void {
    const first = domain * this.#vcpus;
    this.#limits.fill(Number.POSITIVE_INFINITY, first, first + this.#vcpus);
    this.#stopped.fill(undefined, first, first + this.#vcpus);
  }

  #row(domain: DomainId, vcpu: VcpuId): number {
    return domain * this.#vcpus + vcpu;
  }
}
