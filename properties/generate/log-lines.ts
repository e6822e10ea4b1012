import type { Line } from '../../abi/program.js';
import type { LogDirty } from '../../abi/step.js';
import { percent, pick } from '../choose.js';
import type { Scene } from './scene.js';

/** A log is begun, read or ended, mostly as it can be. */
export function logLine(scene: Scene): LogDirty | undefined {
  const { choose } = scene;
  const domain = scene.domain(scene.anyId());
  if (domain === undefined) return undefined;
  const action =
    domain.loggedSince === undefined
      ? 'enable'
      : pick(choose, ['peek', 'clean', 'clean', 'clean', 'clean', 'disable'] as const);
  return { op: 'log_dirty', domain: domain.id, action };
}

/** While a log is on, what others do to the memory of its domain is looked for in it, at once. */
export function peekAfter(scene: Scene, line: Line | undefined): void {
  if (line === undefined || !percent(scene.choose, 30)) return;
  const domain = scene.domain(scene.anyId());
  if (domain?.loggedSince === undefined) return;
  scene.followUps.push({ op: 'log_dirty', domain: domain.id, action: 'peek' });
}
