import type { State } from '../../model/state.js';
import type { Witness } from '../frame-rule.js';
import {
  aGrantIsOnePageForOneDomain,
  aMappedPageIsTheGranters,
  aMappingHasAGranter,
  grantEntriesAreMappings,
  pinsAreWithinLimits,
} from './grants.js';
import type { Invariant } from './invariant.js';
import {
  aZombieIsHeld,
  everyPageHasALivingOwner,
  limitsHold,
  noPageIsHeldByNobody,
  nothingNamesAMissingPage,
  ramHasOneGfn,
  ramIsAllocatedOrSpecial,
  ramIsTheOwners,
} from './pages.js';

/** What is claimed about every state of the model: the spec itself keeps guests apart. */
export const invariants: readonly Invariant[] = [
  ramIsTheOwners,
  nothingNamesAMissingPage,
  noPageIsHeldByNobody,
  everyPageHasALivingOwner,
  ramHasOneGfn,
  ramIsAllocatedOrSpecial,
  limitsHold,
  aZombieIsHeld,
  aMappingHasAGranter,
  aGrantIsOnePageForOneDomain,
  aMappedPageIsTheGranters,
  grantEntriesAreMappings,
  pinsAreWithinLimits,
];

/** The first violation of the first claim that does not hold. */
export function violatedInvariant(state: State): Witness | undefined {
  for (const { id, name, path, violations } of invariants)
    for (const witness of violations(state))
      return { claim: id, path, expected: name, actual: witness };
  return undefined;
}
