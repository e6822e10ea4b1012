import { Gfn, GuestPhysical } from '../../abi/ids.js';
import type { P2mType } from '../../abi/observer.js';
import { PAGE_BYTES } from '../../abi/word.js';
import { get } from '../../values/keyed.js';
import type { Domain } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import type { Scene } from './scene.js';

/** The gfn at which a guest expects grant frame 0, and status frame 0 of version 2. */
export const tableGfn = (scene: Scene): Gfn => Gfn(scene.layout.table);
export const statusGfn = (scene: Scene): Gfn => Gfn(scene.layout.statusTable);

/** One of the first pages of RAM. */
const firstGfn = (scene: Scene): Gfn => Gfn(scene.layout.ram + scene.choose.below(8));

/** A gfn that is meant to be empty: for new mappings, populated pages, moved frames. */
export function emptyGfn(scene: Scene, domain: Domain): Gfn {
  const { choose } = scene;
  const { holes, distant } = scene.layout;
  if (percent(choose, scene.emphasis.distance)) return Gfn(pick(choose, distant));
  if (percent(choose, 12)) return firstGfn(scene);
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
  return entry === undefined ? firstGfn(scene) : Gfn(entry.key);
}

/** A gfn of ordinary RAM of the domain, as far as a few attempts find one. */
export function ramGfn(scene: Scene, domain: Domain): Gfn {
  for (let attempt = 0; attempt < 4; attempt++) {
    const gfn = usedGfn(scene, domain);
    if (gfn < 2 ** 40 && entryType(domain, gfn) === 'ram_rw' && !isTable(scene, gfn)) return gfn;
  }
  return firstGfn(scene);
}

/** A gfn that nobody expects. */
export function strangeGfn(scene: Scene): Gfn {
  return percent(scene.choose, 40)
    ? scene.impossibleGfn()
    : Gfn(
        pick(scene.choose, [
          tableGfn(scene),
          tableGfn(scene) + 1,
          statusGfn(scene),
          0x3f,
          ...scene.layout.holes.slice(0, 3),
          ...scene.layout.distant.slice(0, 3),
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
