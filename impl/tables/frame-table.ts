import { DomainId, Gfn, INVALID_GFN } from '../../abi/ids.js';
import type { Mfn } from '../../abi/ids.js';
import { assert } from '../assert.js';
import { halfAt, numberAt, wordAt } from './column.js';

/** The owner of a frame that belongs to no domain. */
export const NOBODY: DomainId = DomainId(0xffff);

/*
 *   count word    31          30         29       28          27          0
 *                +-----------+----------+--------+------------+------------+
 *                | allocated | xen_heap | in_use |    zero    | references |
 *                +-----------+----------+--------+------------+------------+
 *   type word     31          30          29                    27         0
 *                +----------+-----------+---------------------+------------+
 *                | writable | validated |        zero         | references |
 *                +----------+-----------+---------------------+------------+
 */
const ALLOCATED = 0x8000_0000;
const XEN_HEAP = 0x4000_0000;
const IN_USE = 0x2000_0000;
const REFERENCES = 0x0fff_ffff;
const WRITABLE = 0x8000_0000;
const VALIDATED = 0x4000_0000;

/** The most references; the last but one is kept back (p2m.md 1.3). */
export const REFERENCE_LIMIT = REFERENCES;

/** One row for each machine frame: who owns it and what holds it (p2m.md 1.1). */
export class FrameTable {
  readonly #count: Uint32Array;
  readonly #type: Uint32Array;
  readonly #owner: Uint16Array;
  readonly #gfn: Float64Array;
  readonly #shadowed: Uint16Array;

  constructor(frameCount: number) {
    this.#count = new Uint32Array(frameCount);
    this.#type = new Uint32Array(frameCount);
    this.#owner = new Uint16Array(frameCount).fill(NOBODY);
    this.#gfn = new Float64Array(frameCount).fill(INVALID_GFN);
    this.#shadowed = new Uint16Array(frameCount);
  }

  isFree(mfn: Mfn): boolean {
    return (wordAt(this.#count, mfn) & IN_USE) === 0;
  }
  isAllocated(mfn: Mfn): boolean {
    return (wordAt(this.#count, mfn) & ALLOCATED) !== 0;
  }
  isXenHeap(mfn: Mfn): boolean {
    return (wordAt(this.#count, mfn) & XEN_HEAP) !== 0;
  }
  ownerOf(mfn: Mfn): DomainId {
    return DomainId(halfAt(this.#owner, mfn));
  }
  referencesOf(mfn: Mfn): number {
    return wordAt(this.#count, mfn) & REFERENCES;
  }
  typeReferencesOf(mfn: Mfn): number {
    return wordAt(this.#type, mfn) & REFERENCES;
  }
  isWritable(mfn: Mfn): boolean {
    return (wordAt(this.#type, mfn) & WRITABLE) !== 0;
  }
  isValidated(mfn: Mfn): boolean {
    return (wordAt(this.#type, mfn) & VALIDATED) !== 0;
  }
  /** M2P: the gfn at which the owner has the frame as RAM, or `INVALID_GFN`. */
  gfnOf(mfn: Mfn): Gfn {
    return Gfn(numberAt(this.#gfn, mfn));
  }
  setGfn(mfn: Mfn, gfn: Gfn): void {
    this.#gfn[mfn] = gfn;
  }

  /**
   * As what the frame is shadowed by its owner's paging, a bit each (`impl/shadow/types.ts`); 0 if it
   * is no page table that has shadows (F11).
   */
  shadowsOf(mfn: Mfn): number {
    return halfAt(this.#shadowed, mfn);
  }
  setShadows(mfn: Mfn, bits: number): void {
    this.#shadowed[mfn] = bits;
  }

  /** Free to anonymous: in use, no owner, no reference. */
  take(mfn: Mfn): void {
    assert(this.isFree(mfn), 'a frame that is handed out was free');
    this.#count[mfn] = IN_USE;
    this.#type[mfn] = 0;
  }

  /** Anonymous to owned by a guest as RAM, with its allocation reference. */
  assign(mfn: Mfn, owner: DomainId): void {
    assert(this.ownerOf(mfn) === NOBODY, 'an assigned frame had no owner');
    assert(this.#count[mfn] === IN_USE, 'an assigned frame had no reference');
    this.#owner[mfn] = owner;
    this.#count[mfn] = (IN_USE | ALLOCATED | 1) >>> 0;
  }

  /** Anonymous to one of Xen's own pages shared with a domain: its type is pinned (I20, F17). */
  share(mfn: Mfn, owner: DomainId, isAlive: boolean): void {
    assert(this.ownerOf(mfn) === NOBODY, 'a shared frame had no owner');
    this.#gfn[mfn] = INVALID_GFN;
    this.#type[mfn] = (WRITABLE | VALIDATED | 1) >>> 0;
    this.#owner[mfn] = owner;
    this.#count[mfn] = (isAlive ? IN_USE | XEN_HEAP | ALLOCATED | 1 : IN_USE | XEN_HEAP) >>> 0;
  }

  /** One of Xen's own pages is taken back: its pinned type goes. */
  unshare(mfn: Mfn): void {
    assert(this.isXenHeap(mfn), 'a frame that is taken back was shared');
    assert(this.referencesOf(mfn) === 0, 'a frame that is taken back has no reference');
    assert(this.typeReferencesOf(mfn) === 1, 'a shared frame has its pinned type only');
    this.#type[mfn] = 0;
  }

  /** Owned RAM that only its allocation holds to anonymous: its content stays. */
  disown(mfn: Mfn): void {
    assert(this.isAllocated(mfn) && !this.isXenHeap(mfn), 'a frame that is taken away is RAM');
    assert(this.referencesOf(mfn) === 1, 'a frame that is taken away is held by nothing');
    assert(this.typeReferencesOf(mfn) === 0, 'a frame that is taken away has no type reference');
    this.#count[mfn] = IN_USE;
    this.#type[mfn] = 0;
    this.#owner[mfn] = NOBODY;
    this.#gfn[mfn] = INVALID_GFN;
  }

  /** In use to free. */
  free(mfn: Mfn): void {
    assert(!this.isFree(mfn), 'a frame that is freed was in use');
    assert(this.referencesOf(mfn) === 0, 'a frame that is freed has no reference');
    assert(this.typeReferencesOf(mfn) === 0, 'a frame that is freed has no type reference');
    assert(this.shadowsOf(mfn) === 0, 'a frame that is freed has no shadow');
    this.#count[mfn] = 0;
    this.#type[mfn] = 0;
    this.#owner[mfn] = NOBODY;
    this.#gfn[mfn] = INVALID_GFN;
  }

  /** One more reference, whoever owns the frame; false if nothing keeps it or it would wrap. */
  reference(mfn: Mfn): boolean {
    const references = this.referencesOf(mfn);
    if (references === 0) return false;
    if (references >= REFERENCE_LIMIT - 1) return false;
    this.#count[mfn] = wordAt(this.#count, mfn) + 1;
    return true;
  }

  /** One reference less; answers how many are left. */
  dereference(mfn: Mfn): number {
    assert(this.referencesOf(mfn) > 0, 'a reference that is dropped was held');
    this.#count[mfn] = wordAt(this.#count, mfn) - 1;
    return this.referencesOf(mfn);
  }

  /** The allocation reference loses its name, so that it can be dropped once only. */
  clearAllocated(mfn: Mfn): void {
    assert(this.isAllocated(mfn), 'an allocation that ends was there');
    this.#count[mfn] = wordAt(this.#count, mfn) & ~ALLOCATED;
  }

  /** A type reference "writable"; false if it would wrap (p2m.md 1.4). */
  referenceWritable(mfn: Mfn): boolean {
    const references = this.typeReferencesOf(mfn);
    if (references === REFERENCE_LIMIT) return false;
    this.#type[mfn] = (WRITABLE | VALIDATED | (references + 1)) >>> 0;
    return true;
  }

  dereferenceWritable(mfn: Mfn): void {
    const references = this.typeReferencesOf(mfn);
    assert(references > 0, 'a type reference that is dropped was held');
    this.#type[mfn] = (WRITABLE | VALIDATED | (references - 1)) >>> 0;
  }
}
