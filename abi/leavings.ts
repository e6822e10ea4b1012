import type { RefusalId } from './rules.js';

const HANDLE = 'the vcpu keeps a handle back; the free ones have another order';
const MOVED = 'a page of the mapper’s own has left its former gfn';
const EARLIER = 'what was done for the extents before';
const UNPLACED = 'fresh pages without a gfn, and the extents before';
const GIVEN_UP = 'the pages before are gone, also those of the extent that does not count';
const PAGES_BEFORE = 'the pages of a range before this one are where they were asked to be';
const GROWN = 'the grant table has grown';
const EMPTIED = 'the page that was at the gfn is given up, the gfn empty';
const TYPES = 'the gfns before have the new type';
const ON_DEMAND = 'the gfns before are to be populated on demand';
const DONE = 'the elements before are done';

/**
 * Where a refused call has changed something all the same, as Xen's has: what it leaves, or may
 * leave. After any other refusal everything is as it was before the call.
 */
export const leavings: Readonly<Partial<Record<RefusalId, string>>> = {
  'G1.4': HANDLE,
  'G1.5': HANDLE,
  'G1.6': HANDLE,
  'G1.7': HANDLE,
  'G1.8': HANDLE,
  'G1.9': HANDLE,
  'G1.10': HANDLE,
  'G1.11': HANDLE,
  'G1.12': HANDLE,
  'G1.13': HANDLE,
  'G1.14': 'the caller is crashed',
  'G1.15': `${HANDLE}; ${MOVED}`,
  'G1.16': `${HANDLE}; ${MOVED}`,
  'G6.5': `${GROWN}; the list is written where it can be`,
  'G8.6': 'the caller is crashed; status frames have left its p2m',
  'P6.4': EARLIER,
  'P6.5': EARLIER,
  'P6.6': EARLIER,
  'P6.7': `the caller is crashed; ${UNPLACED}`,
  'P6.8': `the domain is crashed; ${UNPLACED}`,
  'P6.9': UNPLACED,
  'P6.10': UNPLACED,
  'P6.12': ON_DEMAND,
  'P6.13': ON_DEMAND,
  'P6.14': ON_DEMAND,
  'P7.5': EARLIER,
  'P7.6': EARLIER,
  'P8.4': GIVEN_UP,
  'P8.5': GIVEN_UP,
  'P8.6': GIVEN_UP,
  'P11.9': PAGES_BEFORE,
};
