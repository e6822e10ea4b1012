import type { Word } from '../../abi/word.js';
import { registersOf } from './course.js';
import type { WalkCase, WalkOperation } from './recorded-case.js';
import type { Setting } from './setting.js';
import { after, allowedBy, dwordIn, firstState, type SpecStates } from './spec-states.js';

/** The spec as it goes through a case: every state that it may be in by what was answered so far. */
export class SpecRun {
  readonly #watched: readonly number[];
  #states: SpecStates;
  #allowed: ReadonlyMap<string, SpecStates> = new Map();

  constructor(one: WalkCase, { machine, config, boot, reach }: Setting) {
    const state = boot.reduce(after, firstState(machine, config));
    this.#watched = [...reach.dwords.keys()];
    this.#states = [{ state, registers: registersOf(one) }];
  }

  get states(): SpecStates {
    return this.#states;
  }

  /** What an operation may answer. `follow` has to be next. */
  allowed(operation: WalkOperation): ReadonlySet<string> {
    this.#allowed = allowedBy(this.#states, operation, this.#watched);
    return new Set(this.#allowed.keys());
  }

  /** Goes on with these answers; with all that were allowed if these were not. */
  follow(isGiven: (answer: string) => boolean): void {
    const given = [...this.#allowed].filter(([answer]) => isGiven(answer));
    this.#states = (given.length > 0 ? given : [...this.#allowed]).flatMap(([, ends]) => ends);
  }

  /** Of several states keeps those with this memory; all where none has. */
  narrow(dwordAt: (address: number) => number): void {
    if (this.#states.length < 2) return;
    const kept = this.#states.filter(({ state }) =>
      this.#watched.every((address) => dwordIn(state, address) === dwordAt(address)),
    );
    if (kept.length > 0) this.#states = kept;
  }

  /** In one of the states this stands at the address. */
  has(address: number, width: 4 | 8, { low, high }: Word): boolean {
    return this.#states.some(
      ({ state }) =>
        dwordIn(state, address) === low && (width === 4 || dwordIn(state, address + 4) === high),
    );
  }
}
