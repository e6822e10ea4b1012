import { CONTROL, DOMID_SELF, type DomainId, type GuestPhysical } from '../../abi/ids.js';
import {
  refusedGrantCalls,
  type GrantCall,
  type SwapElement,
  type SwapGrant,
} from '../../abi/step.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { addressOf, offset, ramGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';
import { someGfnOf } from './unmap-lines.js';

type TableCall = Exclude<GrantCall, { readonly op: 'map' | 'unmap' | 'copy' }>;

/** A domain asks about its grant table, or changes its version, size or order. */
export function tableLine(scene: Scene, caller: Domain): TableCall {
  const by = { caller: caller.id, vcpu: scene.vcpu };
  const way = scene.choose.below(100);
  if (way < 30) return { op: 'swap', ...by, elements: swaps(scene, caller) };
  if (way < 62) return { op: 'set_version', ...by, version: version(scene, caller) };
  if (way < 80)
    return {
      op: 'setup_table',
      ...by,
      target: asked(scene, caller),
      frames: frames(scene, caller),
      count: count(scene),
      list: list(scene, caller),
    };
  if (way < 88)
    return { op: 'query_size', ...by, target: asked(scene, caller), count: count(scene) };
  if (way < 96) return { op: 'get_version', ...by, target: asked(scene, caller) };
  return { op: 'refused_grant_call', ...by, name: pick(scene.choose, refusedGrantCalls) };
}

/** A domain exchanges entries of its table. */
export const swapLine = (scene: Scene, caller: Domain): SwapGrant => ({
  op: 'swap',
  caller: caller.id,
  vcpu: scene.vcpu,
  elements: swaps(scene, caller),
});

/** Whose table: its own, by number or as "self"; now and then another's. */
function asked(scene: Scene, caller: Domain): DomainId {
  if (percent(scene.choose, 70)) return DOMID_SELF;
  return percent(scene.choose, 50)
    ? caller.id
    : scene.target(caller.id, pick(scene.choose, [scene.other(caller.id), CONTROL]));
}

function version(scene: Scene, caller: Domain): number {
  if (scene.hostile()) return pick(scene.choose, [0, 3, 0xffff_ffff]);
  return percent(scene.choose, 80) ? 3 - caller.grantVersion : caller.grantVersion;
}

function frames(scene: Scene, caller: Domain): number {
  if (scene.hostile()) return pick(scene.choose, [caller.grantFramesMaximum + 1, 0xffff_ffff]);
  return scene.choose.below(caller.grantFramesMaximum + 1);
}

const count = (scene: Scene): number => (scene.hostile() ? pick(scene.choose, [0, 2, 7]) : 1);

function list(scene: Scene, caller: Domain): GuestPhysical | undefined {
  const { choose } = scene;
  if (percent(choose, 40)) return undefined;
  const byte = percent(choose, 80) ? 256 : offset(scene);
  // No result may be written through a mapping, not even of the caller's own page.
  const mapping = percent(choose, 25) ? scene.some(caller.mappings)?.value : undefined;
  const mapped = mapping === undefined ? undefined : someGfnOf(scene, caller.p2m, mapping.page);
  if (mapped !== undefined) return addressOf(mapped, byte);
  return addressOf(percent(choose, 70) ? ramGfn(scene, caller) : usedGfn(scene, caller), byte);
}

function swaps(scene: Scene, caller: Domain): readonly SwapElement[] {
  const size = scene.batchSize();
  const elements: SwapElement[] = [];
  for (let i = 0; i < size; i++) {
    const known = scene.attentive() ? scene.attention.grant(scene.choose) : undefined;
    const first = known?.granter === caller.id ? known.ref : scene.ref(caller);
    const second = percent(scene.choose, 6) ? first : scene.ref(caller);
    elements.push({ first, second });
  }
  return elements;
}
