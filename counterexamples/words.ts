import { TraceError, type Place } from './trace.js';

/** A run of characters without a space, and where it stands. */
export interface Token {
  readonly text: string;
  readonly place: Place;
}

/** The tokens of one line of text; columns count from where `text` stands. */
export function tokensOf(text: string, at: Place): readonly Token[] {
  return [...text.matchAll(/\S+/g)].map((match) => ({
    text: match[0],
    place: right(at, match.index),
  }));
}

/** The place `columns` to the right. */
export const right = (place: Place, columns: number): Place => ({
  ...place,
  column: place.column + columns,
});

/** Text as it is quoted in an error: short, and 'nothing' for none. */
export const quoted = (text: string): string =>
  text === '' ? 'nothing' : `'${text.length > 40 ? `${text.slice(0, 40)}…` : text}'`;

/** Refuses a token, saying what should stand there. */
export function refuseToken(token: Token, expected: string): never {
  throw new TraceError(token.place, expected, quoted(token.text));
}

/**
 * The words of one element of a line, taken one by one: first those told by their position, then
 * those told by their key (`ref=9`), in any order. What is left at the end is an error.
 */
export class Words {
  readonly #left: Token[];
  readonly #end: Place;
  readonly #known: string[] = [];

  constructor(tokens: readonly Token[], end: Place) {
    this.#left = [...tokens];
    this.#end = end;
  }

  /** The next word, whatever it is. Throws TraceError where there is none. */
  next(expected: string): Token {
    const token = this.#left.shift();
    if (token === undefined) throw new TraceError(this.#end, expected, 'the end of the arguments');
    return token;
  }

  /** The value of `key=value`. Throws TraceError where there is none. */
  keyed(key: string, expected: string): Token {
    const token = this.optional(key);
    if (token !== undefined) return token;
    const next = this.#left[0];
    if (next !== undefined) return refuseToken(next, `${key}=${expected}`);
    throw new TraceError(this.#end, `${key}=${expected}`, 'the end of the arguments');
  }

  /** The value of `key=value`, or undefined where the key does not occur. */
  optional(key: string): Token | undefined {
    this.#known.push(`${key}=`);
    const index = this.#left.findIndex((token) => token.text.startsWith(`${key}=`));
    if (index < 0) return undefined;
    const [token] = this.#left.splice(index, 1);
    return token === undefined ? undefined : valueOf(token, key);
  }

  /** Whether there is a `key=value` left. */
  has(key: string): boolean {
    return this.#left.some((token) => token.text.startsWith(`${key}=`));
  }

  /** The word itself, or undefined where it does not occur. */
  word(...words: readonly string[]): string | undefined {
    this.#known.push(...words);
    const index = this.#left.findIndex((token) => words.includes(token.text));
    return index < 0 ? undefined : this.#left.splice(index, 1)[0]?.text;
  }

  /** Throws TraceError unless every word was taken. */
  end(): void {
    const token = this.#left[0];
    if (token === undefined) return;
    const known = this.#known.length === 0 ? '' : ` or one (more) of ${this.#known.join(' ')}`;
    refuseToken(token, `the end of the arguments${known}`);
  }
}

function valueOf(token: Token, key: string): Token {
  const columns = key.length + 1;
  return { text: token.text.slice(columns), place: right(token.place, columns) };
}
