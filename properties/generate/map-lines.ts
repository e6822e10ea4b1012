import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
  GTF_readonly,
} from '../../abi/grant-table.js';
import { Gfn } from '../../abi/ids.js';
import type { GrantLine } from '../../abi/program.js';
import type { MapElement, MapGrant } from '../../abi/step.js';
import { isRunning } from '../../model/derived.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import type { Grant } from './attention.js';
import { grantLine } from './grant-lines.js';
import { anyGrant, grantInForce } from './grants-in-force.js';
import { addressOf, emptyGfn, strangeGfn, tableGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/**
 * A domain maps grants: new ones, ones it has mapped already, ones it has no right to. Where nobody
 * grants it anything, somebody does so now.
 */
export function mapLine(scene: Scene, caller: Domain): MapGrant | GrantLine {
  const elements: MapElement[] = [];
  const size = scene.batchSize();
  for (let i = 0; i < size; i++) {
    const grant = scene.hostile() ? undefined : grantInForce(scene, caller);
    if (grant === undefined && !scene.hostile() && percent(scene.choose, 70)) {
      const granter = scene.running();
      if (elements.length === 0 && granter !== undefined && granter.id !== caller.id)
        return grantLine(scene, granter, caller.id);
    }
    elements.push(element(scene, caller, grant ?? anyGrant(scene, caller)));
  }
  return { op: 'map', caller: caller.id, vcpu: scene.vcpu, elements };
}

function element(scene: Scene, caller: Domain, grant: Grant): MapElement {
  const { choose } = scene;
  const gfn = mappedGfn(scene, caller);
  scene.attention.on(grant);
  if (gfn < 2 ** 40) scene.attention.at({ domain: caller.id, gfn });
  return {
    granter: scene.target(caller.id, grant.granter),
    ref: grant.ref,
    address: addressOf(gfn, percent(choose, 10) ? pick(choose, [1, 0x123, 4095]) : 0),
    flags: flagsFor(scene, grant),
  };
}

/** Mostly an empty gfn; RAM is lost when mapped over, a grant mapping costs the caller its life. */
function mappedGfn(scene: Scene, caller: Domain): Gfn {
  const { choose } = scene;
  if (scene.hostile() && percent(choose, 40)) return strangeGfn(scene);
  const way = choose.below(1000);
  if (way < 30) return usedGfn(scene, caller);
  if (way < 36) return Gfn(tableGfn(scene) + choose.below(3));
  return emptyGfn(scene, caller);
}

function flagsFor(scene: Scene, grant: Grant): number {
  const { choose } = scene;
  if (scene.hostile() && percent(choose, 60)) return pick(choose, refusedFlags);
  const written = scene.attention.lastWriting(grant);
  const readonly = written !== undefined && (written.flags & GTF_readonly) !== 0;
  if (percent(choose, readonly ? 85 : 40)) return GNTMAP_host_map | GNTMAP_readonly;
  return GNTMAP_host_map;
}

const refusedFlags = [
  0,
  GNTMAP_readonly,
  GNTMAP_device_map,
  GNTMAP_device_map | GNTMAP_host_map,
  GNTMAP_application_map | GNTMAP_host_map,
  GNTMAP_contains_pte | GNTMAP_host_map,
  GNTMAP_host_map | 0x20,
  GNTMAP_host_map | 0x1_0000,
  0xffff_ffff,
] as const;

/** A running domain, preferably one that some grant was written for lately. */
export function mapper(scene: Scene): Domain | undefined {
  const to = scene.attention.written(scene.choose)?.to;
  const domain = to === undefined ? undefined : scene.domain(to);
  return domain !== undefined && isRunning(domain) ? domain : scene.running();
}
