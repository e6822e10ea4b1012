import { CONTROL } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import { freeFrames, isRunning, ownedPages } from '../../model/derived.js';
import { percent, pick } from '../choose.js';
import { targeted } from './on-demand-lines.js';
import type { Scene } from './scene.js';

/** Pages are claimed for a domain, up to all that are left; frames of its table are acquired. */
export function resourceLine(scene: Scene): Line | undefined {
  const { choose, state } = scene;
  const domain = scene.domain(scene.anyId());
  if (domain === undefined) return undefined;
  const caller = scene.hostile() && isRunning(domain) ? domain.id : CONTROL;
  const by = { caller, vcpu: scene.vcpu, target: targeted(scene, domain.id) };
  if (!scene.wantsBatch && percent(choose, 60)) {
    const more = pick(choose, [0, 1, 1, 2, 3, 6, freeFrames(state), freeFrames(state) + 1]);
    const pages = percent(choose, 20) ? 0 : ownedPages(state, domain.id) + more;
    return { op: 'claim_pages', ...by, pages, order: scene.hostile() ? 1 : 0 };
  }
  const id = scene.hostile() ? 2 : choose.below(2);
  const isQuery = percent(choose, 15);
  const count = isQuery !== scene.hostile() ? 0 : 1 + choose.below(scene.wantsBatch ? 4 : 2);
  const frame = scene.hostile() ? pick(choose, [4, 2 ** 31, 2 ** 32, 2 ** 53]) : choose.below(3);
  return { op: 'acquire_resource', ...by, id, frame, count, isQuery };
}
