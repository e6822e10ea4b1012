import type { Bound } from './bound.js';
import { numberAt } from './columns.js';
import { openedState, pageSlots } from './opening.js';
import { Reached } from './reached.js';
import { renamings, unchanged, type Renaming } from './renaming.js';
import { linearsOf, Shapes } from './shapes.js';
import { actOf, Transitions, type Group, type Node } from './transitions.js';
import { Visited } from './visited.js';

/** How a bound is searched. */
export interface SearchPlan {
  readonly bound: Bound;
  /** States that differ in names that mean nothing are one. */
  readonly isSymmetric: boolean;
  /** Acts one after the other, at most. */
  readonly depth: number;
  /** States met, at most. */
  readonly states: number;
}

/** The columns of the states of a search. */
interface Rows {
  readonly shapes: Uint32Array;
  readonly memories: Uint32Array;
  readonly parents: Uint32Array;
  readonly ways: Uint32Array;
}

/** Stands for the parent of the first state. */
const NOBODY = 0xffff_ffff;

/**
 * Breadth-first through every state that a bound's acts lead to: a state is met first by one of the
 * shortest programs that lead to it.
 */
export class Search {
  readonly plan: SearchPlan;
  readonly visited = new Visited();
  readonly shapes: Shapes;
  readonly reached: Reached;
  readonly transitions: Transitions;
  /** Where the states of each depth begin. */
  readonly begins: number[] = [0];
  /** The state whose acts are tried next. */
  next = 0;
  /** Outcomes that changed something, and of these such as are not the first that is allowed. */
  changes = 0;
  looseChanges = 0;
  /** How the first state was renamed. */
  readonly firstRenaming: Renaming;
  readonly #above: Group[] = [];

  constructor(plan: SearchPlan) {
    const { bound, isSymmetric } = plan;
    this.plan = plan;
    const opened = openedState(bound);
    const how = { linears: linearsOf(bound), isByPlace: isSymmetric };
    const names = renamings(bound.symmetry, bound.machine.domains);
    this.shapes = new Shapes(bound.machine, pageSlots(opened), how, names);
    this.reached = new Reached(bound.machine);
    this.transitions = new Transitions(bound, this.shapes, this.reached);
    const { shape, patch } = this.shapes.standingOf(opened);
    this.firstRenaming = names[this.shapes.patches.renamingOf(patch, 0)] ?? unchanged;
    this.#add(shape, this.shapes.patches.applied(patch, 0), NOBODY, 0);
    this.begins.push(1);
  }

  /** The acts of the programs that lead to the states which are tried next. */
  get depth(): number {
    return this.begins.length - 2;
  }

  /** Every state was tried. */
  get isClosed(): boolean {
    return this.next === this.visited.count;
  }

  get isOver(): boolean {
    return this.isClosed || this.depth >= this.plan.depth || this.isFull;
  }

  /** More states than were asked for. */
  get isFull(): boolean {
    return this.visited.count >= this.plan.states;
  }

  /** Tries the acts of some more states. */
  run(states: number): void {
    for (let tried = 0; tried < states && !this.isOver; tried++) this.#expand();
  }

  /**
   * Takes over the states of another search for this bound. A shape is known again by carrying out the
   * act that first led to it.
   */
  restore({ shapes, memories, parents, ways }: Rows): void {
    const numbers = new Map<number, number>([[shapes[0] ?? 0, 0]]);
    for (let row = 1; row < shapes.length; row++) {
      const shape = numberAt(shapes, row);
      const parent = numberAt(parents, row);
      const way = numberAt(ways, row);
      let number = numbers.get(shape);
      if (number === undefined) {
        number = this.#shapeAfter(parent, way);
        numbers.set(shape, number);
      }
      this.#add(number, numberAt(memories, row), parent, way);
    }
  }

  #shapeAfter(parent: number, way: number): number {
    const { shapes, memories } = this.visited;
    const edge = this.transitions
      .edgesOf(shapes.at(parent), memories.at(parent), actOf(way))
      .find((each) => each.way === way);
    if (edge === undefined) throw new Error('an act led somewhere and does not any more');
    return edge.shape;
  }

  #expand(): void {
    const index = this.next;
    const [shape, memory] = [this.visited.shapes.at(index), this.visited.memories.at(index)];
    this.#follow(this.transitions.rootOf(shape, memory), index, shape, memory);
    this.next++;
    if (this.next === this.begins.at(-1) && !this.isClosed) this.begins.push(this.visited.count);
  }

  #follow(node: Node, index: number, shape: number, memory: number): void {
    for (const edge of node.edges) {
      const after = this.shapes.patches.applied(edge.patch, memory);
      if (edge.shape === shape && after === memory) continue;
      this.changes++;
      if (edge.way > 0xffff) this.looseChanges++;
      this.#add(edge.shape, after, index, edge.way);
    }
    for (const group of node.groups) {
      const value = this.shapes.wordAt(memory, group.place);
      const below = this.transitions.nodeOf(group, value, shape, memory, this.#above);
      this.#above.push(group);
      this.#follow(below, index, shape, memory);
      this.#above.pop();
    }
  }

  #add(shape: number, memory: number, parent: number, way: number): void {
    this.visited.add(shape, memory, parent, way);
  }
}
