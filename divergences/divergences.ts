import type { Paging } from '../abi/machine.js';
import type { Divergence } from './divergence.js';
import { shadowDivergences } from './xen-4.17-shadow.js';

/** What is declared of the recorded hypervisor with this paging; of nested paging, nothing. */
export const divergencesOf = (paging: Paging | undefined): readonly Divergence[] =>
  paging === 'shadow' ? shadowDivergences : [];
