import { CONTROL, Gfn, type DomainId } from '../abi/ids.js';
import * as abi from '../abi/step.js';
import { domainOf, pageOf, theDomain, withDomain } from './derived.js';
import { get, put } from '../values/keyed.js';
import { demanded, isWithout } from './on-demand.js';
import { accept, rc, refuse, spoil, type Result } from './outcome.js';
import { changing, isGrantMapping, withoutEntry } from './pages.js';
import { isNested } from './registers.js';
import type { State } from './state.js';

/**
 * [P14] set_memory_type: the device model says what a guest may do with the pages at some gfns.
 *
 * RAM becomes readonly to its own guest, or writable again; grantees and the hypervisor write to it
 * either way. As memory of a device it is at its gfn no more: the page stays with the domain. The
 * hypervisor goes on believing that one of its own pages is there. Gfns before the first that cannot
 * be changed stay changed.
 */
export function setMemoryType(state: State, call: abi.SetMemoryType): Result {
  const target = domainOf(state, call.domain);
  if (target === undefined) return refuse(rc('-ESRCH'), 'P14.1');
  if (target.id === CONTROL) return refuse(rc('-EPERM'), 'P14.2');

  const last = call.gfn + call.count - 1;
  if (call.count === 0 || last > target.maximumGfn) return refuse(rc('-EINVAL'), 'P14.3');

  if (call.type === abi.HVMMEM_ioreq_server && !isNested(state))
    return refuse(rc('-EOPNOTSUPP'), 'P14.4');
  if (call.type > abi.HVMMEM_mmio_dm) return refuse(rc('-EINVAL'), 'P14.5');

  let next = state;
  for (let gfn = call.gfn; gfn <= last; gfn = Gfn(gfn + 1)) {
    next = demanded(next, target.id, gfn);
    const domain = theDomain(next, target.id);
    const isHole = get(domain.p2m, gfn) === undefined;
    const isFree = call.type === abi.HVMMEM_mmio_dm;
    if (isHole ? !isFree : isGrantMapping(domain, gfn)) return spoil(rc('-EINVAL'), 'P14.6', next);
    if (isWithout(domain, gfn)) return spoil(rc('-EBUSY'), 'P14.8', next);
    const tried = changing(next, target.id, gfn);
    if (!tried.isDone) return spoil(rc('-ENOMEM'), 'P14.7', tried.next);
    next = retyped(tried.next, target.id, gfn, call.type);
  }
  return accept(rc(0), 'P14', next);
}

/** What is at a gfn is memory of another type. */
function retyped(state: State, id: DomainId, gfn: Gfn, type: number): State {
  const domain = theDomain(state, id);
  const entry = get(domain.p2m, gfn);
  if (entry === undefined) return state;
  if (type !== abi.HVMMEM_mmio_dm) {
    const kind = type === abi.HVMMEM_ram_ro ? 'ram_ro' : 'ram_rw';
    return withDomain(state, { ...domain, p2m: put(domain.p2m, gfn, { ...entry, type: kind }) });
  }
  const isOfDomain = pageOf(state, entry.page).use === 'ram';
  const taken = withoutEntry(domain, gfn);
  const believedGfns = isOfDomain ? taken.believedGfns : put(taken.believedGfns, entry.page, gfn);
  return withDomain(state, { ...taken, believedGfns });
}
