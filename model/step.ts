import { Handle, NO_HANDLE, type DomainId, type Mfn } from '../abi/ids.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { RefusalId, RuleId } from '../abi/rules.js';
import type { CopyGrant, InspectGfn, MapGrant, Step } from '../abi/step.js';
import { compareExchange, exchangeAdd, fetch, load, store } from './access.js';
import { closed, copyGrant, type Copying } from './copy.js';
import { domainOf, freeHandles, isRunning, ownPageAt } from './derived.js';
import { pageOf, the, theDomain, withDomain, withPage } from './derived.js';
import { create, destroy, domainInfo, inspectGfn, setMemoryLimit } from './domains.js';
import { drop, findKey, get, has, put } from '../values/keyed.js';
import { mapGrant, unmapGrant } from './map.js';
import { accept, refuse, type Alternative, type Objection, type ElementResult } from './outcome.js';
import { type Result } from './outcome.js';
import { crashDomain } from './pages.js';
import { addToPhysmap, addToPhysmapBatch, removeFromPhysmap } from './physmap.js';
import { decrease, exchange, increase, populate, reservation } from './reservation.js';
import type { PageId, State } from './state.js';
import { getVersion, querySize, setupTable, swapGrant } from './table.js';
import { setVersion } from './version.js';

/**
 * Everything that may happen when a step is made: the table of contents of the spec. A guest that
 * cannot run does nothing ([D3]); the control domain always runs.
 */
export function step(state: State, made: Step): readonly Alternative[] {
  const isAble = !('caller' in made) || isRunning(domainOf(state, made.caller));
  if (!isAble || ('vcpu' in made && made.vcpu >= state.machine.vcpus))
    return [settled({ is: 'no_domain' }, state, ['D3'])];
  switch (made.op) {
    case 'map':
      return [mapBatch(state, made)];
    case 'unmap':
      return [inTurn(state, made, unmapGrant)];
    case 'copy':
      return [copyBatch(state, made)];
    case 'swap':
      return [inTurn(state, made, swapGrant)];
    case 'inspect_gfn':
      return [inspected(state, made)];
    default:
      return [finished(state, one(state, made))];
  }
}

type One = Exclude<Step, { readonly op: 'map' | 'unmap' | 'copy' | 'swap' | 'inspect_gfn' }>;

/** The calls, accesses and toolstack operations that are one operation each. */
function one(state: State, made: One): Result {
  switch (made.op) {
    case 'setup_table':
      return setupTable(state, made.caller, made);
    case 'query_size':
      return querySize(state, made.caller, made);
    case 'set_version':
      return setVersion(state, made.caller, made);
    case 'get_version':
      return getVersion(state, made.caller, made);
    // [G11] The other grant operations do not exist for an HVM caller.
    case 'refused_grant_call':
      return refuse({ is: 'rc', rc: '-ENOSYS' }, 'G11.1');
    case 'populate_physmap':
      return populate(state, made.caller, made);
    case 'decrease_reservation':
      return decrease(state, made.caller, made);
    case 'increase_reservation':
      return increase(state, made.caller, made);
    case 'add_to_physmap':
      return addToPhysmap(state, made.caller, made);
    case 'add_to_physmap_batch':
      return addToPhysmapBatch(state, made.caller, made);
    case 'remove_from_physmap':
      return removeFromPhysmap(state, made.caller, made);
    case 'exchange':
      return exchange(state, made.caller, made);
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return reservation(state, made.caller, made);
    case 'load':
      return load(state, made.caller, made);
    case 'store':
      return store(state, made.caller, made);
    case 'cmpxchg':
      return compareExchange(state, made.caller, made);
    case 'xadd':
      return exchangeAdd(state, made.caller, made);
    case 'fetch':
      return fetch(state, made.caller, made);
    case 'crash':
      return accept({ is: 'crashed' }, 'D3', crashDomain(state, made.caller));
    case 'create':
      return create(state, made);
    case 'destroy':
      return destroy(state, made);
    case 'domain_info':
      return domainInfo(state, made);
    case 'set_memory_limit':
      return setMemoryLimit(state, made);
  }
}

/** A batch: each element finds the state that the one before it left, until one is a crash. */
function inTurn<Element>(
  state: State,
  { caller, elements }: { readonly caller: DomainId; readonly elements: readonly Element[] },
  perform: (state: State, caller: DomainId, element: Element) => ElementResult,
): Alternative {
  const replies: ElementReply[] = [];
  const rules: (RuleId | RefusalId)[] = [];
  let next = state;
  for (const element of elements) {
    const outcome = perform(next, caller, element);
    rules.push(outcome.rule);
    next = outcome.next ?? next;
    if (outcome.answer === 'crashed') return settled({ is: 'crashed' }, next, rules);
    replies.push(outcome.answer);
  }
  return settled({ is: 'statuses', elements: replies }, next, rules);
}

/** [G3] A batch of copies keeps its buffers from element to element. */
function copyBatch(state: State, { caller, elements }: CopyGrant): Alternative {
  const replies: ElementReply[] = [];
  const rules: (RuleId | RefusalId)[] = [];
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
 * hypervisor's choices. The batch is done with numbers that are no handles, to know its statuses;
 * `next` puts those that were seen in their place.
 */
function mapBatch(state: State, made: MapGrant): Alternative {
  const chosen: (Handle | undefined)[] = [];
  const alternative = inTurn(state, made, (now, caller, element) => {
    const isOneLeft = freeHandles(now, theDomain(now, caller)) > 0;
    const provisional = Handle(NO_HANDLE + 1 + chosen.length);
    const outcome = mapGrant(now, caller, element, isOneLeft ? provisional : undefined);
    chosen.push(outcome.rule === 'G1' ? provisional : undefined);
    return outcome;
  });
  if (!alternative.rules.includes('G1')) return alternative;
  const next = (actual: Reply): State | Objection => {
    const done = alternative.next(actual);
    if (actual.is !== 'statuses' || 'objection' in done) return done;
    return rebound(done, made.caller, chosen, actual.elements);
  };
  return { ...alternative, next };
}

/** The state with other handles, and machine frames, for the mappings just made; or an objection. */
function rebound(
  state: State,
  caller: DomainId,
  chosen: readonly (Handle | undefined)[],
  seen: readonly ElementReply[],
): State | Objection {
  const mapper = theDomain(state, caller);
  const limit = mapper.maptrackFrames * state.machine.handlesPerFrame;
  let { mappings } = mapper;
  for (const handle of chosen) if (handle !== undefined) mappings = drop(mappings, handle);
  let next = state;
  for (const [i, provisional] of chosen.entries()) {
    if (provisional === undefined) continue;
    const handle = seen[i]?.handle;
    if (handle === undefined || handle >= limit || has(mappings, handle))
      return { objection: `handle ${handle ?? 'none'} is in use or does not exist` };
    const mapping = the(get(mapper.mappings, provisional));
    mappings = put(mappings, handle, mapping);
    const bound = bind(next, mapping.page, seen[i]?.frame);
    if ('objection' in bound) return bound;
    next = bound;
  }
  return withDomain(next, { ...mapper, mappings });
}

/** [G15] A page keeps the machine frame it was seen to be, and no other living page is that frame. */
function bind(state: State, id: PageId, frame: Mfn | undefined): State | Objection {
  const page = pageOf(state, id);
  if (frame === undefined || page.frame === frame) return state;
  if (page.frame !== undefined) return { objection: `frame ${frame} was frame ${page.frame}` };
  if (findKey(state.pages, (other) => other.frame === frame) !== undefined)
    return { objection: `frame ${frame} is another page as well` };
  return withPage(state, id, { ...page, frame });
}

/** [D7] The frame of an inspected page is the hypervisor's choice, as for a map. */
function inspected(state: State, made: InspectGfn): Alternative {
  const alternative = finished(state, inspectGfn(state, made));
  const domain = domainOf(state, made.domain);
  const page = domain === undefined ? undefined : ownPageAt(state, domain, made.gfn);
  if (page === undefined) return alternative;
  const next = (actual: Reply): State | Objection =>
    bind(state, page, actual.is === 'inspected' ? actual.frame : undefined);
  return { ...alternative, next };
}

const settled = (reply: Reply, next: State, rules: Alternative['rules']): Alternative => {
  return { reply, rules, next: () => next };
};

const finished = (before: State, { answer, rule, next }: Result): Alternative =>
  settled(answer === 'crashed' ? { is: 'crashed' } : answer, next ?? before, [rule]);
