import {
  CONTROL,
  DOMID_IO,
  DOMID_SELF,
  DOMID_XEN,
  Gfn,
  GuestPhysical,
  type DomainId,
} from '../../abi/ids.js';
import type { Line } from '../../abi/program.js';
import type { Access, WindowCall } from '../../abi/step.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import { WINDOW_ADDRESS, WINDOWS } from '../../abi/windows.js';
import { modeOf } from '../../model/registers.js';
import { get } from '../../values/keyed.js';
import { percent, pick } from '../choose.js';
import { offset, usedGfn } from './places.js';
import { tableGfns } from './page-tables.js';
import { entryValue } from './pte-lines.js';
import type { Scene } from './scene.js';

/**
 * A device model at work: it maps pages of its guest, the guest's page tables among them, reads and
 * writes them, and lets go of them late.
 */
export function windowLine(scene: Scene): Line | undefined {
  const { choose } = scene;
  const way = choose.below(100);
  const used = usedWindow(scene);
  if (used === undefined || way < 22) return mapForeignLine(scene);
  if (way < 36) return { op: 'unmap_window', window: percent(choose, 90) ? used : window(scene) };
  return windowAccess(scene, percent(choose, 94) ? used : window(scene));
}

/** A few windows, now and then a page of its own or one that is not there. */
function window(scene: Scene): number {
  const { choose, machine } = scene;
  if (scene.hostile()) return pick(choose, [WINDOWS + machine.controlPages, 0xffff]);
  if (machine.controlPages > 0 && percent(choose, 12))
    return WINDOWS + choose.below(machine.controlPages);
  return choose.below(5);
}

/** A window that leads somewhere, mostly not to a page of the control domain's own. */
export function usedWindow(scene: Scene): number | undefined {
  for (let attempt = 0; attempt < 3; attempt++) {
    const found = scene.some(scene.state.windows);
    if (found !== undefined && (found.key < WINDOWS || attempt > 1)) return found.key;
  }
  return undefined;
}

export const windowAddress = (at: number, byte: number): GuestPhysical =>
  GuestPhysical(WINDOW_ADDRESS + at * PAGE_BYTES + byte);

function mapForeignLine(scene: Scene): WindowCall {
  const { choose } = scene;
  const readonly = percent(choose, 20);
  const call = { op: 'map_foreign', window: window(scene), readonly } as const;
  if (scene.hostile()) {
    const domain = pick(choose, [CONTROL, DOMID_IO, DOMID_XEN, DOMID_SELF, DOMID_SELF]);
    return { ...call, domain, gfn: Gfn(choose.below(6)) };
  }
  const place = scene.attentive() ? scene.attention.place(choose) : undefined;
  const id = place?.domain ?? scene.anyId();
  return { ...call, domain: id, gfn: place?.gfn ?? pageFor(scene, id) };
}

function pageFor(scene: Scene, id: DomainId): Gfn {
  const { choose } = scene;
  if (scene.emphasis.guests !== undefined && percent(choose, 50))
    return Gfn(pick(choose, tableGfns));
  const domain = scene.domain(id);
  return domain === undefined ? Gfn(choose.below(8)) : usedGfn(scene, domain);
}

function windowAccess(scene: Scene, at: number): Access {
  const { choose } = scene;
  const by = { caller: CONTROL, vcpu: scene.vcpu, address: windowAddress(at, offset(scene)) };
  const way = choose.below(100);
  if (way < 35) return { op: 'load', ...by, size: pick(choose, [8, 8, 4, 1]) };
  if (way < 85) return { op: 'store', ...by, size: pick(choose, [8, 8, 4]), value: value(scene) };
  const expected = percent(choose, 50) ? { low: 0, high: 0 } : value(scene);
  return { op: 'cmpxchg', ...by, size: pick(choose, [8, 4]), expected, value: value(scene) };
}

/** Where guests page, half the time an entry of a table. */
function value(scene: Scene): Word {
  const { choose, emphasis, state, machine } = scene;
  if (emphasis.guests === undefined || percent(choose, 50))
    return { low: choose.below(2 ** 16), high: 0 };
  const vcpu = get(state.domains, 1 + choose.below(machine.domains))?.vcpus[0];
  return entryValue(scene, vcpu === undefined ? '4-level' : modeOf(vcpu));
}
