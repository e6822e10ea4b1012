import { CONTROL } from '../abi/ids.js';
import { WINDOW_ADDRESS } from '../abi/windows.js';
import { PAGE_BYTES } from '../abi/word.js';
import { findKey, get, has } from '../values/keyed.js';
import { gfnOf } from '../model/derived.js';
import type { Reply } from '../abi/reply.js';
import type { Domain, State } from '../model/state.js';
import { tableGfns } from './generate/page-tables.js';
import type { Goal } from './goals.js';

/** What a linear address of the control domain leads to. */
const windowAt = (state: State, address: number) =>
  get(state.windows, Math.floor((address - WINDOW_ADDRESS) / PAGE_BYTES));

/** The control domain as one that shares: for the whole surface. */
export const controlGoals: readonly Goal[] = [
  {
    id: 'S120',
    sentence: 'the control domain writes a page where a guest has its page tables',
    operations: ['store'],
    reached: (before, step, reply) => {
      if (step.op !== 'store' || step.caller !== CONTROL || reply.is !== 'stored') return false;
      const page = windowAt(before, step.address)?.page;
      const owner = page === undefined ? undefined : get(before.pages, page)?.owner;
      const domain = owner === undefined ? undefined : get(before.domains, owner);
      if (page === undefined || domain === undefined) return false;
      const gfn = gfnOf(domain, page);
      return tableGfns.some((table) => table === Number(gfn));
    },
  },
  {
    id: 'S121',
    sentence: 'a handle of the control domain outlives the page that it mapped',
    operations: ['decrease_reservation', 'unmap_window', 'map_foreign', 'map', 'unmap'],
    reached: (_before, _step, _reply, { domains, pages }) =>
      findKey(get(domains, CONTROL)?.mappings, ({ page }) => !has(pages, page)) !== undefined,
  },
  {
    id: 'S122',
    sentence: 'a dying domain is gone when a window is emptied',
    operations: ['unmap_window', 'map_foreign'],
    reached: (before, _step, _reply, after) =>
      findKey(before.domains, ({ id, dying }) => dying && !has(after.domains, id)) !== undefined,
  },
  {
    id: 'S123',
    sentence: 'a guest maps a page of the control domain',
    operations: ['map'],
    reached: (_before, step, reply) =>
      step.op === 'map' &&
      reply.is === 'statuses' &&
      step.elements.some(
        ({ granter }, i) => granter === CONTROL && reply.elements[i]?.status === 'okay',
      ),
  },
  {
    id: 'S124',
    sentence: 'a page that is given away replaces RAM',
    operations: ['transfer'],
    reached: ({ domains }, step, reply, after) =>
      step.op === 'transfer' &&
      isGiven(reply) &&
      step.elements.some(({ target }) =>
        isReplaced(get(domains, target), get(after.domains, target)),
      ),
  },
  {
    id: 'S125',
    sentence: 'a page that is given away comes to nobody who could use it',
    operations: ['transfer'],
    reached: (before, step, _reply, { domains }) =>
      step.op === 'transfer' &&
      step.elements.some(
        ({ target }) =>
          get(before.domains, target)?.crashed === false && get(domains, target)?.crashed === true,
      ),
  },
  {
    id: 'S126',
    sentence: 'a page that the control domain maps by a grant is written back',
    operations: ['write_back'],
    reached: ({ domains, pages }, step, reply) =>
      step.op === 'write_back' &&
      reply.is === 'rc' &&
      reply.rc === 0 &&
      step.elements.some(
        ({ deviceAddress, length, flags }) =>
          length > 0 &&
          flags > 0 &&
          findKey(
            get(domains, CONTROL)?.mappings,
            ({ page }) => get(pages, page)?.frame === deviceAddress / PAGE_BYTES,
          ) !== undefined,
      ),
  },
];

const isGiven = (reply: Reply): boolean =>
  reply.is === 'statuses' && reply.elements.some(({ status }) => status === 'okay');

/** Some gfn has another page than before. */
const isReplaced = (before: Domain | undefined, after: Domain | undefined): boolean =>
  findKey(
    before?.p2m,
    ({ page, type }) =>
      type === 'ram_rw' && findKey(after?.p2m, (now) => now.page === page) === undefined,
  ) !== undefined;
