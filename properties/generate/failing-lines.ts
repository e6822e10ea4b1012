import { fallible, type FailNext } from '../../abi/step.js';
import { percent, pick } from '../choose.js';
import type { Scene } from './scene.js';

/**
 * Something is to fail soon: mostly one of the next tries, so that the lines that follow come to it;
 * sometimes what was armed is taken back.
 */
export function failingLine(scene: Scene): FailNext {
  const { choose } = scene;
  const what = pick(choose, [...fallible, 'entry', 'entry'] as const);
  if (percent(choose, 4)) return { op: 'fail_next', what, after: 0 };
  return { op: 'fail_next', what, after: 1 + choose.below(percent(choose, 70) ? 2 : 10) };
}
