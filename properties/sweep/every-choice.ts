import type { Choose } from '../choose.js';

/**
 * Every choice in turn: what is made up of choices is made up anew for each combination of them, the
 * last choice changing fastest. How many choices there are, and of how many, may hang on earlier ones.
 */
export class EveryChoice implements Choose {
  readonly #taken: number[] = [];
  readonly #of: number[] = [];
  #depth = 0;

  below(n: number): number {
    const depth = this.#depth++;
    const known = this.#taken[depth];
    if (known !== undefined) return known;
    this.#taken.push(0);
    this.#of.push(n);
    return 0;
  }

  /** Goes on to the next combination; false where every one was there. */
  next(): boolean {
    this.#depth = 0;
    for (;;) {
      const last = this.#taken.pop();
      const of = this.#of.pop();
      if (last === undefined || of === undefined) return false;
      if (last + 1 >= of) continue;
      this.#taken.push(last + 1);
      this.#of.push(of);
      return true;
    }
  }
}

/** What a generator makes up of each combination of its choices. */
export function* everyOne<Value>(make: (choose: Choose) => Value): Generator<Value, void> {
  const choose = new EveryChoice();
  do yield make(choose);
  while (choose.next());
}
