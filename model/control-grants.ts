import * as abi from '../abi/grant-table.js';
import { CONTROL, INVALID_GFN, type DomainId, type Handle } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId } from '../abi/rules.js';
import type { Status } from '../abi/status.js';
import type { ControlGrantCall, GetStatusFrames, MapElement } from '../abi/step.js';
import type { RefusedGrantCall, ReplaceElement, Step } from '../abi/step.js';
import type { UnmapElement } from '../abi/step.js';
import { ENTRY_ADDRESS, refusedToGuests } from '../abi/control-grants.js';
import { PAGE_BYTES } from '../abi/word.js';
import { drop, get, put } from '../values/keyed.js';
import { believedGfn, domainOrSelf, theDomain, withDomain } from './derived.js';
import { ended } from './ended.js';
import { accept, refuse, spoil } from './outcome.js';
import type { ElementResult, Result } from './outcome.js';
import type { Mapping, PageId, State, Window } from './state.js';
import { hasWindow, letGo, windowOf, withWindow } from './windows.js';

/**
 * Grant mappings of the control domain (grants.md 10). A host mapping is in a linear page, a device
 * mapping nowhere; a handle may stand for both. The entry of the linear page holds the granted page, and
 * not the handle: whoever overwrites the entry takes the page away from under the handle, which stays.
 */

/** [G16] The linear page at an address: a linear one, or that of its entry; undefined for none. */
function placeOf(state: State, address: number, isEntry: boolean): number | undefined {
  if (!isEntry) return hasWindow(state, windowOf(address)) ? windowOf(address) : undefined;
  const entry = (address - ENTRY_ADDRESS) / 8;
  return Number.isInteger(entry) && hasWindow(state, entry) ? entry : undefined;
}

/**
 * [G16] A mapping by the control domain: the entry of a linear page leads to the granted page. What it
 * led to before is let go. Undefined where there is no such linear page.
 */
export function installed(
  state: State,
  { address, flags }: MapElement,
  handle: Handle,
  mapping: Pick<Mapping, 'granter' | 'ref' | 'page' | 'readonly'>,
): State | undefined {
  const host = (flags & abi.GNTMAP_host_map) !== 0;
  const device = (flags & abi.GNTMAP_device_map) !== 0;
  const byEntry = (flags & abi.GNTMAP_contains_pte) !== 0;
  const place = host ? placeOf(state, address, byEntry) : undefined;
  if (host && place === undefined) return undefined;
  const control = theDomain(state, CONTROL);
  const mappings = put(control.mappings, handle, { ...mapping, host, device, byEntry });
  const next = withDomain(state, { ...control, mappings });
  const { page, readonly } = mapping;
  return place === undefined ? next : withWindow(next, place, { page, readonly });
}

/**
 * [G17] unmap_grant_ref by the control domain ends the parts of a mapping that it names: the host
 * mapping by its address, the device mapping by that of the machine frame. What is at the address must
 * be a page of the same frame, writable or not as the handle says.
 */
export function unmapByControl(state: State, element: UnmapElement): ElementResult {
  const { handle, address, deviceAddress } = element;
  const mapping = get(theDomain(state, CONTROL).mappings, handle);
  if (mapping === undefined) return no('bad_handle', 'G17.1');

  const endsDevice = mapping.device && deviceAddress !== 0;
  const frame = get(state.pages, mapping.page)?.frame;
  if (endsDevice && (frame === undefined || deviceAddress !== frame * PAGE_BYTES))
    return no('bad_dev_addr', 'G17.2');

  const endsHost = mapping.host && address !== 0;
  const place = endsHost ? placeOf(state, address, mapping.byEntry) : undefined;
  if (endsHost && !leadsTo(state, place, mapping)) return no('general_error', 'G17.3');

  // Nothing below this line can fail.
  const next = place === undefined ? state : withoutEntryOf(state, place);
  return accept({ status: 'okay' }, 'G17', withoutParts(next, handle, endsHost, endsDevice));
}

/** [G16] A linear page leads to the page of a mapping, writable or not as the mapping is. */
function leadsTo(state: State, place: number | undefined, { page, readonly }: Mapping): boolean {
  const window = place === undefined ? undefined : get(state.windows, place);
  return window !== undefined && window.page === page && window.readonly === readonly;
}

/** [G17] A mapping without some of its parts; without any it is no more. What follows is not done. */
function withoutParts(state: State, handle: Handle, host: boolean, device: boolean): State {
  const control = theDomain(state, CONTROL);
  const mapping = get(control.mappings, handle);
  if (mapping === undefined || !(host || device)) return state;
  const left = { ...mapping, host: mapping.host && !host, device: mapping.device && !device };
  const isOver = !left.host && !left.device;
  const mappings = isOver ? drop(control.mappings, handle) : put(control.mappings, handle, left);
  return withDomain(state, { ...control, mappings });
}

/**
 * [G18] unmap_and_replace: as unmapping the host mapping, but the entry of another linear page moves to
 * where it was. That entry is taken first, and is lost if the rest then fails.
 */
export function unmapAndReplace(
  state: State,
  caller: DomainId,
  { handle, address, newAddress }: ReplaceElement,
): ElementResult {
  const mapping = get(theDomain(state, caller).mappings, handle);
  if (mapping === undefined) return no('bad_handle', 'G18.1');
  if (!mapping.host || address === 0) return accept({ status: 'okay' }, 'G18', state);

  if (newAddress !== 0 && mapping.byEntry) return no('general_error', 'G18.2');
  const from = newAddress === 0 ? undefined : placeOf(state, newAddress, false);
  if (newAddress !== 0 && from === undefined) return no('general_error', 'G18.3');
  const moved = from === undefined ? undefined : get(state.windows, from);
  const taken = from === undefined ? state : withoutEntryOf(state, from);
  const place = placeOf(taken, address, mapping.byEntry);
  if (place === undefined || !leadsTo(taken, place, mapping))
    return spoil({ status: 'general_error' }, 'G18.4', released(taken, moved));

  // Nothing below this line can fail.
  const emptied = withoutEntryOf(taken, place);
  const next = moved === undefined ? emptied : withWindow(emptied, place, moved);
  const left = ended(withoutParts(next, handle, true, false), mapping);
  return accept({ status: 'okay' }, 'G18', left);
}

const withoutEntryOf = (state: State, window: number): State => {
  return { ...state, windows: drop(state.windows, window) };
};
const released = (state: State, window: Window | undefined): State =>
  window === undefined ? state : letGo(state, window.page);

const no = (status: Status, rule: RefusalId) => refuse({ status }, rule);

/**
 * [G19] get_status_frames: where the status frames of a table are; it never makes any (grants.md 7.10).
 */
export function statusFrames(state: State, caller: DomainId, call: GetStatusFrames): Result {
  const refused = (status: Status): Reply => ({ is: 'table', status, frames: [] });
  if (call.count !== 1) return refuse({ is: 'rc', rc: '-EINVAL' }, 'G19.1');

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(refused('bad_domain'), 'G19.2');
  if (call.frames > target.statusFrames.length) return refuse(refused('general_error'), 'G19.3');

  // Nothing below this line can fail.
  const gfnAt = (page: PageId) => believedGfn(target, page) ?? INVALID_GFN;
  const frames = target.statusFrames.slice(0, call.frames).map(gfnAt);
  return accept({ is: 'table', status: 'okay', frames }, 'G19', state);
}

/** [G11] What only a paravirtualised caller can ask for is refused to a guest. */
export function forHvm<Made extends Step>(made: Made): Made | RefusedGrantCall {
  if (!isForControl(made) || made.caller === CONTROL) return made;
  const { caller, vcpu, op } = made;
  return { op: 'refused_grant_call', caller, vcpu, name: refusedToGuests[op] };
}
const isForControl = (made: Step): made is ControlGrantCall => made.op in refusedToGuests;
