import { preemptible } from '../abi/step.js';
import type { Hypercall, LinearAccess } from '../abi/step.js';
import type { PreemptibleCall, Preemption, Step } from '../abi/step.js';
import { CONTROL } from '../abi/ids.js';
import { physicalAccess } from './access.js';
import { invalidatePage, moveToCr0, moveToCr3, moveToCr4 } from './control.js';
import { moveToEfer, moveToPkru } from './control.js';
import { forHvm, statusFrames, unmapAndReplace } from './control-grants.js';
import {
  asLogged,
  copyBatch,
  inspected,
  inTurn,
  unmapAllByControl,
  mapBatch,
  seenBy,
} from './choices.js';
import { domainOf, isAlive, isRunning, the } from './derived.js';
import { destroy } from './destroy.js';
import { create, domainInfo, memoryType, setMemoryLimit } from './domains.js';
import { failNext } from './failing.js';
import { findKey } from '../values/keyed.js';
import { hypercall } from './hypercalls.js';
import { linearAccess } from './linear.js';
import { logDirty } from './log-dirty.js';
import { unmapGrant } from './map.js';
import { podTarget } from './demand-target.js';
import { setMemoryType } from './memory-type.js';
import { accept, afterwards, finished, refuse, settled } from './outcome.js';
import type { Alternative, Result } from './outcome.js';
import { crashDomain } from './pages.js';
import { pause, unpause } from './pause.js';
import { addToPhysmap, addToPhysmapBatch, removeFromPhysmap } from './physmap.js';
import { interrupt, invoked, isBusy, resume } from './preemption.js';
import { isStoppable } from './units.js';
import { resource } from './resources.js';
import { decrease, exchange, increase, populate } from './reservation.js';
import { isPaged } from './registers.js';
import type { State } from './state.js';
import { getVersion, querySize, setupTable, swapGrant } from './table.js';
import { writeBack, transferGrant } from './transfer.js';
import { withPast } from './translations.js';
import { setVersion } from './version.js';
import { isKnown, mapForeign, unmapWindow, windowAccess } from './windows.js';

/**
 * Everything that may happen when a step is made: the table of contents of the spec. A guest that
 * cannot run does nothing ([D3], [D12]); the control domain always runs. Nearly always it is one thing; the
 * first is the one in which nothing was remembered ([T1]).
 */
export function step(state: State, made: Step): Iterable<Alternative> {
  if ('caller' in made) {
    const caller = domainOf(state, made.caller);
    if (!isAlive(caller) || !isKnown(made) || made.vcpu >= state.machine.vcpus)
      return [settled({ is: 'no_domain' }, state, ['D3'])];
    if (!isRunning(caller)) return [settled({ is: 'paused' }, state, ['D12'])];
  }
  if (isBusy(state, made)) return [settled({ is: 'busy' }, state, ['B2.1'])];
  const wanting = findKey(state.domains, ({ onDemand }) => onDemand !== undefined);
  return wanting === undefined ? alternatives(state, made) : eitherWay(state, made);
}

/** [P15] All that a search for pages may come to; one that was hurried comes after one that was not. */
function* eitherWay(state: State, made: Step): Iterable<Alternative> {
  for (let search = 0; search < SEARCHES; search++) {
    const searching = { ...state, search: (state.search + search) % SEARCHES };
    for (const alternative of alternatives(searching, made))
      yield afterwards(alternative, (after) => ({ ...after, search: 0 }));
  }
}
const SEARCHES = 4;

function alternatives(state: State, made: Step): Iterable<Alternative> {
  if (isLinear(made)) return linearAccess(state, made);
  const all = outcomes(state, made);
  return findKey(state.domains, ({ vcpus }) => vcpus.some(isPaged)) === undefined
    ? all
    : remembering(state, all);
}

const isLinear = (made: Step): made is LinearAccess => 'as' in made && made.op !== 'hypercall';

/** [T1] What memory was before a step, vcpus may remember after it. */
function* remembering(before: State, all: Iterable<Alternative>): Iterable<Alternative> {
  for (const alternative of all) yield afterwards(alternative, (after) => withPast(before, after));
}

function outcomes(state: State, asked: Exclude<Step, LinearAccess>): Iterable<Alternative> {
  const made = forHvm(asked);
  if (isPreemptible(made)) return [invoked(state, { call: made, done: 0 }, uninterrupted)];
  switch (made.op) {
    case 'interrupt':
      return [interrupt(state, made)];
    case 'resume':
      return [resume(state, made, uninterrupted)];
    case 'inspect_gfn':
      return asLogged(state, made, inspected(state, made));
    case 'memory_type':
      return asLogged(state, made, finished(state, memoryType(state, made)));
    case 'log_dirty':
      return [logDirty(state, made)];
    case 'hypercall':
      return isStoppable(made)
        ? [invoked(state, { call: made, done: 0 }, uninterrupted)]
        : hypercall(state, made);
    case 'write_back':
      return writeBack(state, made);
    default:
      return [finished(state, seenBy(made, one(state, made)))];
  }
}

const isPreemptible = (made: Step): made is Exclude<PreemptibleCall, Hypercall> =>
  preemptible.some((op) => op === made.op);

/** The calls that can be stopped, when nothing stops them. */
function uninterrupted(state: State, made: PreemptibleCall): Alternative {
  switch (made.op) {
    case 'map':
      return mapBatch(state, made);
    case 'unmap':
      return made.caller === CONTROL
        ? unmapAllByControl(state, made)
        : inTurn(state, made, unmapGrant);
    case 'copy':
      return copyBatch(state, made);
    case 'swap':
      return inTurn(state, made, swapGrant);
    case 'transfer':
      return inTurn(state, made, transferGrant);
    case 'populate_physmap':
      return finished(state, seenBy(made, populate(state, made.caller, made)));
    case 'decrease_reservation':
      return finished(state, seenBy(made, decrease(state, made.caller, made)));
    case 'increase_reservation':
      return finished(state, seenBy(made, increase(state, made.caller, made)));
    case 'add_to_physmap':
      return finished(state, seenBy(made, addToPhysmap(state, made.caller, made)));
    case 'add_to_physmap_batch':
      return finished(state, seenBy(made, addToPhysmapBatch(state, made.caller, made)));
    case 'destroy':
      return finished(state, destroy(state, made));
    case 'unmap_and_replace':
      return inTurn(state, made, unmapAndReplace);
    case 'acquire_resource':
      return finished(state, seenBy(made, resource(state, made)));
    case 'set_memory_type':
      return finished(state, setMemoryType(state, made));
    case 'pod_target':
      return finished(state, podTarget(state, made));
    case 'hypercall':
      return the(hypercall(state, made)[0]);
  }
}

type One = Exclude<
  Step,
  | LinearAccess
  | Preemption
  | PreemptibleCall
  | { readonly op: 'inspect_gfn' | 'memory_type' | 'log_dirty' | 'write_back' }
>;

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
    case 'refused_grant_call': // [G11] These do not exist for an HVM caller.
      return refuse({ is: 'rc', rc: '-ENOSYS' }, 'G11.1');
    case 'get_status_frames':
      return statusFrames(state, made.caller, made);
    case 'remove_from_physmap':
      return removeFromPhysmap(state, made.caller, made);
    case 'exchange':
      return exchange(state, made.caller, made);
    case 'claim_pages':
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return resource(state, made);
    case 'load':
    case 'store':
    case 'cmpxchg':
      return made.caller === CONTROL ? windowAccess(state, made) : physicalAccess(state, made);
    case 'xadd':
    case 'fetch':
      return physicalAccess(state, made);
    case 'cr0':
      return moveToCr0(state, made);
    case 'cr3':
      return moveToCr3(state, made);
    case 'cr4':
      return moveToCr4(state, made);
    case 'efer':
      return moveToEfer(state, made);
    case 'pkru':
      return moveToPkru(state, made);
    case 'invlpg':
      return invalidatePage(state, made);
    case 'crash':
      return accept({ is: 'crashed' }, 'D3', crashDomain(state, made.caller));
    case 'create':
      return create(state, made);
    case 'domain_info':
      return domainInfo(state, made);
    case 'set_memory_limit':
      return setMemoryLimit(state, made);
    case 'pause':
    case 'unpause':
      return made.op === 'pause' ? pause(state, made) : unpause(state, made);
    case 'fail_next':
      return failNext(state, made);
    case 'map_foreign':
    case 'unmap_window':
      return made.op === 'map_foreign' ? mapForeign(state, made) : unmapWindow(state, made);
  }
}
