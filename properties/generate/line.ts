import { DomainId } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import { isReferencable, isRunning } from '../../model/derived.js';
import { get } from '../../values/keyed.js';
import type { Domain } from '../../model/state.js';
import { percent, weighted } from '../choose.js';
import { accessLine } from './access-lines.js';
import { copyLine } from './copy-lines.js';
import { families, type Family } from './emphasis.js';
import { grantLine } from './grant-lines.js';
import { mapLine, mapper } from './map-lines.js';
import { pagingLine, pagingOpening } from './paging-lines.js';
import { mapTableLine, physmapLine } from './physmap-lines.js';
import { statusGfn, tableGfn } from './places.js';
import { resumedInstead } from './preemption-lines.js';
import type { Scene } from './scene.js';
import { surfaceLine } from './surface-lines.js';
import { tableLine } from './table-lines.js';
import { renewalLine, toolstackLine } from './toolstack-lines.js';
import { unmapLine } from './unmap-lines.js';

/** The next line of a program, chosen from the model's state. */
export const nextLine = (scene: Scene): Line => resumedInstead(scene, anyLine(scene));

function anyLine(scene: Scene): Line {
  const { choose, emphasis } = scene;
  const followUp = scene.followUps.shift();
  if (followUp !== undefined) return followUp;
  if (percent(choose, 6) && percent(choose, emphasis.care)) {
    const renewal = renewalLine(scene);
    if (renewal !== undefined) return renewal;
  }
  if (emphasis.surfaceShare > 0 && percent(choose, emphasis.surfaceShare)) {
    const line = surfaceLine(scene);
    if (line !== undefined) return line;
  }
  if (emphasis.guests !== undefined && percent(choose, emphasis.pagingShare)) {
    const caller = scene.running();
    if (caller !== undefined) return pagingLine(scene, caller);
  }
  const family = families[weighted(choose, emphasis.weights, emphasis.total)] ?? 'access';
  return lineOf(scene, family);
}

function lineOf(scene: Scene, family: Family): Line {
  if (family === 'toolstack') return toolstackLine(scene);
  const caller = callerFor(scene, family);
  if (caller === undefined) return renewalLine(scene) ?? toolstackLine(scene);

  const repair = tableRepair(scene, caller, family);
  if (repair !== undefined) return repair;
  switch (family) {
    case 'grant':
      return grantLine(scene, caller);
    case 'map':
      return mapLine(scene, caller);
    case 'unmap':
      // Without any mapping there is little to unmap: mostly one is made instead.
      return caller.mappings === undefined && percent(scene.choose, 85)
        ? mapLine(scene, caller)
        : unmapLine(scene, caller);
    case 'copy':
      return copyLine(scene, caller);
    case 'table':
      return tableLine(scene, caller);
    case 'physmap':
      return physmapLine(scene, caller);
    case 'access':
      return accessLine(scene, caller);
  }
}

/** Who acts: somebody who has a reason to, as far as one is found. */
function callerFor(scene: Scene, family: Family): Domain | undefined {
  // A domain that does not run is asked, too: nothing must happen.
  if (scene.hostile() && percent(scene.choose, 3)) {
    const anyone = scene.domain(scene.anyId());
    if (anyone !== undefined) return anyone;
  }
  if (family === 'map' || family === 'copy') return mapper(scene);
  if (family === 'unmap') return holder(scene) ?? mapper(scene);
  if (scene.attentive()) {
    const place = scene.attention.place(scene.choose);
    const domain = place === undefined ? undefined : scene.domain(place.domain);
    if (domain !== undefined && isRunning(domain)) return domain;
  }
  return scene.running();
}

/** A running domain with mappings, if there is one. */
function holder(scene: Scene): Domain | undefined {
  const start = scene.choose.below(scene.machine.domains);
  for (let i = 0; i < scene.machine.domains; i++) {
    const domain = scene.domain(DomainId(1 + ((start + i) % scene.machine.domains)));
    if (domain?.mappings !== undefined && isRunning(domain)) return domain;
  }
  return undefined;
}

/** A guest that cannot reach its own table mostly maps it again before it writes to it. */
function tableRepair(scene: Scene, caller: Domain, family: Family): Line | undefined {
  if (family !== 'grant' && family !== 'table') return undefined;
  if (!isRunning(caller) || !percent(scene.choose, scene.emphasis.care)) return undefined;
  for (let frame = 0; frame < caller.grantFrames.length; frame++) {
    const entry = get(caller.p2m, tableGfn(scene) + frame);
    const page = caller.grantFrames[frame];
    if (page === undefined || entry?.page === page) continue;
    // A frame that was given up can never be mapped again.
    if (!isReferencable(scene.state, page) && percent(scene.choose, 90)) return undefined;
    return frame === 0 || percent(scene.choose, 30)
      ? mapTableLine(scene, caller, frame, false)
      : undefined;
  }
  if (caller.grantVersion === 1 || !percent(scene.choose, 30)) return undefined;
  const status = get(caller.p2m, statusGfn(scene));
  return status?.page === caller.statusFrames[0] ? undefined : mapTableLine(scene, caller, 0, true);
}

/**
 * The lines an episode opens with, each chosen when those before it were made: some domains choose
 * version 2 before anything else, and vcpus turn paging on.
 */
export function* openingLines(scene: Scene, domains: readonly DomainId[]): IterableIterator<Line> {
  for (const caller of domains)
    if (percent(scene.choose, scene.emphasis.versionTwo))
      yield { op: 'set_version', caller, vcpu: scene.vcpu, version: 2 };
  if (scene.emphasis.guests !== undefined) yield* pagingOpening(scene, domains);
}
