import { Course } from './course.js';
import { composed, inverse, renamedAct, unchanged, type Renaming } from './renaming.js';
import type { Search } from './search.js';
import { actOf, alternativeOf } from './transitions.js';

/** A shortest program to a state, and how its names become those that the state has in the search. */
export interface WayTo {
  readonly course: Course;
  readonly names: Renaming;
}

/**
 * The program by which a search met a state first. The states of a search may bear other names than those
 * of the program that leads to them: each step is renamed back by what all steps before it were renamed
 * by.
 */
export function wayTo(search: Search, index: number): WayTo {
  const chain: number[] = [];
  for (let at = index; at > 0; at = search.visited.parents.at(at)) chain.push(at);
  const course = new Course(search.plan.bound);
  let names = search.firstRenaming;
  for (const at of chain.toReversed()) {
    const parent = search.visited.parents.at(at);
    const way = search.visited.ways.at(at);
    const act = search.plan.bound.acts[actOf(way)];
    if (act === undefined) throw new Error(`the bound has no act ${actOf(way)}`);
    course.perform(renamedAct(act, inverse(names)), alternativeOf(way));
    names = composed(names, renamingAfter(search, parent, way));
  }
  return { course, names };
}

/** How the state that an act leads to was renamed. */
function renamingAfter(
  { visited, transitions, shapes }: Search,
  parent: number,
  way: number,
): Renaming {
  const memory = visited.memories.at(parent);
  const edge = transitions
    .edgesOf(visited.shapes.at(parent), memory, actOf(way))
    .find((each) => each.way === way);
  if (edge === undefined) throw new Error('an act led somewhere and does not any more');
  return shapes.renamings[shapes.patches.renamingOf(edge.patch, memory)] ?? unchanged;
}
