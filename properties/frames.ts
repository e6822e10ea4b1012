import type { Mfn } from '../abi/ids.js';
import type { PageId } from '../model/state.js';

/**
 * Which machine frame stands for which page: a one-to-one relation, learnt from replies, p2m
 * entries and views, and forgotten page by page when a page ceases to be.
 */
export class Frames {
  readonly #frameOf: (Mfn | undefined)[] = [];
  readonly #pageOf: (PageId | undefined)[] = [];

  frameOf(page: PageId): Mfn | undefined {
    return this.#frameOf[page];
  }
  pageOf(frame: Mfn): PageId | undefined {
    return this.#pageOf[frame];
  }

  /** False where the page already is another frame, or the frame another page. */
  bind(page: PageId, frame: Mfn): boolean {
    const known = this.#frameOf[page];
    if (known !== undefined) return known === frame;
    if (this.#pageOf[frame] !== undefined) return false;
    this.#frameOf[page] = frame;
    this.#pageOf[frame] = page;
    return true;
  }

  /** The page is no more; its frame may be another page from now on. */
  forget(page: PageId): void {
    const frame = this.#frameOf[page];
    if (frame === undefined) return;
    this.#frameOf[page] = undefined;
    this.#pageOf[frame] = undefined;
  }
}
