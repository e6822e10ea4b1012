import type { DomainId, Mfn } from '../abi/ids.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { CopyGrant, InspectGfn, MapGrant, Step, SwapGrant, UnmapGrant } from '../abi/step.js';
import { compareExchange, exchangeAdd, fetch, load, store } from './access.js';
import { closed, copyGrant, type Copying } from './copy.js';
import { freeHandles, isRunning, lowestUnusedHandle, ownPageAt, withPage } from './derived.js';
import { create, destroy, domainInfo, inspectGfn, setMemoryLimit } from './domains.js';
import { findKey, get } from './keyed.js';
import { mapGrant, unmapGrant } from './map.js';
import { accept, refuse, type Alternative, type Objection, type Outcome } from './outcome.js';
import { crashDomain } from './pages.js';
import { addToPhysmap, addToPhysmapBatch, removeFromPhysmap } from './physmap.js';
import { decrease, exchange, increase, populate, reservation } from './reservation.js';
import type { RefusalId, RuleId } from './rules.js';
import type { Domain, Page, PageId, State } from './state.js';
import { getVersion, querySize, setupTable, swapGrant } from './table.js';
import { setVersion } from './version.js';

/**
 * Everything that may happen when a step is made. A guest that cannot run does nothing ([D3]); the
 * control domain always runs.
 */
export function step(state: State, made: Step): readonly Alternative[] {
  if (!('caller' in made)) return [toolstack(state, made)];
  if (!isRunning(get(state.domains, made.caller))) return [settled(noDomain, state, ['D3'])];
  switch (made.op) {
    case 'map':
      return [mapBatch(state, made)];
    case 'unmap':
      return [inTurn(state, made, unmapGrant)];
    case 'copy':
      return [copyBatch(state, made)];
    case 'swap':
      return [inTurn(state, made, swapGrant)];
    default:
      return [finished(state, one(state, made))];
  }
}

type Single = Exclude<Extract<Step, { caller: DomainId }>, MapGrant | UnmapGrant | CopyGrant | SwapGrant>;

/** The calls and accesses that are one operation each. */
function one(state: State, made: Single): Outcome<Reply> {
  const { caller } = made;
  switch (made.op) {
    case 'setup_table':
      return setupTable(state, caller, made);
    case 'query_size':
      return querySize(state, caller, made);
    case 'set_version':
      return setVersion(state, caller, made);
    case 'get_version':
      return getVersion(state, caller, made);
    case 'refused_grant_call':
      return refuse({ is: 'rc', rc: '-ENOSYS' }, 'G11.1');
    case 'populate_physmap':
      return populate(state, caller, made);
    case 'decrease_reservation':
      return decrease(state, caller, made);
    case 'increase_reservation':
      return increase(state, caller, made);
    case 'add_to_physmap':
      return addToPhysmap(state, caller, made);
    case 'add_to_physmap_batch':
      return addToPhysmapBatch(state, caller, made);
    case 'remove_from_physmap':
      return removeFromPhysmap(state, caller, made);
    case 'exchange':
      return exchange(state, caller, made);
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return reservation(state, caller, made);
    case 'load':
      return load(state, caller, made);
    case 'store':
      return store(state, caller, made);
    case 'cmpxchg':
      return compareExchange(state, caller, made);
    case 'xadd':
      return exchangeAdd(state, caller, made);
    case 'fetch':
      return fetch(state, caller, made);
    case 'crash':
      return accept({ is: 'crashed' }, 'D3', crashDomain(state, caller));
  }
}

function toolstack(state: State, made: Exclude<Step, { caller: DomainId }>): Alternative {
  switch (made.op) {
    case 'create':
      return finished(state, create(state, made));
    case 'destroy':
      return finished(state, destroy(state, made));
    case 'domain_info':
      return finished(state, domainInfo(state, made));
    case 'set_memory_limit':
      return finished(state, setMemoryLimit(state, made));
    case 'inspect_gfn':
      return inspected(state, made);
  }
}

// ---- batches: elements in turn, until one crashes the caller ([D3]) ----

type Rule = RuleId | RefusalId;

/** A batch whose elements are independent of any choice. */
function inTurn<Element>(
  state: State,
  { caller, elements }: { readonly caller: DomainId; readonly elements: readonly Element[] },
  perform: (state: State, caller: DomainId, element: Element) => Outcome<ElementReply>,
): Alternative {
  const replies: ElementReply[] = [];
  const rules: Rule[] = [];
  let next = state;
  for (const element of elements) {
    const outcome = perform(next, caller, element);
    rules.push(outcome.rule);
    if (outcome.kind === 'crashed') return settled(crashed, outcome.next, rules);
    if (outcome.kind !== 'refused') next = outcome.next;
    replies.push(outcome.answer);
  }
  return settled({ is: 'statuses', elements: replies }, next, rules);
}

/** [G3] A batch of copies keeps its buffers from element to element. */
function copyBatch(state: State, { caller, elements }: CopyGrant): Alternative {
  const replies: ElementReply[] = [];
  const rules: Rule[] = [];
  let copying: Copying = { state, source: undefined, dest: undefined };
  for (const element of elements) {
    const { reply, rule, after } = copyGrant(copying, caller, element);
    replies.push(reply);
    rules.push(rule);
    copying = after;
  }
  return settled({ is: 'statuses', elements: replies }, closed(copying).state, rules);
}

/**
 * [G15] Which unused handle a mapping gets, and which machine frame its page is, are the
 * hypervisor's choices. The batch is done with any choice to know its statuses, and done again with
 * the choices that were seen.
 */
function mapBatch(state: State, made: MapGrant): Alternative {
  const any = mapInTurn(state, made, undefined);
  if ('objection' in any) throw new Error(any.objection);
  return {
    reply: any.reply,
    rules: any.rules,
    next: (actual) => {
      if (!any.rules.includes('G1')) return any.next;
      const seen = mapInTurn(state, made, actual.is === 'statuses' ? actual.elements : undefined);
      return 'objection' in seen ? seen : seen.next;
    },
  };
}

function mapInTurn(
  state: State,
  { caller, elements }: MapGrant,
  seen: readonly ElementReply[] | undefined,
): { readonly reply: Reply; readonly rules: Rule[]; readonly next: State } | Objection {
  const replies: ElementReply[] = [];
  const rules: Rule[] = [];
  let next = state;
  for (const [i, element] of elements.entries()) {
    const mapper = get(next.domains, caller) as Domain;
    const isSome = freeHandles(next, mapper) > 0;
    const chosen = seen?.[i]?.handle ?? lowestUnusedHandle(mapper);
    const outcome = mapGrant(next, caller, element, isSome ? chosen : undefined);
    rules.push(outcome.rule);
    if (outcome.kind === 'crashed') return { reply: crashed, rules, next: outcome.next };
    if (outcome.kind === 'accepted') {
      if (seen !== undefined && seen[i]?.handle === undefined)
        return { objection: 'the mapping has no handle' };
      if (!isUnused(next, mapper, chosen))
        return { objection: `handle ${chosen} is in use or does not exist` };
      const mapping = get((get(outcome.next.domains, caller) as Domain).mappings, chosen);
      const bound = bind(outcome.next, (mapping as { page: PageId }).page, seen?.[i]?.frame);
      if ('objection' in bound) return bound;
      next = bound;
    } else if (outcome.kind === 'spoiled') next = outcome.next;
    replies.push(outcome.answer);
  }
  return { reply: { is: 'statuses', elements: replies }, rules, next };
}

const isUnused = ({ machine }: State, mapper: Domain, handle: number): boolean =>
  get(mapper.mappings, handle) === undefined &&
  handle < mapper.maptrackFrames * machine.handlesPerFrame;

/** [G15] A page keeps the machine frame it was seen to be, and no other living page is that frame. */
function bind(state: State, id: PageId, frame: Mfn | undefined): State | Objection {
  const page = get(state.pages, id) as Page;
  if (frame === undefined || page.frame === frame) return state;
  if (page.frame !== undefined) return { objection: `frame ${frame} was frame ${page.frame}` };
  const other = findKey(state.pages, (candidate) => candidate.frame === frame);
  if (other !== undefined) return { objection: `frame ${frame} is another page as well` };
  return withPage(state, id, { ...page, frame });
}

// ---- from outcomes to alternatives ----

const noDomain: Reply = { is: 'no_domain' };
const crashed: Reply = { is: 'crashed' };

const settled = (reply: Reply, next: State, rules: readonly Rule[]): Alternative => ({
  reply,
  rules,
  next: () => next,
});

function finished(before: State, outcome: Outcome<Reply>): Alternative {
  if (outcome.kind === 'crashed') return settled(crashed, outcome.next, [outcome.rule]);
  const next = outcome.kind === 'refused' ? before : outcome.next;
  return settled(outcome.answer, next, [outcome.rule]);
}

/** [D7] The frame of an inspected page is the hypervisor's choice, as for a map. */
function inspected(state: State, made: InspectGfn): Alternative {
  const alternative = finished(state, inspectGfn(state, made));
  const domain = get(state.domains, made.domain);
  const page = domain === undefined ? undefined : ownPageAt(state, domain, made.gfn);
  if (page === undefined) return alternative;
  return {
    ...alternative,
    next: (actual) => bind(state, page, actual.is === 'inspected' ? actual.frame : undefined),
  };
}
