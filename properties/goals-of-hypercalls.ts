import type { Hypercall } from '../abi/step.js';
import type { State } from '../model/state.js';
import { isGrant } from '../model/derived.js';
import { linearNumber, modeOf, vcpuOf } from '../model/registers.js';
import { walks } from '../model/walk.js';
import { get } from '../values/keyed.js';
import { tableGfns } from './generate/page-tables.js';
import type { Goal } from './goals.js';

/** The gfn at which the argument of a hypercall begins, if its walk leads to one. */
function argumentGfn(before: State, { caller, vcpu, argument }: Hypercall): number | undefined {
  const mode = modeOf(vcpuOf(before, caller, vcpu));
  const [walk] = walks([before], caller, vcpu, linearNumber(argument, mode), true);
  return walk === undefined || 'refusal' in walk ? undefined : walk.gfn;
}

/** A goal of hypercalls alone. */
const goal = (
  id: string,
  sentence: string,
  reached: (before: State, step: Hypercall, ...rest: Answer) => boolean,
): Goal => ({
  id,
  sentence,
  operations: ['hypercall'],
  reached: (before, step, reply, after) =>
    step.op === 'hypercall' && reached(before, step, reply, after),
});
type Answer = [reply: Parameters<Goal['reached']>[2], after: State];

const entryAt = (before: State, step: Hypercall) => {
  const gfn = argumentGfn(before, step);
  return gfn === undefined ? undefined : get(get(before.domains, step.caller)?.p2m, gfn);
};

const isPaged = (before: State, { caller, vcpu }: Hypercall): boolean =>
  modeOf(vcpuOf(before, caller, vcpu)) !== 'unpaged';

export const hypercallGoals: readonly Goal[] = [
  goal(
    'S110',
    'a mapping is made for a guest with page tables, and answered in its memory',
    (before, step, reply) =>
      isPaged(before, step) &&
      reply.is === 'hypercall' &&
      reply.rc === 0 &&
      reply.outcome?.is === 'statuses' &&
      reply.outcome.elements.some(({ handle }) => handle !== undefined),
  ),
  goal(
    'S111',
    'an argument lies in a grant mapping, and is not read',
    (before, step, reply) =>
      isGrant(entryAt(before, step)) && reply.is === 'hypercall' && reply.rc === '-EFAULT',
  ),
  goal('S112', 'an argument lies in the grant table of its guest', (before, step, reply) => {
    const page = entryAt(before, step)?.page;
    const domain = get(before.domains, step.caller);
    const isTable = page !== undefined && domain?.grantFrames.includes(page) === true;
    return isTable && reply.is === 'hypercall' && reply.outcome !== undefined;
  }),
  goal(
    'S113',
    'a result is written to a page table of its guest',
    (before, step, reply) =>
      isPaged(before, step) &&
      tableGfns.some((gfn) => gfn === argumentGfn(before, step)) &&
      reply.is === 'hypercall' &&
      reply.rc === 0,
  ),
  goal(
    'S114',
    'a result goes to readonly RAM, and vanishes',
    (before, step, reply) =>
      entryAt(before, step)?.type === 'ram_ro' && reply.is === 'hypercall' && reply.rc === 0,
  ),
  goal(
    'S115',
    'a batch ends at what cannot be read, with something done',
    (_before, _step, reply) =>
      reply.is === 'hypercall' &&
      reply.rc === '-EFAULT' &&
      reply.outcome?.is === 'statuses' &&
      reply.outcome.elements.length > 0,
  ),
  goal(
    'S116',
    'an argument runs over the end of a page',
    (_before, step, reply) =>
      step.argument.low % 4096 > 4096 - 24 && reply.is === 'hypercall' && reply.rc === 0,
  ),
  goal(
    'S117',
    'a guest of 32 bits has copies made',
    (_before, step, reply) =>
      step.layout === 'compat' &&
      step.number === 20 &&
      step.command === 5 &&
      reply.is === 'hypercall' &&
      reply.outcome?.is === 'statuses' &&
      reply.outcome.elements.some(({ status }) => status === 'okay'),
  ),
];
