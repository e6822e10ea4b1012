import { INVALID_GFN, type DomainId, type Gfn } from '../abi/ids.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { GetVersion, QuerySize, SetupTable, SwapElement } from '../abi/step.js';
import type { Word } from '../abi/word.js';
import { loadWord, storeWord } from './content.js';
import { storeToBuffer } from './access.js';
import {
  domainOf,
  domainOrSelf,
  gfnOf,
  mayManage,
  pageOf,
  pinsOf,
  withContent,
  withDomain,
} from './derived.js';
import { entriesPerFrame, entryCount, statusFramesFor } from './entries.js';
import { get } from './keyed.js';
import { accept, refuse, type Outcome } from './outcome.js';
import { freshPage } from './pages.js';
import type { Domain, PageId, State } from './state.js';

/**
 * [G6] setup_table: the table has at least so many frames, and the answer says at which gfn each of
 * them is now (grants.md 7.4). Nothing is mapped by it.
 */
export function setupTable(state: State, caller: DomainId, call: SetupTable): Outcome<Reply> {
  if (call.count !== 1) return refuse(einval, 'G6.1');

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(table('bad_domain'), 'G6.2');
  if (!mayManage(caller, target)) return refuse(table('permission_denied'), 'G6.3');

  if (call.frames > target.grantFramesMaximum) return refuse(table('general_error'), 'G6.4');

  const grown = growTable(state, target, call.frames);
  const owner = get(grown.domains, target.id) as Domain;
  const frames = owner.grantFrames
    .slice(0, call.frames)
    .map((page) => gfnOf(owner, page) ?? INVALID_GFN);
  const written = storeList(grown, caller, call.list, frames);
  return written.isWhole
    ? accept({ is: 'table', status: 'okay', frames }, 'G6', written.next)
    : { kind: 'spoiled', answer: table('bad_virt_addr'), rule: 'G6.5', next: written.next };
}

/** [G13] The table has at least so many frames, all new ones zero; version 2 with their status. */
export function growTable(state: State, domain: Domain, frames: number): State {
  let next = state;
  const grow = (now: readonly PageId[], size: number, use: 'grant_frame' | 'status_frame') => {
    const all = [...now];
    while (all.length < size) {
      const fresh = freshPage(next, domain.id, use);
      next = fresh.next;
      all.push(fresh.page);
    }
    return all;
  };
  const size = Math.max(frames, domain.grantFrames.length);
  const statuses = domain.grantVersion === 2 ? statusFramesFor(state.machine, size) : 0;
  if (size === domain.grantFrames.length && statuses <= domain.statusFrames.length) return state;
  const grantFrames = grow(domain.grantFrames, size, 'grant_frame');
  const statusFrames = grow(domain.statusFrames, statuses, 'status_frame');
  return withDomain(next, { ...domain, grantFrames, statusFrames });
}

/** Writes the list where the caller asked for it; items that cannot be written are passed over. */
function storeList(
  state: State,
  caller: DomainId,
  list: number | undefined,
  frames: readonly Gfn[],
): { readonly isWhole: boolean; readonly next: State } {
  let next: State = state;
  let isWhole = true;
  if (list !== undefined)
    for (const [i, frame] of frames.entries()) {
      const written = storeToBuffer(next, caller, list + 8 * i, 8, wordOf(frame));
      if (written === undefined) isWhole = false;
      else next = written;
    }
  return { isWhole, next };
}

const wordOf = (gfn: Gfn): Word =>
  gfn === INVALID_GFN
    ? { low: 0xffff_ffff, high: 0xffff_ffff }
    : { low: gfn % 2 ** 32, high: Math.floor(gfn / 2 ** 32) };

/** [G7] query_size: how many frames a table has and may have (grants.md 7.8). */
export function querySize(state: State, caller: DomainId, call: QuerySize): Outcome<Reply> {
  if (call.count !== 1) return refuse(einval, 'G7.1');

  const target = domainOrSelf(state, caller, call.target);
  if (target === undefined) return refuse(size('bad_domain'), 'G7.2');
  if (!mayManage(caller, target)) return refuse(size('permission_denied'), 'G7.3');

  // Nothing below this line can fail.
  const { grantFrames, grantFramesMaximum: maximum } = target;
  return accept({ is: 'size', status: 'okay', frames: grantFrames.length, maximum }, 'G7', state);
}

/** [G9] get_version: the version of a table (grants.md 7.11). */
export function getVersion(state: State, caller: DomainId, call: GetVersion): Outcome<Reply> {
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
): Outcome<ElementReply> {
  const domain = domainOf(state, caller) as Domain;
  const refs = entryCount(state.machine, domain);
  if (first >= refs) return refuse({ status: 'bad_gntref' }, 'G10.1');
  if (second >= refs) return refuse({ status: 'bad_gntref' }, 'G10.2');
  if (first === second) return accept({ status: 'okay' }, 'G10', state);
  if (pinsOf(state, caller, first, []) !== undefined) return refuse({ status: 'eagain' }, 'G10.3');
  if (pinsOf(state, caller, second, []) !== undefined) return refuse({ status: 'eagain' }, 'G10.4');

  // Nothing below this line can fail.
  const perFrame = entriesPerFrame(state.machine, domain);
  const bytes = domain.grantVersion === 1 ? 8 : 16;
  let next = exchanged(state, domain.grantFrames, first, second, perFrame, bytes);
  if (domain.grantVersion === 2)
    next = exchanged(next, domain.statusFrames, first, second, state.machine.statusesPerFrame, 2);
  return accept({ status: 'okay' }, 'G10', next);
}

/** Two rows of a table of `bytes`-byte rows, `perFrame` to a frame, change places. */
function exchanged(
  state: State,
  frames: readonly PageId[],
  first: number,
  second: number,
  perFrame: number,
  bytes: number,
): State {
  const place = (row: number) => ({
    page: frames[Math.floor(row / perFrame)] as PageId,
    offset: (row % perFrame) * bytes,
  });
  const a = place(first);
  const b = place(second);
  let next = state;
  const unit = Math.min(bytes, 8);
  for (let at = 0; at < bytes; at += unit) {
    const inA = loadWord(pageOf(state, a.page).content, a.offset + at, unit);
    const inB = loadWord(pageOf(state, b.page).content, b.offset + at, unit);
    next = stored(next, a.page, a.offset + at, unit, inB);
    next = stored(next, b.page, b.offset + at, unit, inA);
  }
  return next;
}

const stored = (state: State, page: PageId, offset: number, unit: number, value: Word): State =>
  withContent(state, page, storeWord(pageOf(state, page).content, offset, unit, value));

const einval: Reply = { is: 'rc', rc: '-EINVAL' };
const table = (status: 'bad_domain' | 'permission_denied' | 'general_error' | 'bad_virt_addr') =>
  ({ is: 'table', status, frames: [] }) as const satisfies Reply;
const size = (status: 'bad_domain' | 'permission_denied') =>
  ({ is: 'size', status, frames: 0, maximum: 0 }) as const satisfies Reply;

