import { XENMAPIDX_grant_table_status } from '../../abi/grant-table.js';
import { ALL_ONES, CONTROL, DOMID_SELF, Gfn, type DomainId } from '../../abi/ids.js';
import {
  XENMAPSPACE_dev_mmio,
  XENMAPSPACE_gmfn,
  XENMAPSPACE_gmfn_foreign,
  XENMAPSPACE_gmfn_range,
  XENMAPSPACE_grant_table,
  XENMAPSPACE_shared_info,
  type AddToPhysmap,
  type Exchange,
  type MemoryCall,
  type PhysmapEntry,
} from '../../abi/step.js';
import { ownedPages } from '../../model/derived.js';
import type { Domain } from '../../model/state.js';
import { percent, pick, weighted } from '../choose.js';
import { statusGfn, emptyGfn, ramGfn, strangeGfn, tableGfn, usedGfn } from './places.js';
import type { Scene } from './scene.js';

/** Who asks for whose memory to change. */
interface Errand {
  readonly caller: DomainId;
  readonly target: DomainId;
  /** The domain whose memory it is, as far as there is one. */
  readonly domain: Domain;
}

const ways = [24, 24, 3, 22, 8, 8, 3, 8] as const;
const waysTotal = ways.reduce((sum, way) => sum + way, 0);
/** Those of several extents or entries, where a batch is wanted; the first where there is room. */
const longWays = [26, 24, 8, 20, 22] as const;
const longTotal = longWays.reduce((sum, way) => sum + way, 0);

/** A domain, or the control domain for it, changes what is where in its physical memory. */
export function physmapLine(scene: Scene, domain: Domain): MemoryCall {
  const errand = errandFor(scene, domain);
  const by = { caller: errand.caller, vcpu: scene.vcpu, target: errand.target };
  const way = scene.wantsBatch ? longWay(scene, domain) : weighted(scene.choose, ways, waysTotal);
  switch (way) {
    case 0:
      return { op: 'populate_physmap', ...by, ...populated(scene, domain) };
    case 1:
      return { op: 'decrease_reservation', ...by, ...decreased(scene, domain) };
    case 2:
      return { op: 'increase_reservation', ...by, ...increased(scene) };
    case 3:
      return { op: 'add_to_physmap', ...by, ...addition(scene, domain) };
    case 4:
      return { op: 'add_to_physmap_batch', ...by, ...additions(scene, domain) };
    case 5:
      return {
        op: 'remove_from_physmap',
        ...by,
        gfn: noticed(scene, domain, touched(scene, domain)),
      };
    case 6:
      return { op: 'exchange', ...by, ...exchanged(scene, domain) };
    default:
      return {
        op: pick(scene.choose, ['current_reservation', 'maximum_reservation', 'maximum_gpfn']),
        ...by,
      };
  }
}

/** Somebody would like other frames for its own, which no translated guest gets. */
export function exchangeLine(scene: Scene, domain: Domain): Exchange {
  const { caller, target } = errandFor(scene, domain);
  return { op: 'exchange', caller, vcpu: scene.vcpu, target, ...exchanged(scene, domain) };
}

function longWay(scene: Scene, domain: Domain): number {
  const way = weighted(scene.choose, longWays, longTotal);
  return way === 0 && isFull(scene, domain) ? 1 : way;
}

/** A domain at its limit would only be refused. */
const isFull = (scene: Scene, domain: Domain): boolean =>
  ownedPages(scene.state, domain.id) >= domain.maximumPages;

/** Maps grant frame `frame` (of the status frames where `status`) where the guest expects it. */
export function mapTableLine(
  scene: Scene,
  domain: Domain,
  frame: number,
  status: boolean,
): AddToPhysmap {
  return {
    op: 'add_to_physmap',
    caller: domain.id,
    vcpu: scene.vcpu,
    target: DOMID_SELF,
    space: XENMAPSPACE_grant_table,
    index: status ? XENMAPIDX_grant_table_status + frame : frame,
    gfn: Gfn(status ? statusGfn(scene) + frame : tableGfn(scene) + frame),
    size: 0,
  };
}

function errandFor(scene: Scene, domain: Domain): Errand {
  const { choose } = scene;
  if (percent(choose, 12)) {
    // Somebody's, perhaps one that is dying: the control domain may try.
    const target = percent(choose, 25) ? scene.anyId() : domain.id;
    return { caller: CONTROL, target, domain };
  }
  if (scene.hostile() && percent(choose, 50)) {
    const caller = pick(choose, [CONTROL, domain.id]);
    return { caller, target: scene.target(caller, scene.other(domain.id)), domain };
  }
  return { caller: domain.id, target: percent(choose, 85) ? DOMID_SELF : domain.id, domain };
}

function order(scene: Scene): number {
  if (scene.hostile())
    return pick(scene.choose, [scene.machine.guestOrder + 1, scene.machine.controlOrder + 1, 63]);
  return percent(scene.choose, 88) ? 0 : 1 + scene.choose.below(scene.machine.guestOrder);
}

function populated(scene: Scene, domain: Domain) {
  // At the limit mostly one extent, to see that.
  return extentsOf(scene, isFull(scene, domain) ? 1 : scene.batchSize(), () => {
    const way = scene.choose.below(100);
    if (way < 93) return emptyGfn(scene, domain);
    return way < 97 ? usedGfn(scene, domain) : scene.impossibleGfn();
  });
}

const decreased = (scene: Scene, domain: Domain) =>
  extentsOf(scene, scene.batchSize(), () => noticed(scene, domain, touched(scene, domain)));

function extentsOf(scene: Scene, size: number, gfn: () => Gfn) {
  // More than are put together for a guest of 32 bits.
  const more = scene.wantsBatch && percent(scene.choose, 20) ? 5 : 0;
  const extents: Gfn[] = [];
  for (let i = 0; i < size + more; i++) extents.push(gfn());
  return { extents, order: order(scene) };
}

const increased = (scene: Scene) => ({
  count: scene.wantsBatch
    ? 2 + scene.choose.below(3)
    : scene.hostile()
      ? pick(scene.choose, [0, 40])
      : 1 + scene.choose.below(2),
  order: order(scene),
});

/** The page that was in the game last, so that giving it up means something. */
const touched = (scene: Scene, domain: Domain): Gfn =>
  percent(scene.choose, 80) ? ramGfn(scene, domain) : usedGfn(scene, domain);

function noticed(scene: Scene, domain: Domain, gfn: Gfn): Gfn {
  if (gfn < 2 ** 40) scene.attention.at({ domain: domain.id, gfn });
  return gfn;
}

function addition(scene: Scene, domain: Domain) {
  const { choose } = scene;
  if (scene.wantsBatch) {
    const range = entryFor(scene, domain, XENMAPSPACE_gmfn_range);
    return { space: XENMAPSPACE_gmfn_range, ...range, size: 2 + choose.below(4) };
  }
  const way = choose.below(100);
  const space =
    way < 35
      ? XENMAPSPACE_grant_table
      : way < 75
        ? XENMAPSPACE_gmfn
        : way < 83
          ? XENMAPSPACE_gmfn_range
          : way < 92
            ? XENMAPSPACE_shared_info
            : pick(choose, [XENMAPSPACE_gmfn_foreign, XENMAPSPACE_dev_mmio, 6, 99]);
  const entry = entryFor(scene, domain, space);
  if (space !== XENMAPSPACE_gmfn_range) return { space, ...entry, size: choose.below(2) };
  const index = scene.hostile() ? ALL_ONES : entry.index;
  return { space, ...entry, index, size: choose.below(4) };
}

function additions(scene: Scene, domain: Domain) {
  const space = pick(scene.choose, [
    XENMAPSPACE_gmfn,
    XENMAPSPACE_gmfn,
    XENMAPSPACE_grant_table,
    XENMAPSPACE_shared_info,
    percent(scene.choose, 10) ? XENMAPSPACE_gmfn_foreign : XENMAPSPACE_gmfn,
    scene.hostile() ? XENMAPSPACE_gmfn_range : XENMAPSPACE_gmfn,
    scene.hostile() ? XENMAPSPACE_dev_mmio : XENMAPSPACE_gmfn,
  ]);
  const entries: PhysmapEntry[] = [];
  const size = scene.batchSize();
  for (let i = 0; i < size; i++) entries.push(entryFor(scene, domain, space));
  return { space, foreign: scene.hostile() ? pick(scene.choose, [1, 0x7ff0]) : 0, entries };
}

/** What is put where: a page of the space, at a gfn that is mostly empty. */
function entryFor(scene: Scene, domain: Domain, space: number): PhysmapEntry {
  const { choose } = scene;
  const where = choose.below(100);
  const gfn = scene.hostile()
    ? pick(choose, [Gfn(ALL_ONES), strangeGfn(scene), strangeGfn(scene)])
    : where < 55
      ? emptyGfn(scene, domain)
      : usedGfn(scene, domain);
  if (space !== XENMAPSPACE_grant_table)
    return {
      index: space === XENMAPSPACE_shared_info && !scene.hostile() ? 0 : touched(scene, domain),
      gfn: noticed(scene, domain, gfn),
    };
  const frame = choose.below(domain.grantFramesMaximum + (scene.hostile() ? 2 : 0));
  const status = percent(choose, domain.grantVersion === 2 ? 40 : 5);
  const expected = Gfn(status ? statusGfn(scene) + frame : tableGfn(scene) + frame);
  return {
    index: (status ? XENMAPIDX_grant_table_status : 0) + frame + (percent(choose, 2) ? 2 ** 32 : 0),
    gfn: percent(choose, 60) ? expected : gfn,
  };
}

function exchanged(scene: Scene, domain: Domain) {
  if (scene.wantsBatch) return exchangedUnevenly(scene, domain);
  const tooLarge = scene.machine.guestOrder + 1;
  const givenOrder = scene.hostile() ? tooLarge : scene.choose.below(2);
  const takenOrder = scene.hostile() ? pick(scene.choose, [tooLarge, 0, 1]) : givenOrder;
  const size = scene.choose.below(3);
  const given: Gfn[] = [];
  const taken: Gfn[] = [];
  for (let i = 0; i < size; i++) given.push(touched(scene, domain));
  const takenSize = scene.hostile() ? size + 1 : size;
  for (let i = 0; i < takenSize; i++) taken.push(emptyGfn(scene, domain));
  return { given, givenOrder, taken, takenOrder };
}

/** Small extents are given for larger ones, mostly as many pages. */
function exchangedUnevenly(scene: Scene, domain: Domain) {
  const takenOrder = 1 + scene.choose.below(2);
  const count = 2 ** takenOrder + (percent(scene.choose, 25) ? 1 : 0);
  const given = Array.from({ length: count }, () => touched(scene, domain));
  return { given, givenOrder: 0, taken: [emptyGfn(scene, domain)], takenOrder };
}
