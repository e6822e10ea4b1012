import { withWord, wordAt, type Content } from '../../values/content.js';
import { numberAt } from './columns.js';
import type { Origin } from './tokens.js';

/** Each content of a page that was met, by number; 0 is a page of zeros. */
export class Contents {
  readonly #numbers = new Map<string, number>([['', 0]]);
  readonly #values: Content[] = [undefined];
  readonly #keys: string[] = [''];
  readonly #writes = new Map<string, number>();
  readonly #lists: Origin['words'][] = [];
  readonly #written = new Map<number, number>();
  readonly #known = new WeakMap<object, number>();

  get count(): number {
    return this.#values.length;
  }

  valueOf(number: number): Content {
    return this.#values[number];
  }

  numberOf(content: Content): number {
    if (content === undefined) return 0;
    const known = this.#known.get(content);
    if (known !== undefined) return known;
    const key = keyOf(content);
    let number = this.#numbers.get(key);
    if (number === undefined) {
      number = this.#values.length;
      if (number > 0xffff) throw new RangeError('a bound has at most 65536 contents of pages');
      this.#numbers.set(key, number);
      this.#values.push(content);
      this.#keys.push(key);
    }
    this.#known.set(content, number);
    return number;
  }

  /** All contents, each as the number of its words that are not zero, and these with their indices. */
  words(): Uint32Array {
    return Uint32Array.from(
      this.#values.slice(1).flatMap((content) => {
        const words = wordsOf(content);
        return [words.length, ...words.flat()];
      }),
    );
  }

  /** Puts such contents back into an empty table. */
  restore(words: Uint32Array): void {
    for (let at = 0; at < words.length;) {
      const count = numberAt(words, at++);
      let content: Content;
      for (let i = 0; i < count; i++, at += 2)
        content = withWord(content, numberAt(words, at), numberAt(words, at + 1));
      this.numberOf(content);
    }
  }

  wordOf(number: number, word: number): number {
    return wordAt(this.#values[number], word);
  }

  /** A list of words that are written, by number. */
  writesOf(words: Origin['words']): number {
    const key = words.join(' ');
    const known = this.#writes.get(key);
    if (known !== undefined) return known;
    this.#lists.push(words);
    this.#writes.set(key, this.#lists.length - 1);
    return this.#lists.length - 1;
  }

  /** The content after such a list was written. */
  written(number: number, writes: number): number {
    const key = number * 2 ** 20 + writes;
    const known = this.#written.get(key);
    if (known !== undefined) return known;
    let content = this.valueOf(number);
    for (const [word, value] of this.#lists[writes] ?? []) content = withWord(content, word, value);
    const after = this.numberOf(content);
    this.#written.set(key, after);
    return after;
  }

  /** An order of contents that hangs on nothing else, their numbers least of all. */
  compare(one: number, other: number): number {
    if (one === other) return 0;
    return (this.#keys[one] ?? '') < (this.#keys[other] ?? '') ? -1 : 1;
  }
}

/** The words that are not zero, each with its index. */
function wordsOf(content: Content): readonly (readonly [index: number, word: number])[] {
  const words: (readonly [number, number])[] = [];
  for (const [at, run] of (content ?? []).entries())
    for (const [i, word] of (run ?? []).entries()) if (word !== 0) words.push([at * 32 + i, word]);
  return words;
}

const keyOf = (content: Content): string =>
  wordsOf(content)
    .map(([index, word]) => String.fromCharCode(index, word & 0xffff, word >>> 16))
    .join('');
