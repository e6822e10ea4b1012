import { GTF_permit_access, GTF_type_mask } from '../abi/grant-table.js';
import { GrantRef, type DomainId } from '../abi/ids.js';
import { PAGE_BYTES } from '../abi/word.js';
import { fallible, type Fallible } from '../abi/step.js';
import { findKey, get } from '../values/keyed.js';
import { entryAt, entryCount } from '../model/entries.js';
import type { Domain, State } from '../model/state.js';
import type { Goal } from './goals.js';

/** What was armed has struck. */
const struck = (what: Fallible, before: State, after: State): boolean =>
  before.failing[what] > 0 && after.failing[what] === 0;

/** The life of domains, and what fails in it: for the whole surface. */
export const lifeGoals: readonly Goal[] = [
  {
    id: 'S80',
    sentence: 'a page stays at its gfn because it cannot be removed',
    operations: ['decrease_reservation', 'remove_from_physmap'],
    reached: (before, _step, _reply, after) => struck('entry', before, after),
  },
  {
    id: 'S81',
    sentence: 'a mapping lives on because its entry cannot be removed',
    operations: ['unmap'],
    reached: (before, _step, _reply, after) => struck('entry', before, after),
  },
  {
    id: 'S82',
    sentence: 'a grant table cannot grow',
    operations: ['setup_table', 'set_version', 'add_to_physmap'],
    reached: (before, _step, _reply, after) => struck('grant_frame', before, after),
  },
  {
    id: 'S83',
    sentence: 'a domain is not created because a step of it fails',
    operations: ['create'],
    reached: (before, _step, reply, after) =>
      reply.is === 'rc' &&
      reply.rc === '-ENOMEM' &&
      fallible.some((what) => struck(what, before, after)),
  },
  {
    id: 'S84',
    sentence: 'a page of a paused domain is written through a mapping',
    operations: ['store'],
    reached: (before, step, reply, after) => {
      if (step.op !== 'store' || reply.is !== 'stored' || before === after) return false;
      const gfn = Math.floor(step.address / PAGE_BYTES);
      const entry = get(get(before.domains, step.caller)?.p2m, gfn);
      const owner = entry === undefined ? undefined : get(before.pages, entry.page)?.owner;
      return owner !== undefined && (get(before.domains, owner)?.pauses ?? 0) > 0;
    },
  },
  {
    id: 'S85',
    sentence: 'a domain is destroyed while it is paused',
    operations: ['destroy'],
    reached: (before, step, reply) =>
      step.op === 'destroy' &&
      reply.is === 'rc' &&
      reply.rc === 0 &&
      (get(before.domains, step.domain)?.pauses ?? 0) > 0,
  },
  {
    id: 'S86',
    sentence: 'a domain comes to be to which another has granted a page already',
    operations: ['create'],
    reached: (before, step, reply) =>
      step.op === 'create' &&
      reply.is === 'rc' &&
      reply.rc === 0 &&
      findKey(before.domains, (granter) => grantsTo(before, granter, step.domain)) !== undefined,
  },
];

/** Whether an entry of a domain's table names another domain. */
function grantsTo(state: State, granter: Domain, id: DomainId): boolean {
  for (let ref = 0; ref < entryCount(state.machine, granter); ref++) {
    const { flags, domain } = entryAt(state, granter, GrantRef(ref));
    if ((flags & GTF_type_mask) === GTF_permit_access && domain === id) return true;
  }
  return false;
}
