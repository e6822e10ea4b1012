import * as abi from '../abi/layouts.js';
import type { Reply } from '../abi/reply.js';
import type { Hypercall } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { argumentOf, bytesAt, wordIn } from '../model/buffers.js';
import type { State } from '../model/state.js';
import { isGrant } from '../model/derived.js';
import { linearNumber, modeOf, vcpuOf } from '../model/registers.js';
import { walks } from '../model/walk.js';
import { loadWord } from '../values/content.js';
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

/** A grant operation was done that answers in memory: each element of a batch, or the one argument. */
const hasResult = ({ number }: Hypercall, reply: Reply): boolean => {
  if (number !== abi.HYPERVISOR_grant_table_op || reply.is !== 'hypercall') return false;
  const { rc, outcome } = reply;
  if (rc !== 0 || outcome === undefined) return false;
  return outcome.is === 'statuses'
    ? outcome.elements.length > 0
    : ['table', 'size', 'version'].includes(outcome.is);
};

/** Bytes of the argument, or of its first element. */
function bytesOf({ command, layout }: Hypercall): number {
  const { map, unmap, swap, querySize, setVersion, getVersion } = abi.structures.native;
  const { copy, setupTable } = abi.structures[layout];
  const sizes: readonly (readonly [number, number])[] = [
    [abi.GNTTABOP_map_grant_ref, map.bytes],
    [abi.GNTTABOP_unmap_grant_ref, unmap.bytes],
    [abi.GNTTABOP_setup_table, setupTable.bytes],
    [abi.GNTTABOP_copy, copy.bytes],
    [abi.GNTTABOP_query_size, querySize.bytes],
    [abi.GNTTABOP_set_version, setVersion.bytes],
    [abi.GNTTABOP_get_version, getVersion.bytes],
    [abi.GNTTABOP_swap_grant_ref, swap.bytes],
  ];
  return sizes.find(([each]) => each === command)?.[1] ?? 0;
}

/** What the argument says on its first page is something else by now. */
function isChanged(before: State, after: State, step: Hypercall): boolean {
  const page = entryAt(before, step)?.page;
  const [then, now] = [before, after].map(({ pages }) =>
    page === undefined ? undefined : get(pages, page)?.content,
  );
  if (then === undefined || now === undefined) return false;
  const start = step.argument.low % PAGE_BYTES;
  const end = Math.min(PAGE_BYTES, start + bytesOf(step));
  for (let byte = start; byte < end; byte++)
    if (loadWord(then, byte, 1).low !== loadWord(now, byte, 1).low) return true;
  return false;
}

/** The list of setup_table runs into a page that is not there; as it was told before the call. */
function isHalfWritten(before: State, step: Hypercall, reply: Reply): boolean {
  if (step.command !== abi.GNTTABOP_setup_table || reply.is !== 'hypercall') return false;
  const { outcome } = reply;
  if (outcome?.is !== 'table' || outcome.status !== 'bad_virt_addr') return false;
  const { setupTable: at, frame } = abi.structures[step.layout];
  const { bytes, next } = bytesAt(before, step, argumentOf(step), at.bytes);
  if (bytes === undefined) return false;
  const list = wordIn(bytes, at.list);
  const inFirst = PAGE_BYTES - (list.low % PAGE_BYTES);
  if (inFirst >= frame.bytes) return false;
  return bytesAt(next, step, list, inFirst).bytes !== undefined;
}

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
    (before, step, reply, after) =>
      isPaged(before, step) &&
      tableGfns.some((gfn) => gfn === argumentGfn(before, step)) &&
      hasResult(step, reply) &&
      isChanged(before, after, step),
  ),
  goal(
    'S114',
    'a result goes to readonly RAM, and vanishes',
    (before, step, reply, after) =>
      entryAt(before, step)?.type === 'ram_ro' &&
      hasResult(step, reply) &&
      !isChanged(before, after, step),
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
      hasResult(step, reply) && (step.argument.low % PAGE_BYTES) + bytesOf(step) > PAGE_BYTES,
  ),
  goal(
    'S118',
    'the second page of a result cannot be written, and the first has been',
    (before, step, reply) => isHalfWritten(before, step, reply),
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
