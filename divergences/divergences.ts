import type { Paging } from '../abi/machine.js';
import type { Divergence } from './divergence.js';
import { everywhere } from './xen-4.17.js';
import { shadowDivergences } from './xen-4.17-shadow.js';

/** What is declared of the recorded hypervisor with this paging. */
export const divergencesOf = (paging: Paging | undefined): readonly Divergence[] =>
  paging === 'shadow' ? [...everywhere, ...shadowDivergences] : everywhere;
