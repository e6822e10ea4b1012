import { gfnOf, isGrant, isHeld } from '../../model/derived.js';
import { get } from '../../values/keyed.js';
import { entries, has } from '../keyed-entries.js';
import { CONTROL, DomainId } from '../../abi/ids.js';
import { PageId } from '../../model/state.js';
import type { Invariant } from './invariant.js';

export const ramIsTheOwners: Invariant = {
  id: 'M1',
  name: 'a page that is RAM of a domain is owned by that domain',
  why: 'A guest would read and write what is not its own.',
  path: 'p2m.ram',
  *violations({ domains, pages }) {
    for (const [id, { p2m }] of entries(domains))
      for (const [gfn, { type, page }] of entries(p2m))
        if (!isGrant({ type, page }) && get(pages, page)?.owner !== id)
          yield `d${id} gfn ${gfn} is RAM, page ${page} is of d${String(get(pages, page)?.owner)}`;
  },
};

export const nothingNamesAMissingPage: Invariant = {
  id: 'M2',
  name: 'every page that an entry, a mapping, a table or a list of kept pages names exists',
  why: 'A freed page would be reached, and with it whatever its frame is next.',
  path: 'page.exists',
  *violations({ domains, pages, windows }) {
    for (const [window, { page }] of entries(windows))
      if (!has(pages, page)) yield `window ${window} names page ${page}`;
    for (const [id, domain] of entries(domains)) {
      for (const [gfn, { page }] of entries(domain.p2m))
        if (!has(pages, page)) yield `d${id} gfn ${gfn} names page ${page}`;
      // The page of a host mapping of the control domain can be gone, if its window was emptied.
      for (const [handle, { page, device }] of entries(domain.mappings))
        if (!has(pages, page) && (id !== CONTROL || device))
          yield `d${id} handle ${handle} names page ${page}`;
      for (const page of domain.kept)
        if (!has(pages, page)) yield `d${id} keeps page ${page} for gfns on demand`;
      for (const page of [...domain.grantFrames, ...domain.statusFrames, domain.sharedInfo])
        if (!has(pages, page)) yield `d${id} has page ${page} in its tables`;
    }
  },
};

export const noPageIsHeldByNobody: Invariant = {
  id: 'M3',
  name: 'a page of RAM is allocated or held by a mapping',
  why: 'Memory would leak until its domain dies.',
  path: 'page.held',
  *violations(state) {
    for (const [id, { use, allocated, owner }] of entries(state.pages))
      if (use === 'ram' && !allocated && !isHeld(state, PageId(id)))
        yield `page ${id} of d${owner} is neither`;
  },
};

export const everyPageHasALivingOwner: Invariant = {
  id: 'M4',
  name: 'the owner of every page exists, alive or dying',
  why: 'Nobody would be left to free it.',
  path: 'page.owner',
  *violations({ domains, pages }) {
    for (const [id, { owner }] of entries(pages))
      if (!has(domains, owner)) yield `page ${id} is of d${owner}, which is gone`;
  },
};

export const ramHasOneGfn: Invariant = {
  id: 'M5',
  name: 'a page is RAM at one gfn of its owner at most',
  why: 'Giving up one of two gfns would free memory that the other one still reaches.',
  path: 'p2m.alias',
  *violations({ domains }) {
    for (const [id, domain] of entries(domains))
      for (const [gfn, { type, page }] of entries(domain.p2m))
        if (!isGrant({ type, page }) && gfnOf(domain, page) !== gfn)
          yield `d${id} has page ${page} at gfn ${gfn} and at ${String(gfnOf(domain, page))}`;
  },
};

export const ramIsAllocatedOrSpecial: Invariant = {
  id: 'M6',
  name: 'RAM of a domain is allocated to it, the hypervisor’s own pages excepted',
  why: 'The page could be handed out again while a guest still reaches it.',
  path: 'p2m.allocated',
  *violations({ domains, pages }) {
    for (const [id, { p2m }] of entries(domains))
      for (const [gfn, entry] of entries(p2m)) {
        const page = get(pages, entry.page);
        // What the control domain has at a machine frame is there as long as it is a page.
        if (id !== CONTROL && !isGrant(entry) && page?.use === 'ram' && !page.allocated)
          yield `d${id} gfn ${gfn}: page ${entry.page} was given up`;
      }
  },
};

export const limitsHold: Invariant = {
  id: 'M7',
  name: 'the pages of RAM of all domains fit the machine',
  why: 'Two pages would have to be one frame.',
  path: 'machine.frames',
  *violations({ machine, pages }) {
    let ram = 0;
    for (const [, { use }] of entries(pages)) if (use === 'ram') ram++;
    const frames = machine.guestFrames + machine.controlPages;
    if (ram > frames) yield `${ram} pages, ${frames} frames`;
  },
};

export const aZombieIsHeld: Invariant = {
  id: 'M8',
  name: 'a dying domain is still there only while another domain holds a page of it',
  why: 'Its id and its memory would never come back.',
  path: 'domain.dying',
  *violations(state) {
    for (const [id, { tornDown }] of entries(state.domains)) {
      if (!tornDown) continue;
      let held = false;
      for (const [page, { owner }] of entries(state.pages))
        if (owner === DomainId(id) && isHeld(state, PageId(page))) held = true;
      if (!held) yield `d${id} is dying and nobody holds a page of it`;
    }
  },
};
