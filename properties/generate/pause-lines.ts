import { DomainId } from '../../abi/ids.js';
import type { PauseDomain } from '../../abi/step.js';
import { findKey } from '../../values/keyed.js';
import { percent } from '../choose.js';
import type { Scene } from './scene.js';

/** Domains are paused for a while: others go on using what they lend. */
export function pauseLine(scene: Scene): PauseDomain {
  const { choose } = scene;
  const domain = scene.anyId();
  const isEnd = (scene.domain(domain)?.pauses ?? 0) > 0 ? percent(choose, 60) : percent(choose, 5);
  return { op: isEnd ? 'unpause' : 'pause', domain };
}

/** A domain that is paused is let go on before long. */
export function letGoLine(scene: Scene): PauseDomain | undefined {
  const id = findKey(scene.state.domains, ({ pauses, dying }) => pauses > 0 && !dying);
  if (id === undefined || !percent(scene.choose, 15)) return undefined;
  return { op: 'unpause', domain: DomainId(id) };
}
