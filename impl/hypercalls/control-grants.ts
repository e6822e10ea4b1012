import { GNTMAP_contains_pte, GNTMAP_device_map, GNTMAP_host_map } from '../../abi/grant-table.js';
import { ENTRY_ADDRESS } from '../../abi/control-grants.js';
import type { GrantRef, Handle, Mfn } from '../../abi/ids.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import type { MapElement, UnmapAndReplace, UnmapElement } from '../../abi/step.js';
import type { ReplaceElement } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Domain } from '../domain.js';
import { reduceStatus } from '../grant-status.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { noteWritten } from '../log-dirty.js';
import { putPage } from '../pages.js';
import { elementReply } from '../replies.js';
import { deviceUnitOf, unitOf } from '../tables/active-entries.js';
import type { WindowEntry } from '../tables/window-table.js';
import { enterWindow, holdsWindowType, putEntry, takeType, windowAt } from '../windows.js';

/*
 * Grant mappings of the control domain (grants.md 10): entries of its page tables. The reference of a
 * host mapping is the entry's, and goes with the entry, be it overwritten or emptied by other means;
 * that of a device mapping is the handle's.
 */

const ENTRY_BYTES = 8;

/** A mapping about to be made: its page is pinned and has one reference. */
export interface ControlMapping {
  readonly owner: Domain;
  readonly mfn: Mfn;
  readonly isReadonly: boolean;
}

/** Makes the parts of a mapping, with the references that the first one does not have yet. */
export function installForControl(
  host: Host,
  element: MapElement,
  { owner, mfn, isReadonly }: ControlMapping,
): boolean {
  if (host.frames.ownerOf(mfn) !== owner.id) return false;
  const isHost = (element.flags & GNTMAP_host_map) !== 0;
  const isDevice = (element.flags & GNTMAP_device_map) !== 0;
  const isEntry = (element.flags & GNTMAP_contains_pte) !== 0;
  const place = isHost ? placeOf(host, element.address, isEntry) : undefined;
  if (isHost && place === undefined) return false;
  const entry = { mfn, isReadonly };
  if (isDevice && !isReadonly && !host.frames.referenceWritable(mfn)) return false;
  if (isHost && (!takeType(host, entry) || (isDevice && !host.frames.reference(mfn)))) return false;

  // Nothing below this line can fail.
  if (place !== undefined) enterWindow(host, place, entry);
  return true;
}

/** The window at a linear address, or the one whose entry is at a machine address. */
function placeOf(host: Host, address: number, isEntry: boolean): number | undefined {
  if (!isEntry) return windowAt(host, address);
  const entry = (address - ENTRY_ADDRESS) / ENTRY_BYTES;
  return Number.isInteger(entry) && host.windows.isThere(entry) ? entry : undefined;
}

/** Parts of a mapping that are gone, and whose references are still held. */
export interface RemovedParts {
  readonly owner: Domain;
  readonly ref: GrantRef;
  readonly mfn: Mfn;
  readonly isReadonly: boolean;
  readonly isHost: boolean;
  readonly isDevice: boolean;
}

/** GNTTABOP_unmap_grant_ref by the control domain: phase 1 (grants.md 7.2). */
export function unmapByControl(
  host: Host,
  control: Domain,
  element: UnmapElement,
): RemovedParts | ElementReply {
  const { handle, address, deviceAddress } = element;
  const { maptrack } = control;
  if (handle >= maptrack.limit() || !maptrack.isLive(handle)) return elementReply('bad_handle');

  const parts = partsOf(host, control, handle);
  const flags = maptrack.flagsOf(handle);
  const isDevice = deviceAddress !== 0 && (flags & GNTMAP_device_map) !== 0;
  if (isDevice && deviceAddress !== parts.mfn * PAGE_BYTES) return elementReply('bad_dev_addr');

  const isHost = address !== 0 && (flags & GNTMAP_host_map) !== 0;
  if (isHost) {
    const place = placeOf(host, address, (flags & GNTMAP_contains_pte) !== 0);
    if (place === undefined || !leadsTo(host, place, parts)) return elementReply('general_error');
    host.windows.clear(place);
  }

  // Nothing below this line can fail.
  endParts(control, handle, isHost, isDevice);
  return { ...parts, isHost, isDevice };
}

function partsOf(
  host: Host,
  control: Domain,
  handle: Handle,
): Omit<RemovedParts, 'isHost' | 'isDevice'> {
  const { maptrack } = control;
  const ref = maptrack.refOf(handle);
  const owner = host.granter(maptrack.granterOf(handle));
  const isReadonly = maptrack.isReadonly(handle);
  return { owner, ref, mfn: owner.grants.active.mfnOf(ref), isReadonly };
}

/** Same frame and, since XSA-234, the same right to write. */
function leadsTo(host: Host, place: number, { mfn, isReadonly }: WindowEntry): boolean {
  const entry = host.windows.entryAt(place);
  return entry !== undefined && entry.mfn === mfn && entry.isReadonly === isReadonly;
}

function endParts(control: Domain, handle: Handle, isHost: boolean, isDevice: boolean): void {
  const { maptrack } = control;
  const bits = (isHost ? GNTMAP_host_map : 0) | (isDevice ? GNTMAP_device_map : 0);
  if (bits === 0 || maptrack.endParts(handle, bits)) return;
  maptrack.giveBack(handle);
}

/** Phase 2: pins and status bits, then the references of the parts that are gone. */
export function releaseParts(host: Host, removed: RemovedParts): void {
  const { owner, ref, mfn, isReadonly, isHost, isDevice } = removed;
  if (!isHost && !isDevice) return;
  if (!isReadonly) noteWritten(host, owner, mfn);
  const { active } = owner.grants;
  if (isDevice) active.unpin(ref, deviceUnitOf(isReadonly));
  if (isHost) active.unpin(ref, unitOf(isReadonly));
  reduceStatus(owner.grants, ref, isReadonly);
  if (isDevice && !isReadonly) host.frames.dereferenceWritable(mfn);
  if (isHost && holdsWindowType(host, { mfn, isReadonly })) host.frames.dereferenceWritable(mfn);
  if (isDevice && isHost) host.frames.dereference(mfn);
  putPage(host, mfn);
}

/** GNTTABOP_unmap_and_replace (grants.md 7.3). */
export function unmapAndReplace(
  host: Host,
  control: Domain,
  step: UnmapAndReplace,
  invocation: Invocation,
): Reply {
  const elements: ElementReply[] = [];
  for (let row = invocation.start; row < step.elements.length; row += 1) {
    const isBatch = elements.length > 0 && elements.length % host.machine.unmapBatch === 0;
    if (isBatch && invocation.stopsAt(row)) break;
    const element = step.elements[row];
    if (element !== undefined) elements.push(replaceOne(host, control, element));
  }
  return { is: 'statuses', elements };
}

/** The entry at the new address is taken before the old one is looked at, and lost if that is wrong. */
function replaceOne(host: Host, control: Domain, element: ReplaceElement): ElementReply {
  const { handle, address, newAddress } = element;
  const { maptrack } = control;
  if (handle >= maptrack.limit() || !maptrack.isLive(handle)) return elementReply('bad_handle');
  const flags = maptrack.flagsOf(handle);
  if (address === 0 || (flags & GNTMAP_host_map) === 0) return elementReply('okay');

  const isEntry = (flags & GNTMAP_contains_pte) !== 0;
  if (newAddress !== 0 && isEntry) return elementReply('general_error');
  const from = newAddress === 0 ? undefined : placeOf(host, newAddress, false);
  if (newAddress !== 0 && from === undefined) return elementReply('general_error');
  const moved = from === undefined ? undefined : host.windows.entryAt(from);
  if (from !== undefined) host.windows.clear(from);
  const parts = partsOf(host, control, handle);
  const place = placeOf(host, address, isEntry);
  if (place === undefined || !leadsTo(host, place, parts)) {
    if (moved !== undefined) putEntry(host, moved);
    return elementReply('general_error');
  }

  // Nothing below this line can fail.
  if (moved === undefined) host.windows.clear(place);
  else host.windows.set(place, moved);
  endParts(control, handle, true, false);
  releaseParts(host, { ...parts, isHost: true, isDevice: false });
  return elementReply('okay');
}
