import { DomainId, GrantRef, Handle } from '../../abi/ids.js';
import { GNTMAP_device_map, GNTMAP_host_map, GNTMAP_readonly } from '../../abi/grant-table.js';
import { assert } from '../assert.js';
import { halfAt, wordAt } from './column.js';

const NO_HANDLE_LINK = 0xffff_ffff;

/**
 * The mappings of one domain, a row for each handle (grants.md 4.2). Every vcpu keeps a queue of
 * free handles; the link to the next free one stands where a live row keeps its ref. A handle that
 * is given back is used again last, and one is always left behind at the end of a queue.
 */
export class Maptrack {
  readonly handlesPerFrame: number;
  readonly frameLimit: number;
  readonly #ref: Uint32Array;
  readonly #flags: Uint16Array;
  readonly #granter: Uint16Array;
  readonly #vcpu: Uint16Array;
  readonly #head: Uint32Array;
  readonly #tail: Uint32Array;
  #limit = 0;

  constructor(handlesPerFrame: number, frameLimit: number, vcpus: number) {
    const rows = handlesPerFrame * frameLimit;
    this.handlesPerFrame = handlesPerFrame;
    this.frameLimit = frameLimit;
    this.#ref = new Uint32Array(rows);
    this.#flags = new Uint16Array(rows);
    this.#granter = new Uint16Array(rows);
    this.#vcpu = new Uint16Array(rows);
    this.#head = new Uint32Array(vcpus).fill(NO_HANDLE_LINK);
    this.#tail = new Uint32Array(vcpus).fill(NO_HANDLE_LINK);
  }

  /** Handles that exist: 0..limit-1. */
  limit(): number {
    return this.#limit;
  }
  isLive(handle: Handle): boolean {
    return halfAt(this.#flags, handle) !== 0;
  }
  flagsOf(handle: Handle): number {
    return halfAt(this.#flags, handle);
  }
  isHostMapped(handle: Handle): boolean {
    return (halfAt(this.#flags, handle) & GNTMAP_host_map) !== 0;
  }
  isReadonly(handle: Handle): boolean {
    return (halfAt(this.#flags, handle) & GNTMAP_readonly) !== 0;
  }
  granterOf(handle: Handle): DomainId {
    return DomainId(halfAt(this.#granter, handle));
  }
  refOf(handle: Handle): GrantRef {
    return GrantRef(wordAt(this.#ref, handle));
  }

  /** A free handle for a vcpu, or undefined when there is none left (grants.md 4.2, take). */
  take(vcpu: number): Handle | undefined {
    return this.#takeFromQueue(vcpu) ?? this.#addFrame(vcpu) ?? this.#steal(vcpu);
  }

  /** Puts a free handle at the back of the queue of the vcpu it is stamped with. */
  giveBack(handle: Handle): void {
    assert(!this.isLive(handle), 'a handle in a free queue is not live');
    const vcpu = halfAt(this.#vcpu, handle);
    this.#ref[handle] = NO_HANDLE_LINK;
    const tail = wordAt(this.#tail, vcpu);
    if (tail === NO_HANDLE_LINK) this.#head[vcpu] = handle;
    else this.#ref[tail] = handle;
    this.#tail[vcpu] = handle;
  }

  /** A taken handle becomes live. */
  record(handle: Handle, granter: DomainId, ref: GrantRef, flags: number): void {
    assert(!this.isLive(handle), 'a handle that is recorded was free');
    this.#granter[handle] = granter;
    this.#ref[handle] = ref;
    this.#flags[handle] = flags;
  }

  /** The host mapping of a live handle is gone: it has no other part, so it is live no more. */
  retire(handle: Handle): void {
    assert(this.isLive(handle), 'a handle that is retired was live');
    this.#flags[handle] = 0;
  }

  /** Some parts of a live handle are gone; false where none is left, and it is live no more. */
  endParts(handle: Handle, bits: number): boolean {
    assert(this.isLive(handle), 'a handle that is ended was live');
    const left = halfAt(this.#flags, handle) & ~bits;
    const isLeft = (left & (GNTMAP_host_map | GNTMAP_device_map)) !== 0;
    this.#flags[handle] = isLeft ? left : 0;
    return isLeft;
  }

  forEachLive(visit: (handle: Handle, granter: DomainId, ref: GrantRef) => void): void {
    for (let row = 0; row < this.#limit; row += 1) {
      const handle = Handle(row);
      if (this.isLive(handle)) visit(handle, this.granterOf(handle), this.refOf(handle));
    }
  }

  /** No handle exists any more: the domain is dying (grants.md 12.2). */
  close(): void {
    this.#limit = 0;
  }

  queueLength(vcpu: number): number {
    let length = 0;
    this.forEachFree(vcpu, () => {
      length += 1;
    });
    return length;
  }

  /** Calls back for the free handles of a vcpu in order; stops where the chain is longer than it can be. */
  forEachFree(vcpu: number, visit: (handle: Handle) => void): void {
    let handle = wordAt(this.#head, vcpu);
    for (let steps = 0; handle !== NO_HANDLE_LINK && steps <= this.#ref.length; steps += 1) {
      visit(Handle(handle));
      handle = wordAt(this.#ref, handle);
    }
  }

  #takeFromQueue(vcpu: number): Handle | undefined {
    const head = wordAt(this.#head, vcpu);
    if (head === NO_HANDLE_LINK) return undefined;
    const next = wordAt(this.#ref, head);
    if (next === NO_HANDLE_LINK) return undefined;
    this.#head[vcpu] = next;
    return Handle(head);
  }

  /** A fresh frame: its first handle is the answer, the others go in front of the queue. */
  #addFrame(vcpu: number): Handle | undefined {
    const first = this.#limit;
    if (first / this.handlesPerFrame >= this.frameLimit) return undefined;
    this.#limit = first + this.handlesPerFrame;
    for (let handle = first; handle < this.#limit; handle += 1) {
      this.#ref[handle] = handle + 1;
      this.#vcpu[handle] = vcpu;
    }
    const last = this.#limit - 1;
    if (last > first) {
      const head = wordAt(this.#head, vcpu);
      this.#ref[last] = head;
      if (head === NO_HANDLE_LINK) this.#tail[vcpu] = last;
      this.#head[vcpu] = first + 1;
    }
    return Handle(first);
  }

  /**
   * The front of some queue that has two or more. A vcpu that never had a handle first steals one
   * to be the end of its own queue. The real hypervisor starts at a random vcpu; here at its own.
   */
  #steal(thief: number): Handle | undefined {
    if (wordAt(this.#head, thief) === NO_HANDLE_LINK) {
      const sentinel = this.#stealOne(thief);
      if (sentinel === undefined) return undefined;
      this.giveBack(sentinel);
    }
    return this.#stealOne(thief);
  }

  #stealOne(thief: number): Handle | undefined {
    for (let step = 0; step < this.#head.length; step += 1) {
      const handle = this.#takeFromQueue((thief + step) % this.#head.length);
      if (handle === undefined) continue;
      this.#vcpu[handle] = thief;
      return handle;
    }
    return undefined;
  }
}
