import { CONTROL, DOMID_SELF, DomainId, Gfn, VcpuId } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { isRunning, ownedPages } from '../../model/derived.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { addressOf, emptyGfn, offset, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** Gfns are left to be populated on demand, pages are kept for them, and somebody asks for one. */
export function onDemandLine(scene: Scene): Line | undefined {
  const { choose } = scene;
  const domain = scene.domain(scene.anyId());
  if (domain === undefined) return undefined;
  const way = choose.below(100);
  const { id, dying } = domain;
  if (way < (dying ? 60 : 8))
    return { op: 'memory_type', domain: targeted(scene, id), gfn: wantedGfn(scene, domain) };
  const { gaps } = scene.emphasis;
  if (domain.onDemand === undefined || way < (gaps ? 20 : 30)) return leave(scene, domain);
  if (way < (gaps ? 28 : 55))
    return { op: 'pod_target', domain: targeted(scene, id), target: target(scene, id) };
  return isRunning(domain) ? ask(scene, domain) : undefined;
}

/** Mostly by the control domain; a domain that tries it on itself is refused. */
function leave(scene: Scene, domain: Domain): Line {
  const { choose } = scene;
  const isOwn = scene.hostile() && isRunning(domain);
  const count = 1 + choose.below(scene.emphasis.gaps ? 6 : 3);
  const extents = Array.from({ length: count }, () => {
    const gfn = scene.hostile() ? usedGfn(scene, domain) : emptyGfn(scene, domain);
    if (gfn < 2 ** 40) scene.attention.at({ domain: domain.id, gfn });
    return gfn;
  });
  return {
    op: 'populate_physmap',
    caller: isOwn ? domain.id : CONTROL,
    vcpu: VcpuId(0),
    target: isOwn ? DOMID_SELF : targeted(scene, domain.id),
    extents,
    order: percent(choose, 20) ? 1 + choose.below(2) : 0,
    onDemand: true,
  };
}

export const targeted = (scene: Scene, id: DomainId): DomainId =>
  scene.hostile() ? pick(scene.choose, [DomainId(77), CONTROL]) : id;

function target(scene: Scene, id: DomainId): number | undefined {
  const { choose } = scene;
  if (percent(choose, 20)) return undefined;
  if (scene.hostile()) return pick(choose, [0, 1000, 2 ** 52]);
  const more = scene.emphasis.gaps ? [0, 0, 0, 1, 2] : [0, 1, 1, 2, 3, 6];
  return ownedPages(scene.state, id) + pick(choose, more);
}

/** A gfn without a page is accessed, given up, moved or granted. */
function ask(scene: Scene, domain: Domain): Line {
  const { choose } = scene;
  const gfn = wantedGfn(scene, domain);
  if (gfn < 2 ** 40) scene.attention.at({ domain: domain.id, gfn });
  const by = { caller: domain.id, vcpu: scene.vcpu };
  const crosses = scene.emphasis.gaps && percent(choose, 20);
  const address = addressOf(gfn, crosses ? PAGE_BYTES - 4 : offset(scene));
  const way = choose.below(100);
  const value = { low: 1 + choose.below(9), high: 0 };
  if (way < 35) return { op: 'load', ...by, address, size: 8 };
  if (way < 55) return { op: 'store', ...by, address, size: 8, value };
  if (way < 60) return { op: 'xadd', ...by, address, size: 8, value };
  const self = { ...by, target: DOMID_SELF };
  if (way < 80)
    return {
      op: 'decrease_reservation',
      ...self,
      extents: [percent(choose, 60) ? gfn : usedGfn(scene, domain)],
      order: percent(choose, 30) ? 1 + choose.below(2) : 0,
    };
  if (way < 85) return { op: 'remove_from_physmap', ...self, gfn };
  if (way < 95)
    return {
      op: 'add_to_physmap',
      ...self,
      space: 2,
      index: gfn,
      gfn: emptyGfn(scene, domain),
      size: 0,
    };
  return { op: 'inspect_gfn', domain: domain.id, gfn };
}

function wantedGfn(scene: Scene, domain: Domain): Gfn {
  const gap = percent(scene.choose, 80) ? scene.some(domain.onDemand) : undefined;
  return gap === undefined ? usedGfn(scene, domain) : Gfn(gap.key);
}
