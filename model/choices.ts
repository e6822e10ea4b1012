import { Handle, Mfn, NO_HANDLE, type DomainId } from '../abi/ids.js';
import type { ElementReply, Reply } from '../abi/reply.js';
import type { RefusalId, RuleId } from '../abi/rules.js';
import type {
  CopyElement,
  CopyGrant,
  InspectGfn,
  MapElement,
  MapGrant,
  MemoryTypeAt,
  Step,
  UnmapGrant,
} from '../abi/step.js';
import { drop, findKey, get, has, put } from '../values/keyed.js';
import { unmapByControl } from './control-grants.js';
import { closed, copyGrant, type Copying } from './copy.js';
import { domainOf, ownPageAt, pageOf, the, theDomain, withDomain, withPage } from './derived.js';
import { inspectGfn } from './domains.js';
import { ended } from './ended.js';
import { mapGrant } from './map.js';
import { finished, settled, type Alternative, type ElementResult } from './outcome.js';
import type { Objection, Result } from './outcome.js';
import { isNested } from './registers.js';
import type { Mapping, PageId, State } from './state.js';

/** Batches of grant operations, and what in their answers the hypervisor is free to choose. */

/** A batch: each element finds the state that the one before it left, until one is a crash. */
export function inTurn<Element>(
  state: State,
  { caller, elements }: { readonly caller: DomainId; readonly elements: readonly Element[] },
  perform: (state: State, caller: DomainId, element: Element, index: number) => ElementResult,
): Alternative {
  const replies: ElementReply[] = [];
  const rules: (RuleId | RefusalId)[] = [];
  let next = state;
  for (const [index, element] of elements.entries()) {
    const outcome = perform(next, caller, element, index);
    rules.push(outcome.rule);
    next = outcome.next ?? next;
    if (outcome.answer === 'crashed' || theDomain(next, caller).crashed)
      return settled({ is: 'crashed' }, next, rules);
    replies.push(outcome.answer);
  }
  return settledFor(caller, { is: 'statuses', elements: replies }, next, rules);
}

/**
 * [G17] The elements of a batch. What follows when parts are no more, the end of a dying granter
 * and of the handles on its pages, follows when so many elements are through.
 */
export function unmapAllByControl(state: State, call: UnmapGrant): Alternative {
  const { unmapBatch } = state.machine;
  let parts: readonly Mapping[] = [];
  return inTurn(state, call, (now, caller, element, index) => {
    const before = get(theDomain(now, caller).mappings, element.handle);
    const done = unmapByControl(now, element);
    const next = done.next ?? now;
    const after = get(theDomain(next, caller).mappings, element.handle);
    if (before !== undefined && before !== after) parts = [...parts, before];
    const isThrough = (index + 1) % unmapBatch === 0 || index + 1 === call.elements.length;
    if (!isThrough || parts.length === 0) return done;
    const so = { ...done, next: ended(next, ...parts) };
    parts = [];
    return so;
  });
}

/** [D3] A caller that was crashed on the way sees no answer. */
const settledFor = (
  caller: DomainId,
  reply: Reply,
  next: State,
  rules: readonly (RuleId | RefusalId)[],
): Alternative => settled(theDomain(next, caller).crashed ? { is: 'crashed' } : reply, next, rules);

/** [G3] [D3] A batch of copies keeps its buffers from element to element, until the caller crashes. */
export function copied(state: State, caller: DomainId, elements: readonly CopyElement[]) {
  const replies: ElementReply[] = [];
  const rules: (RuleId | RefusalId)[] = [];
  let copying: Copying = { state, source: undefined, dest: undefined };
  for (const element of elements) {
    const { reply, rule, after } = copyGrant(copying, caller, element);
    replies.push(reply);
    rules.push(rule);
    copying = after;
    if (theDomain(after.state, caller).crashed) break;
  }
  return { replies, rules, copying };
}

export function copyBatch(state: State, { caller, elements }: CopyGrant): Alternative {
  const { replies, rules, copying } = copied(state, caller, elements);
  return settledFor(caller, { is: 'statuses', elements: replies }, closed(copying).state, rules);
}

/**
 * [G15] Which unused handle a mapping gets, and which machine frame its page is, are the
 * hypervisor's choices. The batch is done with numbers that are no handles, to know its statuses;
 * `next` puts those that were seen in their place.
 */
export function mapBatch(state: State, made: MapGrant): Alternative {
  const chosen: (Handle | undefined)[] = [];
  const alternative = inTurn(state, made, (now, _, element) => {
    const provisional = Handle(NO_HANDLE + 1 + chosen.length);
    const outcome = mapGrant(now, made, element, provisional);
    chosen.push(isMapping(outcome.rule) ? provisional : undefined);
    return outcome;
  });
  if (!alternative.rules.some(isMapping)) return alternative;
  const next = (actual: Reply): State | Objection => {
    const done = alternative.next(actual);
    if (actual.is !== 'statuses' || 'objection' in done) return done;
    return rebound(done, made.caller, chosen, actual.elements);
  };
  return { ...alternative, next };
}

const isMapping = (rule: RuleId | RefusalId): boolean => rule === 'G1' || rule === 'G16';

/**
 * [G15] One element of a batch whose answers are written to memory at once: its handle and frame must
 * be known now. They are those that were seen, else the lowest handle and the page's own name.
 */
export function mapSeen(
  state: State,
  by: Pick<MapGrant, 'caller' | 'vcpu'>,
  element: MapElement,
  seen: ElementReply | undefined,
): ElementResult | Objection {
  const outcome = mapGrant(state, { ...by, op: 'map', elements: [] }, element, PROVISIONAL);
  if (!isMapping(outcome.rule) || outcome.next === undefined) return outcome;
  let lowest = 0;
  while (has(theDomain(state, by.caller).mappings, lowest)) lowest++;
  const choice: ElementReply = seen ?? { status: 'okay', handle: Handle(lowest) };
  const next = rebound(outcome.next, by.caller, [PROVISIONAL], [choice]);
  if ('objection' in next) return next;
  const handle = choice.handle ?? PROVISIONAL;
  const { page } = the(get(theDomain(next, by.caller).mappings, handle));
  const frame = choice.frame ?? pageOf(next, page).frame ?? Mfn(page);
  return { ...outcome, answer: { status: 'okay', handle, frame }, next };
}

/** A number that is no handle. */
const PROVISIONAL = Handle(NO_HANDLE + 1);

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
    // A later element may have ended the mapping, and its page with it.
    const mapping = get(mapper.mappings, provisional);
    if (mapping === undefined) continue;
    mappings = put(mappings, handle, mapping);
    if (!has(next.pages, mapping.page)) continue;
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
export function inspected(state: State, made: InspectGfn): Alternative {
  const result = inspectGfn(state, made);
  const alternative = finished(state, result);
  const after = result.next ?? state;
  const domain = domainOf(after, made.domain);
  const page = domain === undefined ? undefined : ownPageAt(after, domain, made.gfn);
  if (page === undefined) return alternative;
  const next = (actual: Reply): State | Objection =>
    bind(after, page, actual.is === 'inspected' ? actual.frame : undefined);
  return { ...alternative, next };
}

/**
 * [D13] [D7] Under nested paging RAM whose writes are logged is readonly until its guest writes to it, and
 * is said to be. Which that is only the log knows, which may name more than was written ([D8]).
 */
export function asLogged(
  state: State,
  { domain: id, gfn }: InspectGfn | MemoryTypeAt,
  alternative: Alternative,
): readonly Alternative[] {
  const domain = domainOf(state, id);
  const { reply } = alternative;
  const isLogged = domain?.loggedSince !== undefined && isNested(state);
  if (!isLogged || reply.is !== 'inspected' || get(domain.p2m, gfn)?.type !== 'ram_rw')
    return [alternative];
  return (['ram_ro', 'ram_rw'] as const).map((memoryType) => {
    return { ...alternative, reply: { ...reply, memoryType } };
  });
}

/** [D3] A caller that was crashed on the way sees no answer. */
export const seenBy = (made: Step, result: Result): Result =>
  'caller' in made && result.next !== undefined && theDomain(result.next, made.caller).crashed
    ? { ...result, answer: 'crashed' }
    : result;
