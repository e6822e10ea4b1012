import type { State } from '../../model/state.js';

/** A claim about every reachable state. It answers with its violations; silence means it holds. */
export interface Invariant {
  readonly id: string;
  /** A sentence that could be false. */
  readonly name: string;
  /** The harm if it were. */
  readonly why: string;
  /** The kind of place, without numbers. */
  readonly path: string;
  readonly violations: (state: State) => Iterable<string>;
}
