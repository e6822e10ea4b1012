import { GuestPhysical, type DomainId } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import { isGrant, isHeld, ownedPages } from '../model/derived.js';
import { differences } from './keyed-differences.js';
import { findKey, get } from '../values/keyed.js';
import { PageId, type Entry, type Page, type State } from '../model/state.js';
import type { Goal } from './goals.js';

/** What a guest has at an address: its entry and the page behind it. */
function at(
  state: State,
  domain: DomainId,
  address: GuestPhysical,
): { readonly entry: Entry; readonly page: Page } | undefined {
  const entry = get(get(state.domains, domain)?.p2m, Math.floor(address / PAGE_BYTES));
  const page = entry === undefined ? undefined : get(state.pages, entry.page);
  return entry === undefined || page === undefined ? undefined : { entry, page };
}

export const memoryGoals: readonly Goal[] = [
  {
    id: 'S18',
    sentence: 'a page is given up by its owner while another domain has it mapped',
    operations: ['decrease_reservation', 'add_to_physmap'],
    reached: (before, _step, _reply, after) => {
      let found = false;
      if (before.pages !== after.pages)
        differences(before.pages, after.pages, (id, was, is) => {
          if (was?.allocated === true && is?.allocated === false) found = true;
          else if (was !== undefined && is === undefined) found ||= isHeld(after, PageId(id));
        });
      return found;
    },
  },
  {
    id: 'S19',
    sentence: 'a page of a dying domain is written through a mapping',
    operations: ['store'],
    reached: (before, step, reply, after) => {
      if (step.op !== 'store' || reply.is !== 'stored' || before === after) return false;
      const place = at(before, step.caller, step.address);
      if (place?.entry.type !== 'grant_map_rw') return false;
      return get(before.domains, place.page.owner)?.dying === true;
    },
  },
  {
    id: 'S20',
    sentence: 'a page that its owner has given up is read through a mapping',
    operations: ['load'],
    reached: (before, step, reply) => {
      if (step.op !== 'load' || reply.is !== 'value') return false;
      const place = at(before, step.caller, step.address);
      return place !== undefined && isGrant(place.entry) && !place.page.allocated;
    },
  },
  {
    id: 'S21',
    sentence: 'a store to a readonly mapping is dropped',
    operations: ['store'],
    reached: (before, step, reply) =>
      step.op === 'store' &&
      reply.is === 'stored' &&
      at(before, step.caller, step.address)?.entry.type === 'grant_map_ro',
  },
  {
    id: 'S22',
    sentence: 'an access crosses from a page into a hole, or out of one',
    operations: ['load', 'store'],
    reached: (before, step) => {
      if (step.op !== 'load' && step.op !== 'store') return false;
      const end = GuestPhysical(step.address + step.size - 1);
      if (Math.floor(end / PAGE_BYTES) === Math.floor(step.address / PAGE_BYTES)) return false;
      const first = at(before, step.caller, step.address);
      const second = at(before, step.caller, end);
      return (first === undefined) !== (second === undefined);
    },
  },
  {
    id: 'S23',
    sentence: 'a p2m has no table left for a gfn',
    operations: ['map', 'populate_physmap', 'add_to_physmap', 'add_to_physmap_batch'],
    reached: (before, step, reply) => {
      if (step.op === 'add_to_physmap') return reply.is === 'rc' && reply.rc === '-ENOMEM';
      if (step.op === 'add_to_physmap_batch')
        return reply.is === 'errors' && reply.errors.includes('-ENOMEM');
      if (step.op !== 'populate_physmap' || reply.is !== 'rc') return false;
      const target = get(before.domains, step.target) ?? get(before.domains, step.caller);
      return reply.rc === 0 && target !== undefined && fullButFree(before, target.id);
    },
  },
  {
    id: 'S24',
    sentence: 'a domain is created while a dying one is still held',
    operations: ['create'],
    reached: (before, step, reply) =>
      step.op === 'create' &&
      reply.is === 'rc' &&
      reply.rc === 0 &&
      findKey(before.domains, ({ dying }) => dying) !== undefined,
  },
  {
    id: 'S25',
    sentence: 'a domain cannot be created because the machine has no memory left',
    operations: ['create'],
    reached: (_before, _step, reply) => reply.is === 'rc' && reply.rc === '-ENOMEM',
  },
  {
    id: 'S26',
    sentence: 'running code in a grant mapping crashes the guest',
    operations: ['fetch'],
    reached: (_before, _step, reply) => reply.is === 'crashed',
  },
  {
    id: 'S27',
    sentence: 'the control domain crashes a guest by populating over its grant mapping',
    operations: ['populate_physmap'],
    reached: (before, step, reply, after) =>
      step.op === 'populate_physmap' &&
      reply.is === 'rc' &&
      get(before.domains, step.target)?.crashed === false &&
      get(after.domains, step.target)?.crashed === true,
  },
];

/** What happens only where device models are at work. */
export const surfaceMemoryGoals: readonly Goal[] = [
  {
    id: 'S70',
    sentence: 'a grantee writes to a page that is readonly to its owner',
    operations: ['store'],
    reached: (before, step, _reply, after) => {
      if (step.op !== 'store' || before.pages === after.pages) return false;
      const place = at(before, step.caller, step.address);
      if (place?.entry.type !== 'grant_map_rw') return false;
      const { page } = place.entry;
      const p2m = get(before.domains, place.page.owner)?.p2m;
      return findKey(p2m, (entry) => entry.page === page && entry.type === 'ram_ro') !== undefined;
    },
  },
  {
    id: 'S71',
    sentence: 'an access comes to readonly RAM from one side of the end of a page',
    operations: ['store', 'xadd'],
    reached: (before, step) => {
      if (step.op !== 'store' && step.op !== 'xadd') return false;
      const end = GuestPhysical(step.address + step.size - 1);
      const first = at(before, step.caller, step.address)?.entry;
      const second = at(before, step.caller, end)?.entry;
      return first !== second && (first?.type === 'ram_ro') !== (second?.type === 'ram_ro');
    },
  },
  {
    id: 'S72',
    sentence: 'a page of the hypervisor’s is moved to where it is believed to be',
    operations: ['add_to_physmap', 'add_to_physmap_batch'],
    reached: (before, step, _reply, after) => {
      if (step.op !== 'add_to_physmap' && step.op !== 'add_to_physmap_batch') return false;
      const then = get(before.domains, step.target) ?? get(before.domains, step.caller);
      const now = then === undefined ? undefined : get(after.domains, then.id);
      return now !== undefined && then?.believedGfns !== now.believedGfns && then?.dying === false;
    },
  },
];

/** Whether a domain may own more pages and the machine has some: then only its p2m is in the way. */
const fullButFree = (state: State, id: DomainId): boolean => {
  const domain = get(state.domains, id);
  return domain !== undefined && ownedPages(state, id) < domain.maximumPages;
};
