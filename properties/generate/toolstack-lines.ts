import { CONTROL, DomainId, Gfn } from '../../abi/ids.js';
import type { DomainConfig } from '../../abi/machine.js';
import type { Toolstack } from '../../abi/step.js';
import { isReferencable } from '../../model/derived.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** The control domain creates, ends, limits and looks at domains. */
export function toolstackLine(scene: Scene): Toolstack {
  const { choose } = scene;
  const id = scene.hostile() ? DomainId(scene.machine.domains + 1) : scene.anyId();
  const domain = scene.domain(id);
  const way = choose.below(100);
  if (way < 20) return { op: 'domain_info', domain: id };
  const inspected = domain === undefined ? Gfn(0) : usedGfn(scene, domain);
  if (way < 45) return { op: 'inspect_gfn', domain: id, gfn: inspected };
  if (way < 60) return { op: 'set_memory_limit', domain: id, pages: limit(scene) };
  // The control domain is not the toolstack's to make or end.
  const other = scene.hostile() && percent(choose, 30) ? CONTROL : id;
  if (way < 80 && domain !== undefined) return { op: 'destroy', domain: other };
  return createLine(scene, other);
}

/** Brings the number of domains that can run back up: ends a crashed one, creates a missing one. */
export function renewalLine(scene: Scene): Toolstack | undefined {
  const id = scene.anyId();
  const domain = scene.domain(id);
  if (domain === undefined) return createLine(scene, id);
  if (domain.dying || (!domain.crashed && !isRuined(scene, domain))) return undefined;
  return { op: 'destroy', domain: id };
}

/** A domain that gave up its own grant table can grant nothing any more. */
function isRuined(scene: Scene, domain: Domain): boolean {
  const [table] = domain.grantFrames;
  return table !== undefined && !isReferencable(scene.state, table);
}

function createLine(scene: Scene, domain: DomainId): Toolstack {
  return { op: 'create', domain, config: config(scene) };
}

/** Mostly the machine's defaults; else small, without a table, or impossible. */
function config(scene: Scene): DomainConfig {
  const { choose, machine } = scene;
  const { defaults } = machine;
  if (percent(choose, 70)) return defaults;
  // Now and then one so large that the machine may not have the memory for it.
  const isLarge = percent(choose, 12);
  const ram = isLarge
    ? [{ gfn: 0, count: Math.ceil(machine.guestFrames / 2) }]
    : pick(choose, [defaults.ram, defaults.ram, [{ gfn: 0, count: choose.below(4) }]]);
  return {
    ram,
    maximumPages: isLarge ? machine.guestFrames : pick(choose, [defaults.maximumPages, 8, 20]),
    grantFrames: scene.hostile()
      ? pick(choose, [0, -1, machine.grantFramesMaximum + 1])
      : pick(choose, [defaults.grantFrames, 1, -1]),
    maptrackFrames: scene.hostile()
      ? pick(choose, [0, -1, machine.maptrackFramesMaximum + 1])
      : pick(choose, [defaults.maptrackFrames, 1]),
    grantVersion: scene.hostile() ? pick(choose, [0, 1, 3]) : pick(choose, [2, 2, 2, 1]),
    tableGfn: percent(choose, 85) ? defaults.tableGfn : undefined,
  };
}

const limit = (scene: Scene): number =>
  pick(scene.choose, [
    scene.machine.defaults.maximumPages,
    scene.machine.defaults.maximumPages + 6,
    8,
    scene.machine.guestFrames,
  ]);
