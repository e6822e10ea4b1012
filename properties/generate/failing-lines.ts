import { DOMID_SELF } from '../../abi/ids.js';
import { fallible, type FailNext, type Populate } from '../../abi/step.js';
import { percent, pick } from '../choose.js';
import { usedGfn } from './places.js';
import type { Scene } from './scene.js';

/**
 * Something is to fail soon: mostly one of the next tries, so that the lines that follow come to it;
 * sometimes what was armed is taken back. An entry that is to fail is often one amid a range.
 */
export function failingLine(scene: Scene): FailNext | Populate | undefined {
  const { choose, state } = scene;
  const { entry } = state.failing;
  if (entry > 0 && entry <= 4 && percent(choose, 50)) return rangeLine(scene);
  const what = pick(choose, [...fallible, 'entry', 'entry'] as const);
  if (percent(choose, 4)) return { op: 'fail_next', what, after: 0 };
  return { op: 'fail_next', what, after: 1 + choose.below(percent(choose, 70) ? 2 : 10) };
}

/** Fresh pages at a run of gfns, some of which were used before. */
function rangeLine(scene: Scene): Populate | undefined {
  const domain = scene.running();
  if (domain === undefined) return undefined;
  const by = { caller: domain.id, vcpu: scene.vcpu, target: DOMID_SELF };
  const order = percent(scene.choose, 70) ? 1 : 2;
  return { op: 'populate_physmap', ...by, extents: [usedGfn(scene, domain)], order };
}
