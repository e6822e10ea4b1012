import type { State } from '../../model/model.js';
import { violatedInvariant } from '../invariants/all.js';
import type { Witness } from '../frame-rule.js';
import type { Act, Bound } from './bound.js';
import { outcomesOf } from './outcomes.js';
import type { Patch } from './patch.js';
import type { Reached } from './reached.js';
import type { Shapes } from './shapes.js';

/** What one outcome of an act comes to, given a shape and the contents that the spec looked at. */
export interface Edge {
  readonly shape: number;
  readonly patch: Patch;
  /** The act, and above its 16 bits which of the outcomes that are allowed. */
  readonly way: number;
}

/** What can be done: whatever is in memory, and what hangs on a word of a page. */
export interface Node {
  readonly edges: readonly Edge[];
  readonly groups: readonly Group[];
}
export interface Group {
  /** slot * 1024 + word */
  readonly place: number;
  readonly acts: readonly number[];
  readonly nodes: Map<number, Node>;
}

/** A state of the spec in which something that is claimed of all states does not hold. */
export class ClaimBroken extends Error {
  override readonly name = 'ClaimBroken';
  readonly witness: Witness;

  constructor(witness: Witness) {
    super(`${witness.claim} does not hold: ${witness.actual}`);
    this.witness = witness;
  }
}

const ACT_BITS = 16;
export const actOf = (way: number): number => way % 2 ** ACT_BITS;
export const alternativeOf = (way: number): number => way >>> ACT_BITS;

/**
 * The spec as a table. It is run on a shape and the contents there are, once; what it did not look at
 * can be anything, so the outcome is that of every state in which the contents that it did look at are
 * the same. The numbers of the acts are those of the bound; one more stands for the claims about states.
 */
export class Transitions {
  readonly acts: readonly Act[];
  /** How often the spec was run. */
  runs = 0;
  readonly #bound: Bound;
  readonly #shapes: Shapes;
  readonly #reached: Reached;
  readonly #roots: (Node | undefined)[] = [];
  readonly #all: readonly number[];
  readonly #none = new Set<number>();

  constructor(bound: Bound, shapes: Shapes, reached: Reached) {
    this.#bound = bound;
    this.#shapes = shapes;
    this.#reached = reached;
    this.acts = bound.acts;
    this.#all = [bound.acts.length, ...bound.acts.keys()];
  }

  /** What can be done in a state; nodes below it are found with `nodeOf`. */
  rootOf(shape: number, memory: number): Node {
    const known = this.#roots[shape];
    if (known !== undefined) return known;
    const { isPaged } = this.#shapes.shapeOf(shape);
    if (isPaged) return this.#runAll(shape, this.#shapes.stateOf(shape, memory));
    const root = this.#build(shape, memory, this.#all, this.#none);
    this.#roots[shape] = root;
    return root;
  }

  /** What can be done of a group's acts, given what its word and those above it hold. */
  nodeOf(
    group: Group,
    value: number,
    shape: number,
    memory: number,
    above: readonly Group[],
  ): Node {
    const known = group.nodes.get(value);
    if (known !== undefined) return known;
    const looked = new Set([group.place, ...above.map(({ place }) => place)]);
    const node = this.#build(shape, memory, group.acts, looked);
    group.nodes.set(value, node);
    return node;
  }

  /** What one act may come to in a state. */
  edgesOf(shape: number, memory: number, act: number): readonly Edge[] {
    const { state, isPaged } = this.#shapes.shapeOf(shape);
    this.#shapes.remember(memory);
    return this.#run(shape, isPaged ? this.#shapes.stateOf(shape, memory) : state, act);
  }

  #build(
    shape: number,
    memory: number,
    acts: readonly number[],
    looked: ReadonlySet<number>,
  ): Node {
    const { state } = this.#shapes.shapeOf(shape);
    const { tokens } = this.#shapes;
    this.#shapes.remember(memory);
    const edges: Edge[] = [];
    const open = new Map<number, number[]>();
    for (const act of acts) {
      tokens.forgetLooks();
      const found = this.#run(shape, state, act);
      const place = tokens.looked.find((each) => !looked.has(each));
      if (place === undefined) edges.push(...found);
      else open.set(place, [...(open.get(place) ?? []), act]);
    }
    const groups = [...open]
      .toSorted(([a], [b]) => a - b)
      .map(([place, later]) => ({ place, acts: later, nodes: new Map<number, Node>() }));
    return { edges, groups };
  }

  #runAll(shape: number, state: State): Node {
    return { edges: this.#all.flatMap((act) => this.#run(shape, state, act)), groups: [] };
  }

  #run(shape: number, state: State, number: number): readonly Edge[] {
    this.runs++;
    const act = this.#bound.acts[number];
    if (act === undefined) {
      const witness = violatedInvariant(state);
      if (witness !== undefined) throw new ClaimBroken(witness);
      return [];
    }
    return outcomesOf(state, act, this.#bound.machine, this.#reached)
      .filter(({ next }) => next !== state)
      .map(({ next, alternative }) => ({
        ...this.#shapes.standingOf(next, shape),
        way: number + alternative * 2 ** ACT_BITS,
      }));
  }
}
