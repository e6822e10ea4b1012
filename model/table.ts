import { INVALID_GFN, type DomainId } from '../abi/ids.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { Status } from '../abi/status.js';
import type { GetVersion, QuerySize, SetupTable, SwapElement } from '../abi/step.js';
import { storeToBuffer } from './access.js';
import { copied, type Content } from './content.js';
import * as derived from './derived.js';
import { entryCount, entryPlace, statusFramesFor, statusPlace, type Place } from './entries.js';
import { accept, refuse, spoil, type Outcome } from './outcome.js';
import { freshPage } from './pages.js';
import type { Domain, PageId, State } from './state.js';

/**
 * [G6] setup_table: the table has at least so many frames, and the answer says at which gfn each of
 * them is now (grants.md 7.4). Nothing is mapped by it.
 */
export function setupTable(state: State, caller: DomainId, call: SetupTable): Outcome<Reply> {
  const no = (status: Status): Reply => ({ is: 'table', status, frames: [] });
  if (call.count !== 1) return refuse({ is: 'rc', rc: '-EINVAL' }, 'G6.1');

  const target = derived.domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(no('bad_domain'), 'G6.2');
  if (!derived.mayManage(caller, target)) return refuse(no('permission_denied'), 'G6.3');

  if (call.frames > target.grantFramesMaximum) return refuse(no('general_error'), 'G6.4');

  let next = growTable(state, target, call.frames);
  const owner = derived.theDomain(next, target.id);
  const frames = owner.grantFrames
    .slice(0, call.frames)
    .map((page) => derived.gfnOf(owner, page) ?? INVALID_GFN);
  let isWritten = true;
  for (const [i, gfn] of frames.entries()) {
    if (call.list === undefined) break;
    const high = gfn === INVALID_GFN ? 0xffff_ffff : Math.floor(gfn / 2 ** 32);
    const low = gfn === INVALID_GFN ? 0xffff_ffff : gfn % 2 ** 32;
    const written = storeToBuffer(next, caller, call.list + 8 * i, { low, high });
    isWritten &&= written.isWhole;
    next = written.next;
  }
  if (!isWritten) return spoil(no('bad_virt_addr'), 'G6.5', next);
  return accept({ is: 'table', status: 'okay', frames }, 'G6', next);
}

/** [G13] The table has at least so many frames, all new ones zero; version 2 with their status. */
export function growTable(state: State, domain: Domain, frames: number): State {
  let next = state;
  const grown = (now: readonly PageId[], size: number, use: 'grant_frame' | 'status_frame') => {
    const all = [...now];
    while (all.length < size) {
      const fresh = freshPage(next, domain.id, use);
      next = fresh.next;
      all.push(fresh.page);
    }
    return all;
  };
  const grantFrames = grown(domain.grantFrames, frames, 'grant_frame');
  const statuses =
    domain.grantVersion === 2 ? statusFramesFor(state.machine, grantFrames.length) : 0;
  const statusFrames = grown(domain.statusFrames, statuses, 'status_frame');
  return next === state
    ? state
    : derived.withDomain(next, { ...domain, grantFrames, statusFrames });
}

/** [G7] query_size: how many frames a table has and may have (grants.md 7.8). */
export function querySize(state: State, caller: DomainId, call: QuerySize): Outcome<Reply> {
  const no = (status: Status): Reply => ({ is: 'size', status, frames: 0, maximum: 0 });
  if (call.count !== 1) return refuse({ is: 'rc', rc: '-EINVAL' }, 'G7.1');

  const target = derived.domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(no('bad_domain'), 'G7.2');
  if (!derived.mayManage(caller, target)) return refuse(no('permission_denied'), 'G7.3');

  // Nothing below this line can fail.
  const { grantFrames, grantFramesMaximum: maximum } = target;
  return accept({ is: 'size', status: 'okay', frames: grantFrames.length, maximum }, 'G7', state);
}

/** [G9] get_version: the version of a table (grants.md 7.11). */
export function getVersion(state: State, caller: DomainId, call: GetVersion): Outcome<Reply> {
  const target = derived.domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse({ is: 'version', rc: '-ESRCH', version: 0 }, 'G9.1');
  if (!derived.mayManage(caller, target))
    return refuse({ is: 'version', rc: '-EPERM', version: 0 }, 'G9.2');

  // Nothing below this line can fail.
  return accept({ is: 'version', rc: 0, version: target.grantVersion }, 'G9', state);
}

/**
 * [G10] swap_grant_ref: two entries of the caller's own table change places, with their status
 * words in version 2; neither may be in use (grants.md 7.12).
 */
export function swapGrant(
  state: State,
  caller: DomainId,
  { first, second }: SwapElement,
): Outcome<ElementReply> {
  const domain = derived.theDomain(state, caller);
  const refs = entryCount(state.machine, domain);
  if (first >= refs) return refuse({ status: 'bad_gntref' }, 'G10.1');
  if (second >= refs) return refuse({ status: 'bad_gntref' }, 'G10.2');
  if (first === second) return accept({ status: 'okay' }, 'G10', state);
  if (derived.pinsOf(state, caller, first) !== undefined)
    return refuse({ status: 'eagain' }, 'G10.3');
  if (derived.pinsOf(state, caller, second) !== undefined)
    return refuse({ status: 'eagain' }, 'G10.4');

  // Nothing below this line can fail.
  const exchanged = (now: State, a: Place, b: Place, bytes: number): State => {
    const contentOf = (place: Place) => derived.pageOf(state, place.page).content;
    const half = moved(now, b, a, contentOf(b), bytes);
    return moved(half, a, b, contentOf(a), bytes);
  };
  const at = (ref: number): Place => entryPlace(state, domain, ref);
  const word = (ref: number): Place => statusPlace(state, domain, ref);
  const isV1 = domain.grantVersion === 1;
  const next = exchanged(state, at(first), at(second), isV1 ? 8 : 16);
  const both = isV1 ? next : exchanged(next, word(first), word(second), 2);
  return accept({ status: 'okay' }, 'G10', both);
}

/** Bytes of a content, put in another place. */
function moved(state: State, from: Place, to: Place, old: Content, bytes: number): State {
  const target = derived.pageOf(state, to.page).content;
  return derived.withContent(state, to.page, copied(old, from.offset, target, to.offset, bytes));
}
