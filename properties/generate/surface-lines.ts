import type { Line } from '../../abi/program.js';
import { weighted } from '../choose.js';
import { controlGrantLine } from './control-grant-lines.js';
import { failingLine, midwayLine } from './failing-lines.js';
import { surfaceKinds, type SurfaceKind } from './emphasis.js';
import { frameLine } from './frame-lines.js';
import { hypercallLine } from './hypercall-lines.js';
import { lifeLine } from './life-lines.js';
import { logLine, peekAfter } from './log-lines.js';
import { memoryTypeLine } from './memory-type-lines.js';
import { onDemandLine } from './on-demand-lines.js';
import { letGoLine, pauseLine } from './pause-lines.js';
import { preemptionLine } from './preemption-lines.js';
import { resourceLine } from './resource-lines.js';
import type { Scene } from './scene.js';
import { statusLine } from './status-lines.js';
import { windowLine } from './window-lines.js';

/** A line about what only the whole surface has; undefined where there is nothing to do. */
export function surfaceLine(scene: Scene): Line | undefined {
  const { choose, emphasis } = scene;
  const urgent = letGoLine(scene) ?? midwayLine(scene);
  if (urgent !== undefined) return urgent;
  const rare = choose.below(100);
  const line = rare < 2 ? statusLine(scene) : rare < 6 ? logLine(scene) : undefined;
  if (line !== undefined) return line;
  const total = emphasis.surfaceWeights.reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return undefined;
  const kind = surfaceKinds[weighted(choose, emphasis.surfaceWeights, total)];
  if (kind === undefined) return undefined;
  const made = lineOf[kind](scene);
  if (writing.has(kind)) peekAfter(scene, made);
  return made;
}

/** The kinds by which memory of a domain is written that the domain did not write itself. */
const writing: ReadonlySet<SurfaceKind> = new Set<SurfaceKind>([
  'windows',
  'on_demand',
  'control_grants',
  'hypercall',
]);

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
