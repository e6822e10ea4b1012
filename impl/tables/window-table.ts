import { Mfn } from '../../abi/ids.js';
import { byteAt, signedAt } from './column.js';

const EMPTY = -1;
const WRITABLE = 1;
const READONLY = 0;

/** What a window leads to. */
export interface WindowEntry {
  readonly mfn: Mfn;
  readonly isReadonly: boolean;
}

/** The control domain's linear pages: one row each. A row that is not empty has a reference. */
export class WindowTable {
  readonly count: number;
  readonly #mfn: Int32Array;
  readonly #rights: Uint8Array;

  constructor(count: number) {
    this.count = count;
    this.#mfn = new Int32Array(count).fill(EMPTY);
    this.#rights = new Uint8Array(count);
  }

  isThere(window: number): boolean {
    return window >= 0 && window < this.count;
  }

  entryAt(window: number): WindowEntry | undefined {
    const mfn = signedAt(this.#mfn, window);
    if (mfn === EMPTY) return undefined;
    return { mfn: Mfn(mfn), isReadonly: byteAt(this.#rights, window) === READONLY };
  }

  set(window: number, { mfn, isReadonly }: WindowEntry): void {
    this.#mfn[window] = mfn;
    this.#rights[window] = isReadonly ? READONLY : WRITABLE;
  }

  clear(window: number): void {
    this.#mfn[window] = EMPTY;
  }

  forEach(visit: (window: number, entry: WindowEntry) => void): void {
    for (let window = 0; window < this.count; window += 1) {
      const entry = this.entryAt(window);
      if (entry !== undefined) visit(window, entry);
    }
  }
}
