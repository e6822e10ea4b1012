import type { State } from '../model/state.js';
import { isHeld } from '../model/derived.js';
import { findKey } from '../values/keyed.js';
import { entries } from './keyed-entries.js';
import type { Goal } from './goals.js';

/** Whether some domain keeps a page that is held by a mapping. */
const keepsHeldPage = (state: State): boolean =>
  findKey(state.domains, ({ kept }) => kept.some((page) => isHeld(state, page))) !== undefined;

/** Domains that have more gfns without a page than before, though nobody left any. */
const takesBack = (before: State, after: State): boolean =>
  entries(after.domains).some(([id, { kept, onDemand }]) => {
    const then = entries(before.domains).find(([each]) => each === id)?.[1];
    return then !== undefined && then.kept.length < kept.length && then.onDemand !== onDemand;
  });

/** What happens where gfns are populated on demand. */
export const demandGoals: readonly Goal[] = [
  {
    id: 'S73',
    sentence: 'a grant of a gfn without a page is taken into use',
    operations: ['map'],
    reached: (before, step, reply, after) => {
      if (step.op !== 'map' || reply.is !== 'statuses' || before === after) return false;
      const granters = step.elements.map(({ granter }) => granter);
      return entries(after.domains).some(([id, { onDemand, mappings }]) => {
        if (!granters.some((granter) => Number(granter) === id)) return false;
        const then = entries(before.domains).find(([each]) => each === id)?.[1];
        return then !== undefined && then.onDemand !== onDemand && then.mappings === mappings;
      });
    },
  },
  {
    id: 'S74',
    sentence: 'a page that is given up while it is mapped is kept for another gfn',
    operations: ['decrease_reservation'],
    reached: (before, _step, _reply, after) => !keepsHeldPage(before) && keepsHeldPage(after),
  },
  {
    id: 'S75',
    sentence: 'a page of zeros is taken back from its gfn',
    operations: ['load', 'store', 'xadd'],
    reached: (before, _step, _reply, after) => before !== after && takesBack(before, after),
  },
  {
    id: 'S76',
    sentence: 'a domain is crashed by another one that asks for a page of it',
    operations: ['map', 'copy', 'inspect_gfn', 'add_to_physmap', 'set_memory_type'],
    reached: (before, step, _reply, after) => {
      const caller = 'caller' in step ? Number(step.caller) : -1;
      return entries(after.domains).some(([id, domain]) => {
        const then = entries(before.domains).find(([each]) => each === id)?.[1];
        return id !== caller && domain.crashed && then?.crashed === false;
      });
    },
  },
];
