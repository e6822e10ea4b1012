import {
  GNTMAP_application_map,
  GNTMAP_contains_pte,
  GNTMAP_device_map,
  GNTMAP_host_map,
  GNTMAP_readonly,
} from '../../abi/grant-table.js';
import { Gfn } from '../../abi/ids.js';
import type { GrantRef, Mfn } from '../../abi/ids.js';
import type { ElementReply, Reply } from '../../abi/reply.js';
import type { Status } from '../../abi/status.js';
import type { MapElement, MapGrant } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';
import type { Domain } from '../domain.js';
import { claimStatus, reduceStatus } from '../grant-status.js';
import { getOwnFrame } from '../granted-frame.js';
import { isTranslated } from '../host.js';
import type { Host } from '../host.js';
import type { Invocation } from '../invocation.js';
import { putPage } from '../pages.js';
import { addPage } from '../physmap.js';
import { elementReply } from '../replies.js';
import { FORGOTTEN, counterOf, deviceUnitOf, hasWriter, unitOf } from '../tables/active-entries.js';
import type { PinUnit } from '../tables/active-entries.js';
import { installForControl } from './control-grants.js';
import { GRANT_MAP_RO, GRANT_MAP_RW } from '../tables/p2m-entry.js';

const NOT_FOR_TRANSLATED = GNTMAP_device_map | GNTMAP_application_map | GNTMAP_contains_pte;
const FLAGS_KEPT = 0xffff;

/** GNTTABOP_map_grant_ref (grants.md 7.1): each element on its own, in order. */
export function mapGrant(
  host: Host,
  caller: Domain,
  step: MapGrant,
  invocation: Invocation,
): Reply {
  const elements: ElementReply[] = [];
  for (const element of step.elements.slice(invocation.start)) {
    if (elements.length > 0) host.stop('grant.map/element');
    if (caller.isCrashed) break;
    if (invocation.stopsAt(invocation.start + elements.length)) break;
    elements.push(mapOne(host, caller, step.vcpu, element));
  }
  return { is: 'statuses', elements };
}

/** One mapping: what it is of, for whom, and how far it has come. */
interface Mapping {
  readonly owner: Domain;
  readonly ref: GrantRef;
  readonly mfn: Mfn;
  readonly isReadonly: boolean;
}

/** Refusals in the order of grants.md 7.1; from the handle on, each gives it back. */
export function mapOne(
  host: Host,
  caller: Domain,
  vcpu: number,
  element: MapElement,
): ElementReply {
  const { flags } = element;
  if ((flags & (GNTMAP_host_map | GNTMAP_device_map)) === 0) return elementReply('bad_gntref');
  const isGuest = isTranslated(caller);
  if (isGuest && (flags & NOT_FOR_TRANSLATED) !== 0) return elementReply('general_error');

  const owner = host.domains.byId(element.granter);
  if (owner === undefined) return elementReply('bad_domain');

  const handle = caller.maptrack.take(vcpu);
  if (handle === undefined) return elementReply('no_space');

  const isReadonly = (flags & GNTMAP_readonly) !== 0;
  const mfn = pinForMap(host, caller, owner, element, unitsOf(flags));
  if (typeof mfn === 'string') {
    caller.maptrack.giveBack(handle);
    return elementReply(mfn);
  }
  const mapping = { owner, ref: element.ref, mfn, isReadonly };
  const install = isGuest ? installMapping : installForControl;
  if (!install(host, element, mapping, caller)) {
    undoPin(host, mapping, unitsOf(flags));
    caller.maptrack.giveBack(handle);
    return elementReply('general_error');
  }

  // Nothing below this line can fail.
  caller.maptrack.record(handle, element.granter, element.ref, flags & FLAGS_KEPT);
  return { status: 'okay', handle, frame: mfn };
}

/** Steps 6 to 12: raises the pin and takes a page reference; answers the frame. */
function pinForMap(
  host: Host,
  caller: Domain,
  owner: Domain,
  { ref, flags }: MapElement,
  units: readonly PinUnit[],
): Mfn | Status {
  const isReadonly = (flags & GNTMAP_readonly) !== 0;
  const table = owner.grants;
  const active = table.active;
  if (ref >= table.refCount()) return 'bad_gntref';

  const pin = active.pinOf(ref);
  const isPinned = pin !== 0;
  if (isPinned && active.granteeOf(ref) !== caller.id) return 'general_error';
  const isFull = (unit: PinUnit): boolean => counterOf(pin, unit) >= host.machine.pinLimit;
  if (isPinned && units.some(isFull)) return 'general_error';
  if (isPinned && active.isSubPage(ref)) return 'general_error';

  const isCovered = isPinned && (isReadonly || hasWriter(pin));
  const use = { grantee: caller.id, isReadonly, isMap: true };
  if (!isCovered && !claimStatus(host, table, ref, use)) return 'general_error';

  if (!isPinned) {
    const mfn = getOwnFrame(host, owner, table.grantedGfnOf(ref));
    if (mfn === undefined) {
      reduceStatus(table, ref, isReadonly);
      return 'bad_page';
    }
    active.fill(ref, {
      grantee: caller.id,
      mfn,
      start: 0,
      length: PAGE_BYTES,
      isSubPage: false,
      sourceDomain: owner.id,
      sourceRef: ref,
    });
  }
  for (const unit of units) active.pin(ref, unit);
  host.stop('grant.map/pinned');

  const mfn = active.mfnOf(ref);
  if (isPinned && (mfn === FORGOTTEN || !host.frames.reference(mfn))) {
    for (const unit of units) active.unpin(ref, unit);
    reduceStatus(table, ref, isReadonly);
    return 'general_error';
  }
  return mfn;
}

/** Steps 14 to 16: takes the type reference where one is due and makes the p2m entry. */
function installMapping(
  host: Host,
  element: MapElement,
  mapping: Mapping,
  caller: Domain,
): boolean {
  const { owner, mfn, isReadonly } = mapping;
  if (host.frames.ownerOf(mfn) !== owner.id) return false;

  const takesType = !isReadonly && (caller === owner || !isTranslated(owner));
  if (takesType && !host.frames.referenceWritable(mfn)) return false;

  const hasOnlyHostFlags = (element.flags & ~GNTMAP_readonly) === GNTMAP_host_map;
  const gfn = Gfn(Math.floor(element.address / PAGE_BYTES));
  const type = isReadonly ? GRANT_MAP_RO : GRANT_MAP_RW;
  if (!hasOnlyHostFlags || addPage(host, caller, gfn, mfn, type) !== 'added') {
    if (takesType) host.frames.dereferenceWritable(mfn);
    return false;
  }
  return true;
}

/** What a mapping counts as: guests only have host mappings. */
function unitsOf(flags: number): readonly PinUnit[] {
  const isReadonly = (flags & GNTMAP_readonly) !== 0;
  const host = (flags & GNTMAP_host_map) === 0 ? [] : [unitOf(isReadonly)];
  return (flags & GNTMAP_device_map) === 0 ? host : [...host, deviceUnitOf(isReadonly)];
}

/** Pins are lowered and status bits cleared before the page may go, and its domain with it. */
function undoPin(
  host: Host,
  { owner, ref, mfn, isReadonly }: Mapping,
  units: readonly PinUnit[],
): void {
  for (const unit of units) owner.grants.active.unpin(ref, unit);
  reduceStatus(owner.grants, ref, isReadonly);
  putPage(host, mfn);
}
