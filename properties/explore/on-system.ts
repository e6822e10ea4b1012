import type { Program } from '../../abi/program.js';
import type { State } from '../../model/model.js';
import { put } from '../../values/keyed.js';
import { entries } from '../keyed-entries.js';
import { run } from '../run.js';
import type { MakeSubject } from '../subject.js';
import { isFailure, type Failure } from '../verdict.js';
import type { Act } from './bound.js';
import { Words } from './columns.js';
import { openedState, pageSlots } from './opening.js';
import { Played } from './played.js';
import { renamings, unchanged } from './renaming.js';
import type { SearchPlan } from './search.js';
import { linearsOf, Shapes } from './shapes.js';

/** A transition in which a system does what the spec does not allow, with a shortest program to it. */
export interface Disagreement {
  readonly failure: Failure;
  readonly program: Program;
}

/** What is kept of a search beside a system: how each state was reached, and what was counted. */
export interface SystemCheckpoint {
  readonly parents: readonly number[];
  readonly acts: readonly number[];
  readonly begins: readonly number[];
  readonly next: number;
  readonly tried: number;
  readonly changes: number;
}

/**
 * Breadth-first through every state of the spec that a system comes to: every act in every state is
 * carried out on both, with all checks. Where the spec leaves a choice the search goes where the
 * system goes. It is brought to a state by the state's own program on a fresh machine; what changes
 * nothing is tried on one machine, act after act.
 */
export class OnSystem {
  /** Acts that were carried out, of which so many changed something. */
  tried = 0;
  changes = 0;
  next = 0;
  readonly begins: number[] = [0, 1];
  readonly #plan: SearchPlan;
  readonly #make: MakeSubject;
  readonly #shapes: Shapes;
  readonly #known = new Map<string, number>();
  readonly #parents = new Words();
  readonly #acts = new Words();

  constructor(plan: SearchPlan, make: MakeSubject) {
    const { bound, isSymmetric } = plan;
    this.#plan = plan;
    this.#make = make;
    const names = isSymmetric ? renamings(bound.symmetry, bound.machine.domains) : [unchanged];
    const how = { linears: linearsOf(bound), isByPlace: true };
    const opened = openedState(bound);
    this.#shapes = new Shapes(bound.machine, pageSlots(opened), how, names);
    this.#note(opened, 0, 0);
  }

  /** States that the system came to. */
  get states(): number {
    return this.#parents.length;
  }

  get isOver(): boolean {
    const { depth, states } = this.#plan;
    return this.next === this.states || this.begins.length - 2 >= depth || this.states >= states;
  }

  checkpoint(): SystemCheckpoint {
    const { begins, next, tried, changes } = this;
    const [parents, acts] = [[...this.#parents.view()], [...this.#acts.view()]];
    return { parents, acts, begins, next, tried, changes };
  }

  /** Comes to all states of a checkpoint again. */
  restore({ parents, acts, begins, next, tried, changes }: SystemCheckpoint): void {
    for (const [index, parent] of parents.entries()) {
      if (index === 0) continue;
      const act = acts[index] ?? 0;
      const played = this.#playedTo(parent);
      const failure = 'failure' in played ? played.failure : played.perform(this.#act(act));
      if (failure !== undefined || 'failure' in played)
        throw new Error(`state ${index} was reached and cannot be reached any more`);
      this.#note(played.running.state, parent, act);
    }
    this.begins.splice(0, this.begins.length, ...begins);
    this.next = next;
    this.tried = tried;
    this.changes = changes;
  }

  /** Tries all acts in some more states; the first that fails is the answer. */
  run(states: number): Disagreement | undefined {
    for (let tried = 0; tried < states && !this.isOver; tried++) {
      const found = this.#tryAll(this.next);
      if (found !== undefined) return found;
      this.next++;
      if (this.next === this.begins.at(-1) && this.next < this.states)
        this.begins.push(this.states);
    }
    return undefined;
  }

  #tryAll(index: number): Disagreement | undefined {
    let played: Played | undefined;
    for (const number of this.#plan.bound.acts.keys()) {
      if (played === undefined) {
        const again = this.#playedTo(index);
        if ('failure' in again) return again;
        played = again;
      }
      const act = this.#act(number);
      if (!played.isPossible(act)) continue;
      const before = played.running.state;
      this.tried++;
      const failure = played.perform(act);
      if (failure !== undefined) return this.#shortest(index, played, failure);
      if (played.running.state === before) continue;
      this.changes++;
      const late = played.running.checkAll();
      if (late !== undefined) return this.#shortest(index, played, late);
      this.#note(played.running.state, index, number);
      played = undefined;
    }
    const late = played?.running.checkAll();
    if (late === undefined || played === undefined) return undefined;
    return this.#shortest(index, played, late);
  }

  #act(number: number): Act {
    const act = this.#plan.bound.acts[number];
    if (act === undefined) throw new RangeError(`the bound has no act ${number}`);
    return act;
  }

  #note(state: State, parent: number, act: number): void {
    const { shape, patch } = this.#shapes.standingOf(withoutFrames(state));
    const key = `${shape}/${this.#shapes.patches.applied(patch, 0)}`;
    if (this.#known.has(key)) return;
    this.#known.set(key, this.states);
    this.#parents.push(parent);
    this.#acts.push(act);
  }

  /** A fresh system that was brought to a state. */
  #playedTo(index: number): Played | Disagreement {
    const chain: number[] = [];
    for (let at = index; at > 0; at = this.#parents.at(at)) chain.push(this.#acts.at(at));
    const played = new Played(this.#plan.bound, this.#make);
    const { openingFailure } = played;
    if (openingFailure !== undefined) return { failure: openingFailure, program: played.program };
    for (const act of chain.toReversed()) {
      const failure = played.perform(this.#act(act));
      if (failure !== undefined) return { failure, program: played.program };
    }
    return played;
  }

  /** The failing act by itself after the state's program, where it fails so, too. */
  #shortest(index: number, played: Played, failure: Failure): Disagreement {
    const { program } = played;
    const again = this.#playedTo(index);
    if ('failure' in again) return again;
    const way = again.program.lines;
    for (const line of program.lines.slice(way.length)) {
      const shorter = { ...program, lines: [...way, line] };
      const verdict = run(shorter, this.#make, { stride: 1, atEnd: false });
      if (isFailure(verdict)) return { failure: verdict, program: shorter };
    }
    return { failure, program };
  }
}

/** Which frame a page is, is the system's choice. */
function withoutFrames(state: State): State {
  let { pages } = state;
  for (const [name, page] of entries(pages))
    if (page.frame !== undefined) pages = put(pages, name, { ...page, frame: undefined });
  return { ...state, pages };
}
