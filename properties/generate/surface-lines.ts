import type { Line } from '../../abi/program.js';
import { weighted } from '../choose.js';
import { controlGrantLine } from './control-grant-lines.js';
import { failingLine, midwayLine } from './failing-lines.js';
import { surfaceKinds, type SurfaceKind } from './emphasis.js';
import { frameLine } from './frame-lines.js';
import { hypercallLine } from './hypercall-lines.js';
import { lifeLine } from './life-lines.js';
import { memoryTypeLine } from './memory-type-lines.js';
import { onDemandLine } from './on-demand-lines.js';
import { letGoLine, pauseLine } from './pause-lines.js';
import { preemptionLine } from './preemption-lines.js';
import { resourceLine } from './resource-lines.js';
import type { Scene } from './scene.js';
import { windowLine } from './window-lines.js';

/** A line about what only the whole surface has; undefined where there is nothing to do. */
export function surfaceLine(scene: Scene): Line | undefined {
  const { choose, emphasis } = scene;
  const urgent = letGoLine(scene) ?? midwayLine(scene);
  if (urgent !== undefined) return urgent;
  const total = emphasis.surfaceWeights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return undefined;
  const kind = surfaceKinds[weighted(choose, emphasis.surfaceWeights, total)];
  return kind === undefined ? undefined : lineOf[kind](scene);
}

const lineOf: Readonly<Record<SurfaceKind, (scene: Scene) => Line | undefined>> = {
  life: lifeLine,
  failing: failingLine,
  pause: pauseLine,
  preemption: preemptionLine,
  memory_type: memoryTypeLine,
  on_demand: onDemandLine,
  windows: windowLine,
  control_grants: controlGrantLine,
  hypercall: hypercallLine,
  resources: resourceLine,
  frames: frameLine,
};
