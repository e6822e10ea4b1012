import { CONTROL, INVALID_GFN, type DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Status } from '../abi/status.js';
import type { GetVersion, QuerySize, SetupTable, SwapElement } from '../abi/step.js';
import { storeToBuffer } from './access.js';
import { copied } from '../values/content.js';
import { domainOrSelf, believedGfn, mayManage, pageOf, pinsOf, theDomain } from './derived.js';
import { withContent, withDomain } from './derived.js';
import { entryCount, entryPlace, statusFramesFor, statusPlace, type Place } from './entries.js';
import { attempt, type Attempt } from './failing.js';
import { accept, refuse, spoil, type ElementResult, type Result } from './outcome.js';
import { freshPage, withFrameNumbers } from './pages.js';
import type { Domain, PageId, State } from './state.js';

/**
 * [G6] setup_table: the table has at least so many frames, and the answer says at which gfn each of
 * them is now (grants.md 7.4). Nothing is mapped by it.
 */
export function setupTable(state: State, caller: DomainId, call: SetupTable): Result {
  const no = (status: Status): Reply => ({ is: 'table', status, frames: [] });
  if (call.count !== 1) return refuse({ is: 'rc', rc: '-EINVAL' }, 'G6.1');

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(no('bad_domain'), 'G6.2');
  if (!mayManage(caller, target)) return refuse(no('permission_denied'), 'G6.3');

  if (call.frames > target.grantFramesMaximum) return refuse(no('general_error'), 'G6.4');

  const grown = growTable(state, target, call.frames);
  if (!grown.isDone) return spoil(no('general_error'), 'G6.6', grown.next);

  let { next } = grown;
  const owner = theDomain(next, target.id);
  const frames = owner.grantFrames
    .slice(0, call.frames)
    .map((page) => believedGfn(owner, page) ?? INVALID_GFN);
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

/**
 * [G13] The table has at least so many frames, all new ones zero, in version 2 with their status; or
 * one of the new ones cannot be had, and the table stays as it is.
 */
export function growTable(state: State, domain: Domain, frames: number): Attempt {
  const size = Math.max(frames, domain.grantFrames.length);
  const statuses = domain.grantVersion === 2 ? statusFramesFor(state.machine, size) : 0;
  const missing =
    size - domain.grantFrames.length + Math.max(0, statuses - domain.statusFrames.length);
  const tried = attempt(state, 'grant_frame', missing);
  if (!tried.isDone) return tried;

  // Nothing below this line can fail.
  let { next } = tried;
  const grown = (now: readonly PageId[], wanted: number, use: 'grant_frame' | 'status_frame') => {
    const all = [...now];
    while (all.length < wanted) {
      const fresh = freshPage(next, domain.id, use);
      next = fresh.next;
      all.push(fresh.page);
    }
    return all;
  };
  const grantFrames = grown(domain.grantFrames, size, 'grant_frame');
  const statusFrames = grown(domain.statusFrames, statuses, 'status_frame');
  if (missing === 0) return { isDone: true, next };
  next = withDomain(next, { ...domain, grantFrames, statusFrames });
  return { isDone: true, next: domain.id === CONTROL ? withFrameNumbers(next) : next };
}

/** [G7] query_size: how many frames a table has and may have (grants.md 7.8). */
export function querySize(state: State, caller: DomainId, call: QuerySize): Result {
  const no = (status: Status): Reply => ({ is: 'size', status, frames: 0, maximum: 0 });
  if (call.count !== 1) return refuse({ is: 'rc', rc: '-EINVAL' }, 'G7.1');

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(no('bad_domain'), 'G7.2');
  if (!mayManage(caller, target)) return refuse(no('permission_denied'), 'G7.3');

  // Nothing below this line can fail.
  const { grantFrames, grantFramesMaximum: maximum } = target;
  return accept({ is: 'size', status: 'okay', frames: grantFrames.length, maximum }, 'G7', state);
}

/** [G9] get_version: the version of a table (grants.md 7.11). */
export function getVersion(state: State, caller: DomainId, call: GetVersion): Result {
  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse({ is: 'version', rc: '-ESRCH', version: 0 }, 'G9.1');
  if (!mayManage(caller, target))
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
): ElementResult {
  const domain = theDomain(state, caller);
  const refs = entryCount(state.machine, domain);
  if (first >= refs) return refuse({ status: 'bad_gntref' }, 'G10.1');
  if (second >= refs) return refuse({ status: 'bad_gntref' }, 'G10.2');
  if (first === second) return accept({ status: 'okay' }, 'G10', state);
  if (pinsOf(state, caller, first) !== undefined) return refuse({ status: 'eagain' }, 'G10.3');
  if (pinsOf(state, caller, second) !== undefined) return refuse({ status: 'eagain' }, 'G10.4');

  // Nothing below this line can fail.
  const [a, b] = [entryPlace(state, domain, first), entryPlace(state, domain, second)];
  const okay = { status: 'okay' } as const;
  if (domain.grantVersion === 1) return accept(okay, 'G10', exchanged(state, a, b, 8));
  const [one, other] = [statusPlace(state, domain, first), statusPlace(state, domain, second)];
  return accept(okay, 'G10', exchanged(exchanged(state, a, b, 16), one, other, 2));
}

/** Two places change what they hold. */
function exchanged(state: State, a: Place, b: Place, bytes: number): State {
  const moved = (now: State, from: Place, to: Place): State => {
    const [old, target] = [pageOf(state, from.page).content, pageOf(now, to.page).content];
    return withContent(now, to.page, copied(old, from.offset, target, to.offset, bytes));
  };
  return moved(moved(state, a, b), b, a);
}
