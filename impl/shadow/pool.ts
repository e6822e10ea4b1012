import type { Mfn } from '../../abi/ids.js';
import type { FrameShare } from '../allocator.js';
import { assert } from '../assert.js';
import { signedAt } from '../tables/column.js';
import { Mfn as toMfn } from '../../abi/ids.js';

const NO_PAGE = -1;

/**
 * The frames of one domain's shadows, by page number (p2m.md 4.4). It hands out pages and never
 * looks for more: whoever needs some has made room before (`evict.ts`).
 */
export class ShadowPool {
  readonly pageCount: number;
  readonly #share: FrameShare;
  readonly #frame: Int32Array;
  readonly #pageOfFrame: Int32Array;
  /** Free pages; the one given back last is handed out first. */
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(share: FrameShare, pageCount: number, machineFrames: number) {
    this.pageCount = pageCount;
    this.#share = share;
    this.#frame = new Int32Array(pageCount);
    this.#pageOfFrame = new Int32Array(machineFrames).fill(NO_PAGE);
    this.#free = new Int32Array(pageCount);
    this.#freeCount = pageCount;
    for (let page = 0; page < pageCount; page += 1) {
      const mfn = share.take();
      assert(mfn !== undefined, 'the hypervisor has a frame for every shadow');
      this.#frame[page] = mfn;
      this.#pageOfFrame[mfn] = page;
      this.#free[pageCount - 1 - page] = page;
    }
  }

  freeCount(): number {
    return this.#freeCount;
  }
  frameOf(page: number): Mfn {
    return toMfn(signedAt(this.#frame, page));
  }
  /** The page whose frame this is. */
  pageOf(mfn: Mfn): number {
    const page = signedAt(this.#pageOfFrame, mfn);
    assert(page !== NO_PAGE, 'the frame of a shadow is of the pool');
    return page;
  }
  /** The frame is one of the pool's. */
  owns(mfn: Mfn): boolean {
    return signedAt(this.#pageOfFrame, mfn) !== NO_PAGE;
  }

  /** A zero page. */
  take(): number {
    assert(this.#freeCount > 0, 'room was made before a shadow is made');
    this.#freeCount -= 1;
    return signedAt(this.#free, this.#freeCount);
  }

  /** A page comes back, zero again. */
  giveBack(page: number): void {
    this.#free[this.#freeCount] = page;
    this.#freeCount += 1;
  }

  /** Every frame goes back to the hypervisor: the domain is dying. */
  close(): void {
    assert(this.#freeCount === this.pageCount, 'a pool that is closed has no shadow');
    for (let page = 0; page < this.pageCount; page += 1) this.#share.giveBack(this.frameOf(page));
    this.#freeCount = 0;
  }
}
