import type { EndVerdict } from './case-end.js';
import { Counting, operationText, type CaseReport, type Disagreement } from './case-report.js';
import type { Verdict } from './judge.js';
import type { WalkCase } from './recorded-case.js';
import { hexOf, wordOf } from './words.js';

/** The verdicts on one case, as they are made. */
export class CaseRun {
  readonly #file: string;
  readonly #case: WalkCase;
  readonly #steps = new Counting();
  readonly #entries = new Counting();
  readonly #dwords = new Counting();
  readonly #disagreements: Disagreement[] = [];

  constructor(file: string, one: WalkCase) {
    this.#file = file;
    this.#case = one;
  }

  step(index: number, verdict: Verdict, got: string): void {
    const operation = this.#case.steps[index]?.operation;
    const told = operation === undefined ? '' : `: ${operationText(operation)}`;
    this.#take(this.#steps, verdict, `step ${index}${told}`, got);
  }

  /** The target could not go on, or not even begin. */
  broke(where: string, got: string): void {
    this.#take(this.#steps, { is: 'disagrees', expected: 'an answer' }, where, got);
  }

  /** Memory as it is in the end. */
  end(verdicts: readonly EndVerdict[]): void {
    for (const { address, isEntry, verdict, found } of verdicts)
      this.#take(
        isEntry ? this.#entries : this.#dwords,
        verdict,
        `in the end: ${isEntry ? 'entry' : 'dword'} at 0x${address.toString(16)}`,
        hexOf(found),
      );
  }

  /** A dword changed that nothing recorded can have changed. */
  stray(address: number, found: number): void {
    const verdict: Verdict = { is: 'disagrees', expected: '0x0, no step comes to it' };
    const where = `in the end: dword at 0x${address.toString(16)}`;
    this.#take(this.#dwords, verdict, where, hexOf(wordOf(found)));
  }

  report(): CaseReport {
    return {
      file: this.#file,
      case: this.#case.name,
      index: this.#case.index,
      steps: this.#steps,
      entries: this.#entries,
      dwords: this.#dwords,
      disagreements: this.#disagreements,
    };
  }

  #take(counting: Counting, verdict: Verdict, where: string, got: string): void {
    counting.count(verdict);
    if (verdict.is !== 'disagrees') return;
    const { name, index } = this.#case;
    const { expected } = verdict;
    this.#disagreements.push({ file: this.#file, case: name, index, where, expected, got });
  }
}
