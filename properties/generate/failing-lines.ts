import { DOMID_SELF, Gfn, VcpuId } from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import { fallible, type FailNext } from '../../abi/step.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import { ownedPages } from '../../model/derived.js';
import { linearNumber, modeOf, vcpuOf } from '../../model/registers.js';
import type { Domain } from '../../model/state.js';
import { walks } from '../../model/walk.js';
import { percent, pick } from '../choose.js';
import { ramGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/**
 * Something is to fail soon: mostly one of the next tries, so that the lines that follow come to it;
 * sometimes what was armed is taken back.
 */
export function failingLine(scene: Scene): FailNext {
  const { choose } = scene;
  const what = pick(choose, [...fallible, 'entry', 'entry'] as const);
  if (percent(choose, 4)) return { op: 'fail_next', what, after: 0 };
  return { op: 'fail_next', what, after: 1 + choose.below(percent(choose, 70) ? 2 : 10) };
}

/**
 * Where an entry is to fail soon, it is often one amid a range: fresh pages at a run of gfns. Mostly
 * the first was just used, and processors remember it.
 */
export function midwayLine(scene: Scene): Line | undefined {
  const { choose, state, machine } = scene;
  const { entry } = state.failing;
  if (entry === 0 || entry > 4 || !percent(choose, 20)) return undefined;
  const domain = scene.running();
  if (domain === undefined) return undefined;
  // What is displaced stays with the domain, so that it soon may have no more.
  if (ownedPages(state, domain.id) + 4 > domain.maximumPages)
    return { op: 'set_memory_limit', domain: domain.id, pages: machine.guestFrames };

  const by = { caller: domain.id, vcpu: scene.vcpu };
  const range = (gfn: Gfn): Line => {
    const order = entry > 2 ? 2 : 1;
    return { op: 'populate_physmap', ...by, target: DOMID_SELF, extents: [gfn], order };
  };
  const way = percent(choose, 70) ? wayTo(scene, domain) : undefined;
  if (way === undefined) return range(usedGfn(scene, domain));
  scene.followUps.push(range(way.gfn));
  return { op: 'load_linear', ...by, vcpu: way.vcpu, linear: way.linear, size: 1, as: 'kernel' };
}

/** A linear address that leads to a page: one that was used lately, or any without paging. */
function wayTo(
  scene: Scene,
  domain: Domain,
): { readonly vcpu: VcpuId; readonly linear: Word; readonly gfn: Gfn } | undefined {
  const { choose, state, attention, machine } = scene;
  const vcpu = VcpuId(choose.below(machine.vcpus));
  const mode = modeOf(vcpuOf(state, domain.id, vcpu));
  const gfn = ramGfn(scene, domain);
  if (mode === 'unpaged' && gfn < 2 ** 20)
    return { vcpu, gfn, linear: { low: gfn * PAGE_BYTES, high: 0 } };
  const linear = attention.linearOf(choose, domain.id, vcpu);
  if (linear === undefined) return undefined;
  const [walk] = walks([state], domain.id, vcpu, linearNumber(linear, mode));
  return walk === undefined || 'refusal' in walk ? undefined : { vcpu, linear, gfn: Gfn(walk.gfn) };
}
