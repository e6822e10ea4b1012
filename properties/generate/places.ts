import { Gfn, GuestPhysical } from '../../abi/ids.js';
import type { P2mType } from '../../abi/observer.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { get } from '../../values/keyed.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import type { Scene } from './scene.js';

/** Where guests put what has no place yet: few gfns, so that operations meet at them. */
const holes = [0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x30, 0x31] as const;
/** Each of these needs tables of the p2m that nothing else needs. */
const distant = [0x200, 0x201, 0x400, 0x4_0000, 0x4_0001, 0x8_0200, 2 ** 27, 2 ** 27 + 1] as const;
/** Where status frames of version 2 are mapped, by frame. */
export const STATUS_GFN = 0x28;

/** The gfn at which a guest expects grant frame 0. */
export const tableGfn = (scene: Scene): Gfn => Gfn(scene.machine.defaults.tableGfn ?? 0x20);

/** A gfn that is meant to be empty: for new mappings, populated pages, moved frames. */
export function emptyGfn(scene: Scene, domain: Domain): Gfn {
  const { choose } = scene;
  if (percent(choose, scene.emphasis.distance)) return Gfn(pick(choose, distant));
  if (percent(choose, 12)) return Gfn(choose.below(8));
  for (let attempt = 0; attempt < 3; attempt++) {
    const gfn = Gfn(pick(choose, holes));
    if (entryType(domain, gfn) === undefined) return gfn;
  }
  return Gfn(pick(choose, holes));
}

/** A gfn that is meant to hold something: mostly what was touched last, else any entry. */
export function usedGfn(scene: Scene, domain: Domain): Gfn {
  if (scene.hostile()) return strangeGfn(scene);
  if (scene.attentive()) {
    const place = scene.attention.placeOf(scene.choose, domain.id);
    if (place !== undefined) return place.gfn;
  }
  const entry = scene.some(domain.p2m);
  return entry === undefined ? Gfn(scene.choose.below(8)) : Gfn(entry.key);
}

/** A gfn of ordinary RAM of the domain, as far as a few attempts find one. */
export function ramGfn(scene: Scene, domain: Domain): Gfn {
  for (let attempt = 0; attempt < 4; attempt++) {
    const gfn = usedGfn(scene, domain);
    if (gfn < 2 ** 40 && entryType(domain, gfn) === 'ram_rw' && !isTable(scene, gfn)) return gfn;
  }
  return Gfn(scene.choose.below(8));
}

/** A gfn that nobody expects. */
export function strangeGfn(scene: Scene): Gfn {
  return percent(scene.choose, 40)
    ? scene.impossibleGfn()
    : Gfn(
        pick(scene.choose, [
          tableGfn(scene),
          tableGfn(scene) + 1,
          STATUS_GFN,
          0x3f,
          ...holes.slice(0, 3),
          ...distant.slice(0, 3),
        ]),
      );
}

/** An offset in a page: few values, so that stores and loads meet, and every edge. */
export const offset = (scene: Scene): number =>
  scene.hostile()
    ? pick(scene.choose, [1, 3, 4088, 4089, 4092, 4095])
    : pick(scene.choose, [0, 0, 0, 8, 16, 24, 4088]);

/** The guest-physical address of a byte of a page. */
export const addressOf = (gfn: number, byte: number): GuestPhysical =>
  GuestPhysical(gfn >= 2 ** 52 ? gfn : gfn * PAGE_BYTES + byte);

const isTable = (scene: Scene, gfn: Gfn): boolean =>
  gfn >= tableGfn(scene) && gfn < tableGfn(scene) + 3;

const entryType = (domain: Domain, gfn: Gfn): P2mType | undefined => get(domain.p2m, gfn)?.type;
