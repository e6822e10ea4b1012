import type { Place } from './trace.js';
import { right, tokensOf, Words } from './words.js';

const SEPARATOR = ' ; ';
const EMPTY = 'none';

/** The elements of a batch in one line; `none` for a batch of none. */
export const batchText = (elements: readonly string[]): string =>
  elements.length === 0 ? EMPTY : elements.join(SEPARATOR);

/** Reads each element of a batch from its own words. Throws TraceError. */
export function parseBatch<Element>(
  text: string,
  at: Place,
  element: (words: Words) => Element,
): readonly Element[] {
  return text === EMPTY ? [] : wordsOfEach(text, at).map((words) => whole(words, element));
}

/** The words of each piece of a line between ` ; `. */
export function wordsOfEach(text: string, at: Place): readonly Words[] {
  let column = 0;
  return text.split(SEPARATOR).map((piece) => {
    const place = right(at, column);
    column += piece.length + SEPARATOR.length;
    return new Words(tokensOf(piece, place), right(place, piece.length));
  });
}

/** What `read` makes of the words, all of which it has to take. */
export function whole<Value>(words: Words, read: (words: Words) => Value): Value {
  const value = read(words);
  words.end();
  return value;
}
