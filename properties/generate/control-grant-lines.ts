import { ENTRY_ADDRESS } from '../../abi/control-grants.js';
import * as abi from '../../abi/grant-table.js';
import { CONTROL, DOMID_SELF, Gfn, GrantRef, GuestPhysical, Handle } from '../../abi/ids.js';
import type { DomainId } from '../../abi/ids.js';
import type { GrantLine, Line, UnmapLineElement } from '../../abi/program.js';
import type { CopyElement, CopySide, MapElement } from '../../abi/step.js';
import { WINDOWS } from '../../abi/windows.js';
import { entries } from '../keyed-entries.js';
import { get } from '../../values/keyed.js';
import type { Domain, Mapping } from '../../model/state.js';
import { percent, pick } from '../choose.js';
import { grantLine } from './grant-lines.js';
import type { Scene } from './scene.js';
import { usedWindow, windowAddress } from './window-lines.js';

/** The window where the control domain sees its own grant table, and the linear page that is. */
const TABLE_WINDOW = 5;
const TABLE_PAGE = 0x805;

/** The control domain as one that shares: it maps, copies and unmaps grants, and grants its own pages. */
export function controlGrantLine(scene: Scene): Line | undefined {
  const { choose } = scene;
  const way = choose.below(100);
  const by = { caller: CONTROL, vcpu: scene.vcpu };
  const control = get(scene.state.domains, CONTROL);
  if (control === undefined) return undefined;
  if (way < 22) return grantToControl(scene);
  if (way < 50) return { op: 'map', ...by, elements: several(scene, () => mapElement(scene)) };
  if (way < 72) return unmapLine(scene, control);
  if (way < 82) return { op: 'copy', ...by, elements: several(scene, () => copyElement(scene)) };
  if (way < 94) return ownTableLine(scene);
  const target = scene.hostile() ? DOMID_SELF : scene.anyId();
  const count = scene.hostile() ? 2 : 1;
  if (way < 96) return { op: 'get_status_frames', ...by, target, frames: choose.below(3), count };
  if (way < 98) return { op: 'query_size', ...by, target, count: 1 };
  if (way < 99) return { op: 'get_version', ...by, target };
  return { op: 'refused_grant_call', ...by, name: 'dump_table' };
}

/** The control domain maps, unmaps or copies several; what it maps is to be unmapped together. */
export function controlBatchLine(scene: Scene): Line | undefined {
  const { choose } = scene;
  const by = { caller: CONTROL, vcpu: scene.vcpu };
  const control = get(scene.state.domains, CONTROL);
  if (control === undefined || percent(choose, 10)) return grantToControl(scene);
  const way = choose.below(100);
  if (way < 40) return { op: 'map', ...by, elements: several(scene, () => mapElement(scene)) };
  if (way < 85)
    return { op: 'unmap', ...by, elements: several(scene, () => unmapElement(scene, control)) };
  return { op: 'copy', ...by, elements: several(scene, () => copyElement(scene)) };
}

function several<Element>(scene: Scene, make: () => Element): readonly Element[] {
  return Array.from({ length: scene.batchSize() }, make);
}

/** Somebody grants a page to the control domain. */
function grantToControl(scene: Scene): Line | undefined {
  const granter = scene.running();
  return granter === undefined ? undefined : grantLine(scene, granter, CONTROL);
}

function someGrant(scene: Scene): { readonly granter: DomainId; readonly ref: GrantRef } {
  const { choose } = scene;
  const mappings = get(scene.state.domains, CONTROL)?.mappings;
  const mapping = percent(choose, 30) ? scene.some(mappings) : undefined;
  if (mapping !== undefined) return mapping.value;
  const written = scene.attention.writtenFor(choose, CONTROL);
  if (written !== undefined && !scene.hostile())
    return { granter: written.caller, ref: written.ref };
  const granter = percent(choose, 20) ? CONTROL : scene.anyId();
  return { granter, ref: scene.ref(scene.domain(granter)) };
}

function mapElement(scene: Scene): MapElement {
  const { choose } = scene;
  const grant = someGrant(scene);
  scene.attention.on(grant);
  const parts = pick(choose, [2, 2, 2, 2, 3, 3, 1]);
  const isEntry = percent(choose, 15);
  const more =
    (percent(choose, 40) ? abi.GNTMAP_readonly : 0) | (isEntry ? abi.GNTMAP_contains_pte : 0);
  const strange = scene.hostile() ? pick(choose, [abi.GNTMAP_application_map, 0x20, 0x1_0000]) : 0;
  const { granter, ref } = grant;
  return { granter, ref, address: place(scene, isEntry), flags: parts | more | strange };
}

/** The address of a window, or of its entry, mostly as asked for. */
function place(scene: Scene, isEntry: boolean): GuestPhysical {
  const { choose, machine } = scene;
  if (scene.hostile())
    return GuestPhysical(pick(choose, [0, 4096, ENTRY_ADDRESS + 4, ENTRY_ADDRESS - 8]));
  const isOwn = machine.controlPages > 0 && percent(choose, 8);
  return addressOfPage(
    isOwn ? WINDOWS + choose.below(machine.controlPages) : choose.below(5),
    isEntry,
  );
}

const addressOfPage = (page: number, isEntry: boolean): GuestPhysical =>
  isEntry ? GuestPhysical(ENTRY_ADDRESS + 8 * page) : windowAddress(page, 0);

/** A mapping ends, or one of its parts; sometimes another entry takes its place. */
function unmapLine(scene: Scene, control: Domain): Line {
  const { choose } = scene;
  const by = { caller: CONTROL, vcpu: scene.vcpu };
  if (percent(choose, 75)) return { op: 'unmap', ...by, elements: [unmapElement(scene, control)] };
  const { handle, address } = mapped(scene, control);
  const from = percent(choose, 30) ? undefined : usedWindow(scene);
  const none = GuestPhysical(scene.hostile() ? 4096 : 0);
  const newAddress = from === undefined ? none : windowAddress(from, 0);
  return { op: 'unmap_and_replace', ...by, elements: [{ handle, address, newAddress }] };
}

/** A handle, and mostly the address at which its page is mapped. */
function mapped(scene: Scene, control: Domain): Pick<UnmapLineElement, 'handle' | 'address'> {
  const { choose } = scene;
  const found = scene.some(control.mappings);
  const handle =
    found === undefined ? Handle(choose.below(6)) : scene.handle(CONTROL, Handle(found.key));
  const address = percent(choose, 12) ? place(scene, false) : whereIs(scene, found?.value);
  return { handle, address };
}

function unmapElement(scene: Scene, control: Domain): UnmapLineElement {
  const { choose } = scene;
  const { handle, address } = mapped(scene, control);
  const isBoth = percent(choose, 60);
  const host = isBoth || percent(choose, 50) ? address : GuestPhysical(0);
  const device = typeof handle === 'number' || scene.hostile() ? 4096 : handle;
  const deviceAddress = isBoth || host === 0 ? device : 0;
  return { handle, address: host, deviceAddress };
}

/** A linear page that leads to what was mapped, as the mapping names it. */
function whereIs(scene: Scene, mapping: Mapping | undefined): GuestPhysical {
  if (mapping === undefined) return place(scene, false);
  const found = entries(scene.state.windows).filter(([, { page }]) => page === mapping.page);
  const [window] = found.length === 0 ? [] : pick(scene.choose, found);
  return window === undefined
    ? place(scene, mapping.byEntry)
    : addressOfPage(window, mapping.byEntry);
}

function copyElement(scene: Scene): CopyElement {
  const { choose } = scene;
  const [bySource, byDest] = [percent(choose, 60), percent(choose, 60)];
  const flags = (bySource ? abi.GNTCOPY_source_gref : 0) | (byDest ? abi.GNTCOPY_dest_gref : 0);
  const length = pick(choose, [8, 16, 64]);
  return { source: side(scene, bySource), dest: side(scene, byDest), length, flags };
}

function side(scene: Scene, isRef: boolean): CopySide {
  const { choose, machine } = scene;
  const offset = 8 * choose.below(3);
  if (!isRef) return { domain: DOMID_SELF, at: choose.below(machine.controlPages + 1), offset };
  const { granter, ref } = someGrant(scene);
  return { domain: granter, at: ref, offset };
}

/** Its own table: found, seen through a window, and written there. */
function ownTableLine(scene: Scene): Line {
  const { choose, machine } = scene;
  const by = { caller: CONTROL, vcpu: scene.vcpu };
  const first = machine.guestFrames + machine.controlPages + 1;
  const window = get(scene.state.windows, TABLE_WINDOW);
  if (window === undefined || percent(choose, 5)) {
    const gfn = Gfn(first + (percent(choose, 15) ? choose.below(3) - 1 : 0));
    const call = { window: TABLE_WINDOW, domain: DOMID_SELF, gfn, readonly: false };
    return { op: 'map_foreign', ...call };
  }
  if (percent(choose, 8))
    return {
      op: 'setup_table',
      ...by,
      target: DOMID_SELF,
      frames: 1 + choose.below(3),
      count: 1,
      list: undefined,
    };
  if (percent(choose, 6)) {
    const elements = [{ first: scene.ref(undefined), second: scene.ref(undefined) }];
    return { op: 'swap', ...by, elements };
  }
  if (percent(choose, 35)) return useLine(scene);
  const ref = GrantRef(choose.below(machine.reservedRefs + 4));
  const flags = pick(choose, [1, 1, 1, 5, 0]);
  const to = percent(choose, 10) ? CONTROL : scene.anyId();
  const frame = choose.below(machine.controlPages + 1);
  const entry = { ref, table: Gfn(TABLE_PAGE), version: 1, flags, to, frame } as const;
  const line: GrantLine = { op: 'grant', ...by, ...entry, detail: { is: 'none' } };
  scene.attention.wrote(line);
  return line;
}

/** A guest maps what the control domain granted, or copies it. */
function useLine(scene: Scene): Line {
  const { choose, machine } = scene;
  const written = scene.attention.written(choose);
  const isKnown = written !== undefined && written.caller === CONTROL && written.to !== CONTROL;
  const by = { caller: isKnown ? written.to : scene.anyId(), vcpu: scene.vcpu };
  const ref = isKnown ? written.ref : GrantRef(choose.below(machine.reservedRefs + 4));
  const flags = percent(choose, 40) ? 6 : 2;
  const address = GuestPhysical(pick(choose, [0x40, 0x41, 0x42, 0x43]) * 4096);
  if (percent(choose, 70))
    return { op: 'map', ...by, elements: [{ granter: CONTROL, ref, address, flags }] };
  const granted = { domain: CONTROL, at: ref, offset: 0 };
  const own = { domain: DOMID_SELF, at: choose.below(8), offset: 8 };
  const isRead = percent(choose, 50);
  const [source, dest] = isRead ? [granted, own] : [own, granted];
  const element = { source, dest, length: 8, flags: isRead ? 1 : 2 };
  return { op: 'copy', ...by, elements: [element] };
}
