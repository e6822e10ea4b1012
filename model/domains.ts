import { CR0_AT_START } from '../abi/control.js';
import { CONTROL, Gfn, type DomainId } from '../abi/ids.js';
import type { DomainConfig, Machine } from '../abi/machine.js';
import * as abi from '../abi/step.js';
import { WINDOWS } from '../abi/windows.js';
import { loadWord, withWord, zeros } from '../values/content.js';
import { claimedPages, domainOf, freeFrames, outstanding, ownedPages } from './derived.js';
import { ownPageAt, pageOf, theDomain, withContent, withDomain } from './derived.js';
import { get, put } from '../values/keyed.js';
import { attempt, type Attempt } from './failing.js';
import { accept, rc, refuse, spoil, type Result } from './outcome.js';
import { freshPage, withFrameNumbers } from './pages.js';
import { addPages, blockBits } from './superpages.js';
import { demanded, isOnDemand } from './on-demand.js';
import { placed } from './physmap.js';
import { isNested } from './registers.js';
import { PageId, type Domain, type State, type Vcpu } from './state.js';

/** A machine on which only the control domain runs. */
export function boot(machine: Machine): State {
  const none = { domains: undefined, pages: undefined, windows: undefined };
  const failing = { page: 0, table: 0, grant_frame: 0, entry: 0 };
  const empty: State = { machine, ...none, nextPage: PageId(0), failing, search: 0 };
  let next = bareDomain(empty, CONTROL, {
    ...machine.defaults,
    maximumPages: 0,
    grantFrames: machine.grantFramesMaximum,
    maptrackFrames: machine.maptrackFramesMaximum,
    grantVersion: 1,
  });
  next = withFrameNumbers(next);
  for (let n = 0; n < machine.controlPages; n++) next = withControlPage(next, n);
  return next;
}

/** [H5] A page of the control domain's RAM: its gfn is its machine frame, and it has a linear page. */
function withControlPage(state: State, n: number): State {
  const { page, next } = freshPage(state, CONTROL, 'ram');
  const control = theDomain(next, CONTROL);
  const p2m = put(control.p2m, n, { type: 'ram_rw', page } as const);
  const windows = put(next.windows, WINDOWS + n, { page, readonly: false });
  return withDomain({ ...next, windows }, { ...control, p2m });
}

/** The guests are those whose life the spec describes; the control domain is not one of them. */
export const guestOf = (state: State, id: DomainId): Domain | undefined =>
  id === CONTROL ? undefined : domainOf(state, id);

/** [D1] create: a domain comes to be, with its RAM, an empty grant table of version 1, and no grants. */
export function create(state: State, { domain: id, config: asked }: abi.CreateDomain): Result {
  const { machine } = state;
  const { grantVersion, grantFrames, maptrackFrames } = asked;
  if (id < 1 || id > machine.domains) return refuse(rc('-EINVAL'), 'D1.1');
  if (domainOf(state, id) !== undefined) return refuse(rc('-EEXIST'), 'D1.2');

  if (grantVersion < 1 || grantVersion > 2) return refuse(rc('-EINVAL'), 'D1.3');
  if (grantFrames === 0 || grantFrames > machine.grantFramesMaximum)
    return refuse(rc('-EINVAL'), 'D1.4');
  if (maptrackFrames > machine.maptrackFramesMaximum) return refuse(rc('-EINVAL'), 'D1.5');

  const config: DomainConfig = {
    ...asked,
    grantFrames: grantFrames < 0 ? machine.grantFramesMaximum : grantFrames,
    maptrackFrames: maptrackFrames < 0 ? machine.maptrackFramesMaximum : maptrackFrames,
  };
  const { isDone, next } = built(state, id, config);
  if (!isDone) return spoil(rc('-ENOMEM'), 'D1.6', { ...state, failing: next.failing });

  // Nothing below this line can fail.
  return accept(rc(0), 'D1', next);
}

/** The domain with the top of its p2m, what serves its page tables, what the hypervisor lends it, its RAM and its table. */
function built(state: State, id: DomainId, config: DomainConfig): Attempt {
  const rooted = attempt(state, 'table', isNested(state) ? 1 : 2);
  if (!rooted.isDone) return rooted;
  const lent = attempt(rooted.next, 'grant_frame', 2);
  if (!lent.isDone) return lent;
  return withMemory(bareDomain(lent.next, id, config), id, config);
}

/** A domain that owns what the hypervisor gives every domain: a grant frame and its shared info. */
function bareDomain(state: State, id: DomainId, config: DomainConfig): State {
  const grantFrame = freshPage(state, id, 'grant_frame');
  const sharedInfo = freshPage(grantFrame.next, id, 'shared_info');
  const pending = withContent(sharedInfo.next, sharedInfo.page, upcallPending);
  return withDomain(pending, {
    id,
    crashed: false,
    dying: false,
    tornDown: false,
    pauses: 0,
    maximumPages: config.maximumPages,
    claim: undefined,
    p2m: undefined,
    tables: undefined,
    believedGfns: undefined,
    miscounted: 0,
    onDemand: undefined,
    kept: [],
    demands: Array.from({ length: state.machine.demandsRemembered }, () => undefined),
    highestDemand: Gfn(0),
    sweptTo: [Gfn(0)],
    maximumGfn: Gfn(0),
    sharedInfo: sharedInfo.page,
    grantVersion: 1,
    grantVersionMaximum: config.grantVersion === 1 ? 1 : 2,
    grantFrames: [grantFrame.page],
    grantFramesMaximum: config.grantFrames,
    statusFrames: [],
    maptrackFrames: config.maptrackFrames,
    mappings: undefined,
    loggedSince: undefined,
    vcpus: Array.from({ length: state.machine.vcpus }, () => newVcpu),
  });
}

/** A vcpu starts without paging. */
const newVcpu: Vcpu = {
  cr0: CR0_AT_START,
  cr3: { low: 0, high: 0 },
  cr4: 0,
  efer: 0,
  pkru: 0,
  pdptes: [],
  root: undefined,
  keepsHandle: false,
  past: undefined,
  interrupt: undefined,
  pending: undefined,
};

/** In its shared info a domain finds an event pending (recorded): the upcall, selector 0, port 1. */
const upcallPending = withWord(withWord(withWord(zeros, 0, 1), 2, 1), 512, 2);

/**
 * The domain with its first RAM and its table in the p2m, as far as they can be had. The toolstack
 * populates runs of RAM by extents as large as one entry can hold.
 */
function withMemory(state: State, id: DomainId, config: DomainConfig): Attempt {
  const free = freeFrames(state) - claimedPages(state);
  let next = state;
  let had = 0;
  for (const { gfn, count } of config.ram)
    for (let i = 0, size = 1; i < count; i += size) {
      const first = Gfn(gfn + i);
      const fits = (bits: number): boolean =>
        count - i >= 2 ** bits && blockBits(state, first, 0, 2 ** bits) === bits;
      size = 2 ** ([18, 9].find(fits) ?? 0);
      if (had + size > config.maximumPages) return { isDone: false, next };
      const tried = attempt(next, 'page');
      had += size;
      if (!tried.isDone || had > free) return { isDone: false, next: tried.next };
      next = tried.next;
      const pages = Array.from({ length: size }, () => {
        const fresh = freshPage(next, id, 'ram');
        next = fresh.next;
        return fresh.page;
      });
      const added = addPages(next, id, first, pages);
      next = added.next;
      if (added.failures.some((why) => why !== undefined)) return { isDone: false, next };
    }
  if (config.tableGfn === undefined) return { isDone: true, next };
  const tabled = placed(next, id, abi.XENMAPSPACE_grant_table, 0, Gfn(config.tableGfn));
  return { isDone: tabled.result === 0, next: tabled.next };
}

/** [D5] domain_info: whether a domain is dying or was stopped, and the pages it owns and may own. */
export function domainInfo(state: State, { domain: id }: abi.DomainInfo): Result {
  const domain = guestOf(state, id);
  if (domain === undefined) return refuse(rc('-ESRCH'), 'D5.1');

  // Nothing below this line can fail.
  const { dying, crashed: shutdown, maximumPages } = domain;
  const pages = ownedPages(state, id);
  const owed = outstanding(state, domain);
  const info = { dying, shutdown, pages, maximumPages, outstanding: owed };
  return accept({ is: 'domain_info', ...info }, 'D5', state);
}

/** The largest number of 32 bits. */
const PAGES_MAXIMUM = 0xffff_ffff;

/**
 * [D6] set_memory_limit: a domain may own so many pages from now on, or all that can be counted; it
 * keeps what it has.
 */
export function setMemoryLimit(state: State, call: abi.SetMemoryLimit): Result {
  const domain = guestOf(state, call.domain);
  if (domain === undefined) return refuse(rc('-ESRCH'), 'D6.1');

  // Nothing below this line can fail.
  const maximumPages = Math.min(call.pages, PAGES_MAXIMUM);
  return accept(rc(0), 'D6', withDomain(state, { ...domain, maximumPages }));
}

/** [D7] inspect_gfn: the memory type at a gfn; its page too, where the domain can lend it. */
export function inspectGfn(before: State, { domain: id, gfn }: abi.InspectGfn): Result {
  if (guestOf(before, id) === undefined) return refuse(rc('-ESRCH'), 'D7.1');

  // Nothing below this line can fail.
  const state = demanded(before, id, gfn);
  const domain = theDomain(state, id);
  const type = memoryTypeAt(domain, gfn);
  const page = ownPageAt(state, domain, gfn);
  if (page === undefined) return accept({ is: 'inspected', memoryType: type }, 'D7', state);
  const first = loadWord(pageOf(state, page).content, 0, 8);
  return accept({ is: 'inspected', memoryType: type, first }, 'D7', state);
}

/** [D13] memory_type: the memory type at a gfn, which is not populated by that. */
export function memoryType(state: State, { domain: id, gfn }: abi.MemoryTypeAt): Result {
  const domain = domainOf(state, id);
  if (domain === undefined) return refuse(rc('-ESRCH'), 'D13.1');
  if (domain.id === CONTROL) return refuse(rc('-EINVAL'), 'D13.2');

  // Nothing below this line can fail.
  return accept({ is: 'inspected', memoryType: memoryTypeAt(domain, gfn) }, 'D13', state);
}

function memoryTypeAt(domain: Domain, gfn: number): 'ram_rw' | 'ram_ro' | 'mmio_dm' {
  const type = get(domain.p2m, gfn)?.type;
  if (type === undefined) return isOnDemand(domain, gfn) ? 'ram_rw' : 'mmio_dm';
  return type === 'grant_map_ro' || type === 'ram_ro' ? 'ram_ro' : 'ram_rw';
}
