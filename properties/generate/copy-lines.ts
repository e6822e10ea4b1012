import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../../abi/grant-table.js';
import { DOMID_SELF } from '../../abi/ids.js';
import type { CopyElement, CopyGrant, CopySide } from '../../abi/step.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { anyGrant, grantInForce } from './grants-in-force.js';
import { ramGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** One side of a copy, with the bit that says it is a ref, and the window its grant shows. */
interface Side {
  readonly side: CopySide;
  readonly isRef: boolean;
  readonly length: number | undefined;
}

/** A domain copies between pages of its own and pages granted to it. */
export function copyLine(scene: Scene, caller: Domain): CopyGrant {
  const elements: CopyElement[] = [];
  const size = scene.batchSize();
  for (let i = 0; i < size; i++) elements.push(element(scene, caller, elements.at(-1)));
  return { op: 'copy', caller: caller.id, vcpu: scene.vcpu, elements };
}

function element(scene: Scene, caller: Domain, previous: CopyElement | undefined): CopyElement {
  const { choose } = scene;
  // What was written is read again, and the other way round: both sides of a grant are in use then.
  const crosswise = percent(choose, 20);
  const [from, to] = crosswise
    ? [previous?.dest, previous?.source]
    : [previous?.source, previous?.dest];
  const source = sideOf(scene, caller, percent(choose, 60), from);
  const dest = sideOf(scene, caller, percent(choose, source.isRef ? 40 : 75), to);
  const window = source.length ?? dest.length;
  const bits = (source.isRef ? GNTCOPY_source_gref : 0) | (dest.isRef ? GNTCOPY_dest_gref : 0);
  return {
    source: source.side,
    dest: dest.side,
    length: lengthOf(scene, window),
    flags: scene.hostile() && percent(choose, 30) ? bits ^ pick(choose, [1, 2, 3, 4, 0x80]) : bits,
  };
}

/** The previous element's side again (its buffer is reused then), or a new one. */
function sideOf(
  scene: Scene,
  caller: Domain,
  isRef: boolean,
  previous: CopySide | undefined,
): Side {
  const { choose } = scene;
  if (previous !== undefined && percent(choose, 50)) {
    const sameKind = previous.domain !== DOMID_SELF;
    const side = { ...previous, offset: offsetIn(scene, undefined, undefined) };
    return { side, isRef: percent(choose, 85) ? sameKind : !sameKind, length: undefined };
  }
  return isRef ? grantSide(scene, caller) : ownSide(scene, caller);
}

function ownSide(scene: Scene, caller: Domain): Side {
  const gfn = percent(scene.choose, 85) ? ramGfn(scene, caller) : usedGfn(scene, caller);
  if (gfn < 2 ** 40) scene.attention.at({ domain: caller.id, gfn });
  const domain = scene.target(caller.id, DOMID_SELF);
  const side = { domain, at: gfn, offset: offsetIn(scene, undefined, undefined) };
  return { side, isRef: false, length: undefined };
}

function grantSide(scene: Scene, caller: Domain): Side {
  const inForce = scene.hostile() ? undefined : grantInForce(scene, caller);
  const grant = inForce ?? anyGrant(scene, caller);
  scene.attention.on(grant);
  const detail = scene.attention.lastWriting(grant)?.detail;
  const window = detail?.is === 'sub_page' ? detail : undefined;
  const own = grant.granter === caller.id && percent(scene.choose, 50);
  const domain = scene.target(caller.id, own ? DOMID_SELF : grant.granter);
  const offset = offsetIn(scene, window?.offset, window?.length);
  return { side: { domain, at: grant.ref, offset }, isRef: true, length: window?.length };
}

/** An absolute offset in a page: inside the granted window, at its edges, past the page. */
function offsetIn(scene: Scene, start: number | undefined, length: number | undefined): number {
  const { choose } = scene;
  if (scene.hostile()) return pick(choose, [4090, 4095, 4096, 0x8000, 0xffff]);
  if (start === undefined || length === undefined) return pick(choose, [0, 0, 0, 8, 16, 4, 512]);
  // Xen keeps fifteen bits of a window's start.
  const first = percent(choose, 80) ? start % 0x8000 : start;
  const edges = [first, first, first, first + 1, first - 1, first + length - 8, first + length];
  return Math.max(0, Math.min(pick(choose, edges), 0xffff));
}

function lengthOf(scene: Scene, window: number | undefined): number {
  const { choose } = scene;
  if (scene.hostile()) return pick(choose, [0, 1, 4095, 4096, 4097, 0xffff]);
  if (window !== undefined) return Math.min(0xffff, pick(choose, [8, window, window + 1, 1]));
  return pick(choose, [8, 8, 16, 3, 1, 0, 64, 4096]);
}
