import { PFEC_P, PFEC_W } from '../abi/control.js';
import { DOMID_IO, DOMID_SELF, DOMID_XEN, CONTROL, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { RefusalId } from '../abi/rules.js';
import { WINDOW_ADDRESS, WINDOWS, type MapForeign, type UnmapWindow } from '../abi/windows.js';
import type { Access, Step } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { areEqual, masked } from '../values/words.js';
import { drop, get, put } from '../values/keyed.js';
import { valueOf, withValue, type Piece } from './pieces.js';
import { domainOf, ownPageAt, pageOf, theDomain } from './derived.js';
import { demanded } from './on-demand.js';
import { accept, rc, refuse, spoil, type Result } from './outcome.js';
import { freeUnheld, vanishIfUnheld } from './pages.js';
import type { PageId, State, Window } from './state.js';

/**
 * The control domain's address space: what its kernel maps there, and reads and writes through it.
 * [H4] A window holds its page: the page outlives its gfn, and its domain stays, dying, for as long.
 */

/** Of what the control domain does by itself the spec knows its hypercalls and plain accesses. */
export const isKnown = (made: Extract<Step, { readonly caller: DomainId }>): boolean =>
  made.caller !== CONTROL || !('as' in made || unknownOfControl.has(made.op));
const unknownOfControl = new Set<string>(
  'xadd fetch crash cr0 cr3 cr4 efer pkru invlpg'.split(' '),
);

/** There are so many linear pages: the windows, then those of its own RAM. */
export const hasWindow = ({ machine }: State, window: number): boolean =>
  window >= 0 && window < WINDOWS + machine.controlPages;

/**
 * [H1] map_foreign: a window leads to a page of a domain, readonly or not. The page is found as for a
 * grant; what the window led to is let go.
 */
export function mapForeign(state: State, call: MapForeign): Result {
  const { window, domain: id, gfn } = call;
  const isOfNobody = id === DOMID_IO || id === DOMID_XEN;
  const domain = id === DOMID_SELF ? theDomain(state, CONTROL) : foreignOf(state, id);
  if (domain === undefined && !isOfNobody) return refuse(rc('-ESRCH'), 'H1.1');
  if (!hasWindow(state, window)) return refuse(rc('-EINVAL'), 'H1.2');
  // Every machine frame that the control domain can name and does not own is somebody else's.
  const next = domain === undefined ? state : demanded(state, domain.id, gfn);
  const page = domain === undefined ? undefined : ownPageAt(next, theDomain(next, domain.id), gfn);
  if (page === undefined && (isOfNobody || id === DOMID_SELF)) return refuse(rc('-EBUSY'), 'H1.3');
  if (page === undefined) return spoil(rc('-EINVAL'), 'H1.4', next);

  // Nothing below this line can fail.
  return accept(rc(0), 'H1', withWindow(next, window, { page, readonly: call.readonly }));
}

const foreignOf = (state: State, id: DomainId) =>
  id === CONTROL ? undefined : domainOf(state, id);

/** [H2] unmap_window: a window is empty, and lets go of what it led to. */
export function unmapWindow(state: State, { window }: UnmapWindow): Result {
  if (!hasWindow(state, window)) return refuse(rc('-EINVAL'), 'H2.1');

  // Nothing below this line can fail.
  return accept(rc(0), 'H2', withWindow(state, window, undefined));
}

/** [H4] A window with another content; the page it led to may be free now, and its domain gone. */
export function withWindow(state: State, window: number, to: Window | undefined): State {
  const old = get(state.windows, window);
  const windows = to === undefined ? drop(state.windows, window) : put(state.windows, window, to);
  const next = { ...state, windows };
  return old === undefined ? next : letGo(next, old.page);
}

/** A page that was held once less. */
export function letGo(state: State, page: PageId): State {
  const { owner } = pageOf(state, page);
  return vanishIfUnheld(freeUnheld(state, page), owner);
}

/**
 * [H3] An access by the control domain, by linear address. It needs each page it touches in a window,
 * and writable where it writes; a comparison writes whatever it finds.
 */
export function windowAccess(state: State, made: WindowAccess): Result {
  const { address, size } = made;
  const pieces: Piece[] = [];
  for (let done = 0; done < size;) {
    const at = address + done;
    const found = windowAt(state, at, made.op !== 'load');
    if ('refusal' in found) return refuse(faultAt(found.code, at), found.refusal);
    const offset = at % PAGE_BYTES;
    const fitting = Math.min(size - done, PAGE_BYTES - offset);
    const page = { gfn: 0, type: 'ram_rw', page: found.page } as const;
    pieces.push({ ...page, offset, size: fitting, skipped: done });
    done += fitting;
  }

  // Nothing below this line can fail.
  const old = valueOf(state, pieces);
  if (made.op === 'load') return accept({ is: 'value', value: old }, 'H3', state);
  if (made.op === 'store')
    return accept({ is: 'stored' }, 'H3', withValue(state, pieces, made.value));
  const isStored = areEqual(old, masked(made.expected, size));
  const next = isStored ? withValue(state, pieces, made.value) : state;
  return accept({ is: 'value', value: old }, 'H3', next);
}
export type WindowAccess = Extract<Access, { readonly op: 'load' | 'store' | 'cmpxchg' }>;

/** What is at a linear address of the control domain's, if it may be reached. */
function windowAt(
  state: State,
  address: number,
  isWrite: boolean,
): Window | { readonly refusal: RefusalId; readonly code: number } {
  const window = get(state.windows, windowOf(address));
  const code = isWrite ? PFEC_W : 0;
  if (window === undefined) return { refusal: 'H3.1', code };
  return isWrite && window.readonly ? { refusal: 'H3.2', code: code | PFEC_P } : window;
}

/** The number of the linear page at an address; outside of what there is, no window has it. */
export const windowOf = (address: number): number =>
  Math.floor((address - WINDOW_ADDRESS) / PAGE_BYTES);

function faultAt(code: number, address: number): Reply {
  const linear: Word = { low: address % 2 ** 32, high: Math.floor(address / 2 ** 32) };
  return { is: 'page_fault', code, linear };
}
