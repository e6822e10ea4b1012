import type { RefusalId } from './rules.js';

const HANDLE = 'the vcpu keeps a handle back, and the free ones have another order';
const MARKS =
  'bits that say an entry of the call is in use are clear, also where its granter set them';
const MOVED = 'a page of the mapper’s own has left its former gfn';
const EARLIER = 'the extents before are done';
const UNPLACED = 'the extents before are done, and there are fresh pages without a gfn';
const GIVEN_UP = 'the pages before are gone, also those of an extent that does not count';
const RANGE = 'the pages of a range before this one have been moved';
const GROWN = 'the grant table may have grown; of a range the pages before have been moved';
const EMPTIED = `${GROWN}; what was at the gfn may be given up, and the page without a gfn`;
const TYPES = 'the gfns before have the new type';
const ON_DEMAND = 'the gfns before are to be populated on demand';
const WALKED = 'entries on the way to what could be read are marked accessed';

const FREED = 'the page is free';
const UNACCEPTED = `${FREED}; who has a claim on one page has none any more`;
const UNPLACED_GIFT = 'the page is the receiver’s, without a gfn, and its entry says so';

/**
 * Where a refused call has changed something all the same, as Xen's has: what it leaves, or may
 * leave. After any other refusal everything is as it was before the call, but for gfns that it looked
 * at and that were populated on demand, or could not be ([P15]).
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
  'G1.12': `${HANDLE}; ${MARKS}`,
  'G1.13': `${HANDLE}; ${MARKS}`,
  'G1.14': 'the caller is crashed',
  'G1.15': `${HANDLE}; ${MARKS}; ${MOVED}`,
  'G1.16': `${HANDLE}; ${MARKS}; ${MOVED}`,
  'G3.5': MARKS,
  'G3.6': MARKS,
  'G3.7': MARKS,
  'G3.8': MARKS,
  'G3.9': MARKS,
  'G3.10': MARKS,
  'G4.1': MARKS,
  'G4.2': MARKS,
  'G4.3': MARKS,
  'G4.4': MARKS,
  'G4.5': MARKS,
  'G4.6': MARKS,
  'G4.7': MARKS,
  'G4.8': MARKS,
  'G4.9': MARKS,
  'G5.1': MARKS,
  'G5.2': MARKS,
  'G5.3': MARKS,
  'G5.4': MARKS,
  'G6.5': 'the table has grown; the list is written as far as it can be',
  'G8.6': 'the caller is crashed; status frames have left its p2m',
  'G16.1': `${HANDLE}; ${MARKS}`,
  'G16.2': `${HANDLE}; ${MARKS}`,
  'G18.4': 'what was at the other address is gone',
  'G20.3': FREED,
  'G20.4': FREED,
  'G20.5': FREED,
  'G20.6': UNACCEPTED,
  'G20.7': UNACCEPTED,
  'G20.8': UNACCEPTED,
  'G20.9': `${UNPLACED_GIFT}; the receiver is crashed`,
  'G20.10': UNPLACED_GIFT,
  'G20.11': UNPLACED_GIFT,
  'P6.5': EARLIER,
  'P6.6': EARLIER,
  'P6.7': `the caller is crashed; ${UNPLACED}`,
  'P6.8': `the domain is crashed; ${UNPLACED}`,
  'P6.9': UNPLACED,
  'P6.10': UNPLACED,
  'P6.12': ON_DEMAND,
  'P6.13': ON_DEMAND,
  'P6.14': `${ON_DEMAND}; where they are several, the domain is crashed`,
  'P7.5': EARLIER,
  'P7.6': EARLIER,
  'P8.4': GIVEN_UP,
  'P8.5': GIVEN_UP,
  'P8.6': GIVEN_UP,
  'P11.8': EARLIER,
  'P11.9': GROWN,
  'P11.10': GROWN,
  'P11.11': RANGE,
  'P11.13': RANGE,
  'P11.14': GROWN,
  'P11.15': EMPTIED,
  'P11.16': EMPTIED,
  'P11.17': EMPTIED,
  'P12.6': 'the entries before are done',
  'P14.6': TYPES,
  'P14.7': TYPES,
  'P14.8': 'the domain is crashed',
  'P15.1': 'the domain is crashed',
  'P16.4': 'the pages that could be had are kept',
  'P18.7': 'the table has grown for the frames before',
  'A4.2': 'the caller is crashed',
  'C8.1': 'the caller is crashed',
  'M2.1': WALKED,
  'M2.2': WALKED,
  'M4.3': WALKED,
  'M4.4': WALKED,
  'M4.5': WALKED,
  'M4.6': WALKED,
  'M4.8': WALKED,
  'M4.9': `${EARLIER}; ${WALKED}`,
};
