import type { Violation } from '../../abi/observer.js';

/** Violations as they are found. */
export class Findings {
  readonly violations: Violation[] = [];

  add(id: string, path: string, witness: string): void {
    this.violations.push({ id, path, witness });
  }

  /** Adds a violation unless the claim holds; the sentence is only made where it does not. */
  check(holds: boolean, id: string, path: string, witness: () => string): void {
    if (!holds) this.add(id, path, witness());
  }
}
