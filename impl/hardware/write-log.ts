import type { Mfn } from '../../abi/ids.js';
import { signedAt } from '../tables/column.js';

/** Frames written, each with one byte range [from, to) that covers all its writes. */
export interface WrittenFrames {
  count: number;
  readonly frame: Mfn[];
  readonly from: number[];
  readonly to: number[];
}

/**
 * Which frames that guests can see were written, like page-modification logging. Off until someone
 * wants it; then it costs one compare for a store to a frame that is already in the record.
 *
 * Two records take turns, so that a finished one stays valid while the next is being written.
 */
export class WriteLog {
  #on = false;
  #current: WrittenFrames = { count: 0, frame: [], from: [], to: [] };
  #finished: WrittenFrames = { count: 0, frame: [], from: [], to: [] };
  /** Row of a frame in the current record, plus one; 0 for none. */
  readonly #row: Int32Array;

  constructor(frameCount: number) {
    this.#row = new Int32Array(frameCount);
  }

  switchOn(): void {
    this.#on = true;
  }

  current(): WrittenFrames {
    return this.#current;
  }

  note(mfn: Mfn, from: number, to: number): void {
    if (!this.#on) return;
    const record = this.#current;
    const row = signedAt(this.#row, mfn) - 1;
    if (row < 0) {
      record.frame[record.count] = mfn;
      record.from[record.count] = from;
      record.to[record.count] = to;
      record.count += 1;
      this.#row[mfn] = record.count;
      return;
    }
    if (from < (record.from[row] ?? 0)) record.from[row] = from;
    if (to > (record.to[row] ?? 0)) record.to[row] = to;
  }

  /** Starts a new record and answers the finished one, valid until the next turn. */
  turn(): WrittenFrames {
    const finished = this.#current;
    for (let row = 0; row < finished.count; row += 1) this.#row[finished.frame[row] ?? 0] = 0;
    this.#current = this.#finished;
    this.#current.count = 0;
    this.#finished = finished;
    return finished;
  }
}
