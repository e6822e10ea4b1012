import { CR0_WP, CR4_PGE, PTE_G } from '../abi/control.js';
import type { Reply } from '../abi/reply.js';
import { accessors, type LinearAccess, type Step } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { get } from '../values/keyed.js';
import { gfnOf, theDomain } from '../model/derived.js';
import { isPaged, linearNumber, modeOf, vcpuOf } from '../model/registers.js';
import { walks, type Translation } from '../model/walk.js';
import type { State } from '../model/state.js';
import type { Goal } from './goals.js';

/** What has to happen where guests have page tables of their own. */

const accesses = [
  'load_linear',
  'store_linear',
  'cmpxchg_linear',
  'xadd_linear',
  'fetch_linear',
] as const;

const isAccess = (step: Step): step is LinearAccess => 'as' in step;
const isDone = ({ is }: Reply): boolean => is === 'value' || is === 'stored';

/** Where a fresh walk of the first page of an access leads. */
function walkOf(state: State, step: LinearAccess): Translation | undefined {
  const mode = modeOf(vcpuOf(state, step.caller, step.vcpu));
  if (mode === 'unpaged') return undefined;
  const [walk] = walks([state], step.caller, step.vcpu, linearNumber(step.linear, mode));
  return walk === undefined || 'refusal' in walk ? undefined : walk;
}

type Judge = (walk: Translation, before: State, step: LinearAccess, after: State) => boolean;

/** A goal of linear accesses that were done, by where a fresh walk would have led. */
const byWalk = (id: string, sentence: string, judge: Judge): Goal => ({
  id,
  sentence,
  operations: accesses,
  reached: (before, step, reply, after) => {
    if (!isAccess(step) || !isDone(reply)) return false;
    const walk = walkOf(before, step);
    return walk !== undefined && judge(walk, before, step, after);
  },
});

const typeAt = (state: State, { caller }: LinearAccess, gfn: number): string | undefined =>
  get(theDomain(state, caller).p2m, gfn)?.type;

/** The leaf maps more than one page: the walk ended above level 1. */
const isSuperpage = ({ entries }: Translation, state: State, step: LinearAccess): boolean => {
  const mode = modeOf(vcpuOf(state, step.caller, step.vcpu));
  return entries.length < (mode === '4-level' ? 4 : 2);
};

const isWrite = ({ op }: LinearAccess): boolean => op !== 'load_linear' && op !== 'fetch_linear';

export const pagingGoals: readonly Goal[] = [
  byWalk('S28', 'an access through a superpage reaches a grant mapping', (walk, state, step) =>
    Boolean(isSuperpage(walk, state, step) && typeAt(state, step, walk.gfn)?.startsWith('grant')),
  ),
  byWalk(
    'S29',
    'an access through a superpage reaches a hole',
    (walk, state, step) =>
      isSuperpage(walk, state, step) && typeAt(state, step, walk.gfn) === undefined,
  ),
  byWalk('S30', 'a write changes an entry that it went through', (walk, state, step) => {
    const domain = theDomain(state, step.caller);
    const offset = step.linear.low % PAGE_BYTES;
    return (
      isWrite(step) &&
      walk.entries.some(
        ({ page, offset: at, width }) =>
          gfnOf(domain, page) === walk.gfn && at < offset + step.size && offset < at + width,
      )
    );
  }),
  byWalk('S31', 'a user writes into a table of the walk', (walk, state, step) => {
    const domain = theDomain(state, step.caller);
    const isTable = walk.entries.some(({ page }) => gfnOf(domain, page) === walk.gfn);
    return step.as === 'user' && isWrite(step) && isTable;
  }),
  byWalk('S32', 'the kernel writes to a readonly page, CR0.WP being clear', (walk, state, step) => {
    const { cr0 } = vcpuOf(state, step.caller, step.vcpu);
    return isWrite(step) && step.as !== 'user' && !walk.isWritable && (cr0 & CR0_WP) === 0;
  }),
  byWalk(
    'S33',
    'an access crosses from one page into another',
    (_walk, _state, step) => (step.linear.low % PAGE_BYTES) + step.size > PAGE_BYTES,
  ),
  byWalk('S34', 'two vcpus of a domain run in different modes', (_walk, state, step) => {
    const { vcpus } = theDomain(state, step.caller);
    return new Set(vcpus.filter(isPaged).map(modeOf)).size > 1;
  }),
  byWalk(
    'S35',
    'an entry of PAE’s top level is used that is another in memory',
    (_walk, state, step) => {
      const vcpu = vcpuOf(state, step.caller, step.vcpu);
      return modeOf(vcpu) === 'pae' && isEdited(state, step);
    },
  ),
  byWalk('S36', 'a page is reached whose translation is global', (walk, state, step) => {
    const leaf = walk.entries.at(-1)?.value.low ?? 0;
    return (leaf & PTE_G) !== 0 && (vcpuOf(state, step.caller, step.vcpu).cr4 & CR4_PGE) !== 0;
  }),
  byWalk('S37', 'a page is reached through tables that another domain has mapped', (walk, state) =>
    walk.entries.some(({ page }) => isMappedByOthers(state, page)),
  ),
  {
    id: 'S38',
    sentence: 'the second page of an access faults',
    operations: accesses,
    reached: (_before, step, reply) =>
      isAccess(step) && reply.is === 'page_fault' && reply.linear.low !== step.linear.low,
  },
  ...accessors.map((as, i): Goal => ({
    id: `S${39 + i}`,
    sentence: `memory is accessed as ${as}, with paging on`,
    operations: accesses,
    reached: (before, step, reply) =>
      isAccess(step) &&
      step.as === as &&
      isDone(reply) &&
      isPaged(vcpuOf(before, step.caller, step.vcpu)),
  })),
  {
    id: 'S43',
    sentence: 'a log of writes names a gfn that is a page table',
    operations: ['log_dirty'],
    reached: (before, step, reply) =>
      step.op === 'log_dirty' &&
      reply.is === 'dirty' &&
      reply.gfns.some((gfn) => isTopOfTables(before, step.domain, gfn)),
  },
  {
    id: 'S44',
    sentence: 'a vcpu turns paging off',
    operations: ['cr0'],
    reached: (before, step, _reply, after) =>
      step.op === 'cr0' &&
      isPaged(vcpuOf(before, step.caller, step.vcpu)) &&
      !isPaged(vcpuOf(after, step.caller, step.vcpu)),
  },
  {
    id: 'S45',
    sentence: 'a page that holds the top of a vcpu’s tables leaves the p2m',
    operations: ['decrease_reservation', 'remove_from_physmap', 'map', 'populate_physmap'],
    reached: (_before, step, _reply, after) => {
      if (!('caller' in step)) return false;
      const domain = get(after.domains, step.caller);
      const vcpu = domain?.vcpus.find(isPaged);
      if (domain === undefined || vcpu === undefined) return false;
      return get(domain.p2m, Math.floor(vcpu.cr3.low / PAGE_BYTES))?.page !== vcpu.root;
    },
  },
];

/** The entry that an access used is not what CR3 points to by now. */
function isEdited(state: State, { caller, vcpu: id, linear }: LinearAccess): boolean {
  const vcpu = vcpuOf(state, caller, id);
  const index = linear.low >>> 30;
  const page =
    vcpu.root ?? get(theDomain(state, caller).p2m, Math.floor(vcpu.cr3.low / PAGE_BYTES))?.page;
  const content = page === undefined ? undefined : get(state.pages, page)?.content;
  const offset = ((vcpu.cr3.low % PAGE_BYTES) - (vcpu.cr3.low % 32)) / 4 + index * 2;
  return (content?.[offset >>> 5]?.[offset & 31] ?? 0) !== vcpu.pdptes[index]?.low;
}

function isMappedByOthers(state: State, page: number): boolean {
  const owner = get(state.pages, page)?.owner;
  for (let id = 1; id <= state.machine.domains; id++) {
    const other = get(state.domains, id);
    if (other === undefined || other.id === owner) continue;
    for (let gfn = 0; gfn < 0x50; gfn++) if (get(other.p2m, gfn)?.page === page) return true;
  }
  return false;
}

/** Some walk of a vcpu of the domain goes through the page at a gfn: its CR3 names it, at least. */
function isTopOfTables(state: State, id: LinearAccess['caller'], gfn: number): boolean {
  return theDomain(state, id).vcpus.some(
    (vcpu) => isPaged(vcpu) && Math.floor(vcpu.cr3.low / PAGE_BYTES) === gfn,
  );
}
