/**
 * A bug that is known: the story of it, and the change of text that makes it. Read from a `.fault`
 * file by `parse.ts`; nobody but the harness applies it, and to a copy.
 */
export interface Fault {
  /** The file's name without its ending. */
  readonly id: string;
  /** What goes wrong, as a sentence. */
  readonly title: string;
  /** The real bug it retells: an XSA number, or the year of a commit. */
  readonly kin: string;
  /** Ids of the rules and invariants that do not hold any more. */
  readonly breaks: readonly string[];
  readonly changes: readonly Change[];
}

/** One place of one file: a text that occurs in it exactly once, and what stands there instead. */
export interface Change {
  /** Relative to the project: 'impl/hypercalls/map-grant.ts'. */
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

/** A `.fault` file that cannot be read: where, what was expected, what was found. */
export class FaultError extends Error {
  override readonly name = 'FaultError';

  constructor(file: string, line: number, expected: string, found: string) {
    super(`${file}:${line}: expected ${expected}, found ${found}`);
  }
}
