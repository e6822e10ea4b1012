import type { Program } from '../abi/program.js';

/**
 * A trace: a program, what the spec answers to each of its lines, and the story of why it is kept.
 * `print.ts` writes it as text, `parse.ts` reads that text back, and the two are inverse.
 */
export interface Trace {
  readonly story: Story;
  readonly program: Program;
  /** One for each line of the program: the right column, word for word, or undefined for none. */
  readonly expectations: readonly (string | undefined)[];
}

/** The comment at the head of a trace. A value of several lines holds them joined by '\n'. */
export interface Story {
  /** Free lines, the title first; '' is an empty comment line. */
  readonly text: readonly string[];
  /** The rule that was broken, and how. */
  readonly broke?: string;
  /** Real bugs of the same kind: an XSA number or a commit. */
  readonly kin?: string;
  /** Where it was found: seed, steps before and after shrinking. */
  readonly found?: string;
  /** Where it was mended. */
  readonly fixed?: string;
  /** Why the harness had not found it before, and what has changed since. */
  readonly missed?: string;
}

/** The fields of a story, in the order in which they are printed. */
export const storyFields = ['broke', 'kin', 'found', 'fixed', 'missed'] as const;
export type StoryField = (typeof storyFields)[number];

/** The fields that every file in `counterexamples/` has. */
export const requiredFields = ['broke', 'found', 'fixed', 'missed'] as const;

/** The only version of the format there is. */
export const TRACE_VERSION = 1;

/** No trace is larger than this. Whoever reads a file checks its size before its text. */
export const TRACE_BYTES_LIMIT = 8 * 2 ** 20;

/** Where something stands in a file; lines and columns count from 1. */
export interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The text is not a trace: the first place where it stops being one, and what would be one. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly place: Place;
  readonly expected: string;

  constructor(place: Place, expected: string, found: string) {
    super(`${place.file}:${place.line}:${place.column}: expected ${expected}, found ${found}`);
    this.place = place;
    this.expected = expected;
  }
}
