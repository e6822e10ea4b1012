import type { Line } from '../../abi/program.js';
import {
  HVMMEM_ioreq_server,
  HVMMEM_mmio_dm,
  HVMMEM_ram_ro,
  HVMMEM_ram_rw,
} from '../../abi/step.js';
import { percent, pick } from '../choose.js';
import { usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** A device model makes some of a guest's memory readonly, or writable again, or takes it away. */
export function memoryTypeLine(scene: Scene): Line | undefined {
  const { choose } = scene;
  const domain = scene.domain(scene.anyId());
  if (domain === undefined) return undefined;
  const id = scene.target(domain.id, domain.id);
  const gfn = usedGfn(scene, domain);
  if (gfn < 2 ** 40) scene.attention.at({ domain: domain.id, gfn });
  return {
    op: 'set_memory_type',
    domain: id,
    gfn,
    count: scene.wantsBatch
      ? 2 + choose.below(6)
      : scene.hostile()
        ? pick(choose, [0, 2, 40, 0xffff_ffff])
        : pick(choose, [1, 1, 1, 2, 3]),
    type: scene.hostile() ? pick(choose, [3, HVMMEM_ioreq_server, 5, 0xffff]) : typeFor(scene),
  };
}

function typeFor(scene: Scene): number {
  if (percent(scene.choose, 8)) return HVMMEM_mmio_dm;
  return percent(scene.choose, 60) ? HVMMEM_ram_ro : HVMMEM_ram_rw;
}
