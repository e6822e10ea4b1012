import { Gfn, Handle, NO_HANDLE } from '../../abi/ids.js';
import type { FromLine, UnmapLine, UnmapLineElement } from '../../abi/program.js';
import { isGrant } from '../../model/derived.js';
import type { Keyed } from '../../values/keyed.js';
import type { Domain, Entry, PageId } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { addressOf, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** A domain gives mappings back: its own, crosswise, at wrong places, twice. */
export function unmapLine(scene: Scene, caller: Domain): UnmapLine {
  const elements: UnmapLineElement[] = [];
  const size = scene.batchSize();
  for (let i = 0; i < size; i++) elements.push(element(scene, caller));
  return { op: 'unmap', caller: caller.id, vcpu: scene.vcpu, elements };
}

function element(scene: Scene, caller: Domain): UnmapLineElement {
  const { choose } = scene;
  const mapping = scene.some(caller.mappings);
  const deviceAddress = scene.hostile() ? pick(choose, [1, 4096, 2 ** 40]) : 0;
  if (mapping === undefined || (scene.hostile() && percent(choose, 50)))
    return {
      handle: wrongHandle(scene, caller),
      address: addressOf(usedGfn(scene, caller), 0),
      deviceAddress,
    };

  const handle = scene.handle(caller.id, Handle(mapping.key));
  if (scene.hostile()) return { handle, address: addressOf(0, 0), deviceAddress };
  // Now and then the place of another mapping: the frame there decides what happens.
  const elsewhere = percent(choose, 5) ? scene.some(caller.mappings) : undefined;
  const found = someGfnOf(scene, caller.p2m, (elsewhere ?? mapping).value.page);
  const gfn = found === undefined || percent(choose, 4) ? usedGfn(scene, caller) : found;
  if (gfn < 2 ** 40) scene.attention.at({ domain: caller.id, gfn });
  scene.attention.on(mapping.value);
  // An address of zero means "no host mapping": gfn 0 is named by another byte of it.
  const byte = gfn === 0 && percent(choose, 80) ? 1 : percent(choose, 8) ? 4095 : 0;
  return { handle, address: addressOf(gfn, byte), deviceAddress };
}

/** A handle that is nobody's, somebody else's, or was the caller's once. */
function wrongHandle(scene: Scene, caller: Domain): Handle | FromLine {
  const { choose, machine } = scene;
  const handles = machine.handlesPerFrame * machine.maptrackFramesMaximum;
  const past = Handle(choose.below(Math.min(handles + 2, 40)));
  return percent(choose, 60)
    ? scene.handle(caller.id, past)
    : pick(choose, [past, NO_HANDLE, Handle(handles), Handle(0x7fff_ffff)]);
}

/** One of the gfns at which a page is mapped as a grant; which one is left to chance. */
export function someGfnOf(scene: Scene, p2m: Keyed<Entry>, page: PageId): Gfn | undefined {
  const found: number[] = [];
  collect(p2m, page, found);
  return found.length === 0 ? undefined : Gfn(pick(scene.choose, found));
}

function collect(node: Keyed<Entry>, page: PageId, found: number[]): void {
  if (node === undefined) return;
  if (node.half === 0) {
    if (node.value?.page === page && isGrant(node.value)) found.push(node.key);
    return;
  }
  collect(node.low, page, found);
  collect(node.high, page, found);
}
