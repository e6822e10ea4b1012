import { CONTROL } from '../../abi/ids.js';
import type { Gfn } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Rc } from '../../abi/status.js';
import type { Exchange } from '../../abi/step.js';
import type { Domain } from '../domain.js';
import { getOwnFrame } from '../granted-frame.js';
import { isTranslated, mayActOn } from '../host.js';
import type { Host } from '../host.js';
import { demand } from '../on-demand.js';
import { putPage } from '../pages.js';
import { NOTHING } from '../tables/p2m-entry.js';

/**
 * XENMEM_exchange (p2m.md 2.9): refused for every translated domain, whose pages cannot be stolen;
 * what is asked before that is still observable.
 */
export function exchange(host: Host, caller: Domain, step: Exchange): Reply {
  const { given, taken } = step;
  const asked = { ...step, given: given.length, taken: taken.length };
  return { is: 'exchanged', rc: exchangeRc(host, caller, asked, () => given[0]), count: 0 };
}

/** Extents by their number. */
export interface AskedExchange extends Pick<Exchange, 'target' | 'givenOrder' | 'takenOrder'> {
  readonly given: number;
  readonly taken: number;
}

/** What is refused, in Xen's order; `first` reads the first gfn that is given. */
export function exchangeRc(
  host: Host,
  caller: Domain,
  step: AskedExchange,
  first: () => Gfn | undefined,
  isIncoherent = false,
  isDone = false,
): Rc {
  const largest = caller.id === CONTROL ? host.machine.controlOrder : host.machine.guestOrder;
  if (step.givenOrder > largest) return '-EPERM';
  if (step.takenOrder > largest) return '-EPERM';

  if (isIncoherent) return '-EINVAL';
  const given = step.given * 2 ** step.givenOrder;
  const taken = step.taken * 2 ** step.takenOrder;
  if (given !== taken) return '-EINVAL';
  if (isDone || step.given === 0) return 0;

  const target = host.domains.byAnyId(step.target, caller);
  if (target === undefined) return '-ESRCH';
  if (!mayActOn(caller, target)) return '-EPERM';
  const gfn = first();
  if (gfn === undefined) return '-EFAULT';
  if (!isThere(host, target, gfn)) return '-EINVAL';
  return '-EOPNOTSUPP';
}

function isThere(host: Host, target: Domain, gfn: Gfn): boolean {
  demand(host, target, gfn);
  if (isTranslated(target)) return target.p2m.lookup(gfn) !== NOTHING;
  const mfn = getOwnFrame(host, target, gfn);
  if (mfn !== undefined) putPage(host, mfn);
  return mfn !== undefined;
}
