import { Handle, NO_HANDLE, type DomainId } from '../abi/ids.js';
import type { ReleasedMapping, Reply } from '../abi/reply.js';
import type { DestroyDomain } from '../abi/step.js';
import { drop, entries, get, put } from '../values/keyed.js';
import { believedGfn, the, theDomain, withDomain } from './derived.js';
import { guestOf } from './domains.js';
import { ended } from './ended.js';
import { accept, rc, refuse, type Alternative, type Objection, type Result } from './outcome.js';
import { giveUpAll, isGrantMapping, vanishIfUnheld, withoutEntry } from './pages.js';
import type { Mapping, State } from './state.js';

/** The end of a domain, at once or in two or more steps (grants.md 12.2, p2m.md 2.8). */

/**
 * [D2] destroy: a domain's mappings end, its p2m is emptied and its pages are given up. It stays,
 * dying, for as long as another domain holds a page of it.
 */
export function destroy(state: State, { domain: id }: DestroyDomain): Result {
  const domain = guestOf(state, id);
  if (domain === undefined) return refuse(rc('-ESRCH'), 'D2.1');
  if (domain.tornDown) return refuse(rc('-ESRCH'), 'D2.2');

  // Nothing below this line can fail.
  let next = dyingFrom(state, id);
  for (const [handle] of entries(domain.mappings)) next = mappingEnded(next, id, Handle(handle));
  const last = theDomain(next, id);
  let { believedGfns } = last;
  for (const page of [...last.grantFrames, ...last.statusFrames, last.sharedInfo]) {
    const gfn = believedGfn(last, page);
    if (gfn !== undefined) believedGfns = put(believedGfns, page, gfn);
  }
  const vcpus = last.vcpus.map((vcpu) => ({ ...vcpu, root: undefined }));
  const empty = { p2m: undefined, tables: undefined, kept: [], loggedSince: undefined };
  next = giveUpAll(
    withDomain(next, { ...last, ...empty, believedGfns, vcpus, tornDown: true }),
    id,
  );
  return accept(rc(0), 'D2', vanishIfUnheld(next, id));
}

/**
 * [B4] A destruction that is stopped after so many mappings: the highest handles go first. Those of a
 * domain that was crashed by a map nobody knows; the mappings they name go when the hypervisor says.
 */
export function destroyPartly(state: State, id: DomainId, count: number): Alternative {
  const all = entries(theDomain(state, id).mappings).toReversed();
  const mappings = all
    .slice(0, count)
    .map(([handle, mapping]): ReleasedMapping => ({ ...mapping, handle: Handle(handle) }));
  const next = (actual: Reply): State | Objection => {
    let after = dyingFrom(state, id);
    for (const released of actual.is === 'released' ? actual.mappings : []) {
      const left = entries(theDomain(after, id).mappings).toReversed();
      const known = left.find(([handle]) => handle < NO_HANDLE);
      const found = [known, ...left.filter(([handle]) => handle > NO_HANDLE)].find(
        (each) => each !== undefined && isMappingOf(each, released),
      );
      if (found === undefined) return { objection: `handle ${released.handle} is not the highest` };
      after = mappingEnded(after, id, Handle(found[0]));
    }
    return after;
  };
  return { reply: { is: 'released', mappings }, rules: ['B4'], next };
}

const isMappingOf = (
  [handle, { granter, ref, readonly }]: readonly [number, Mapping],
  released: ReleasedMapping,
): boolean =>
  (handle > NO_HANDLE || handle === released.handle) &&
  granter === released.granter &&
  ref === released.ref &&
  readonly === released.readonly;

/** [D2] From now on the domain does nothing, and reaches nobody's pages but its own. */
function dyingFrom(state: State, id: DomainId): State {
  const domain = theDomain(state, id);
  if (domain.dying) return state;
  const still = { past: undefined, interrupt: undefined, pending: undefined };
  const vcpus = domain.vcpus.map((vcpu) => ({ ...vcpu, ...still }));
  let own = domain;
  for (const [gfn] of entries(domain.p2m))
    if (isGrantMapping(domain, gfn)) own = withoutEntry(own, gfn);
  return withDomain(state, { ...own, dying: true, claim: undefined, vcpus });
}

function mappingEnded(state: State, id: DomainId, handle: Handle): State {
  const domain = theDomain(state, id);
  const mappings = drop(domain.mappings, handle);
  return ended(withDomain(state, { ...domain, mappings }), the(get(domain.mappings, handle)));
}
