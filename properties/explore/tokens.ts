import type { Content } from '../../values/content.js';

/**
 * Contents that notice when they are looked at, word by word. The spec is run on a state whose pages have
 * tokens for their contents: what it did not look at cannot have mattered. A token that comes out of a
 * step is the content of its slot, moved; a copy of it that was written to is that content with some
 * words changed, whatever the others are.
 */
export class Tokens {
  /** The words that were looked at, as slot * 1024 + word, in order, once each. */
  readonly looked: number[] = [];
  readonly #wordAt: (slot: number, word: number) => number;
  readonly #tokens: readonly NonNullable<Content>[];
  readonly #slots = new Map<object, number>();
  readonly #runs = new WeakMap<object, Written>();

  /** `wordAt` answers what is in a word of a slot at the moment. */
  constructor(slots: number, wordAt: (slot: number, word: number) => number) {
    this.#wordAt = wordAt;
    this.#tokens = Array.from({ length: slots }, (_, slot) => {
      const runs = Array.from({ length: RUNS }, (_none, run) =>
        this.#token({ slot, run, words: new Map() }),
      );
      const token = new Proxy(runs, {});
      this.#slots.set(token, slot);
      return token;
    });
  }

  at(slot: number): Content {
    return this.#tokens[slot];
  }

  forgetLooks(): void {
    this.looked.length = 0;
  }

  /** What a content is made of; undefined where it is a content by itself. */
  originOf(content: Content): Origin | undefined {
    if (content === undefined) return undefined;
    const slot = this.#slots.get(content);
    if (slot !== undefined) return { slot, words: [] };
    const written = content.map((run) => (run === undefined ? undefined : this.#runs.get(run)));
    const first = written[0];
    if (first === undefined) return undefined;
    const isWhole = written.every((each, i) => each?.slot === first.slot && each.run === i);
    if (!isWhole) throw new Error('a page was put together of several in a way that is not known');
    const words = written.flatMap((each, run) =>
      [...(each?.words ?? [])].map(([i, value]) => [run * RUN_WORDS + i, value] as const),
    );
    return { slot: first.slot, words: words.toSorted(([a], [b]) => a - b) };
  }

  /** A run of words that are looked up, but for those that were written. */
  #token(written: Written): number[] {
    const { slot, run, words } = written;
    const token: number[] = new Proxy(noWords, {
      get: (target, property) => {
        if (property === 'slice') return () => this.#token({ slot, run, words: new Map(words) });
        const index = typeof property === 'string' ? Number(property) : Number.NaN;
        if (!(index >= 0 && index < RUN_WORDS)) return Reflect.get(target, property);
        return words.get(index) ?? this.#look(slot, run * RUN_WORDS + index);
      },
      set: (_target, property, value: number) => {
        words.set(Number(property), value);
        return true;
      },
    });
    this.#runs.set(token, written);
    return token;
  }

  #look(slot: number, word: number): number {
    const place = slot * PAGE_WORDS + word;
    if (!this.looked.includes(place)) this.looked.push(place);
    return this.#wordAt(slot, word);
  }
}

/** A content as the one of a slot, with some words changed. */
export interface Origin {
  readonly slot: number;
  readonly words: readonly (readonly [word: number, value: number])[];
}

interface Written {
  readonly slot: number;
  readonly run: number;
  readonly words: Map<number, number>;
}

const RUNS = 32;
const RUN_WORDS = 32;
export const PAGE_WORDS = RUNS * RUN_WORDS;
const noWords: number[] = Array.from({ length: RUN_WORDS }, () => 0);
