import type { PauseDomain } from '../abi/step.js';
import { withDomain } from './derived.js';
import { guestOf } from './domains.js';
import { accept, rc, refuse, type Result } from './outcome.js';
import type { State } from './state.js';

/**
 * [D10] pause: the domain does nothing for now ([D12]). What it lends and owns stays as it is, and
 * others may change it. Pauses nest, up to a limit.
 */
export function pause(state: State, { domain: id }: PauseDomain): Result {
  const domain = guestOf(state, id);
  if (domain === undefined) return refuse(rc('-ESRCH'), 'D10.1');
  if (domain.pauses >= state.machine.pauseLimit) return refuse(rc('-EOVERFLOW'), 'D10.2');

  // Nothing below this line can fail.
  return accept(rc(0), 'D10', withDomain(state, { ...domain, pauses: domain.pauses + 1 }));
}

/** [D11] unpause: one pause less; after the last the domain goes on where it was. */
export function unpause(state: State, { domain: id }: PauseDomain): Result {
  const domain = guestOf(state, id);
  if (domain === undefined) return refuse(rc('-ESRCH'), 'D11.1');
  if (domain.pauses === 0) return refuse(rc('-EINVAL'), 'D11.2');

  // Nothing below this line can fail.
  return accept(rc(0), 'D11', withDomain(state, { ...domain, pauses: domain.pauses - 1 }));
}
