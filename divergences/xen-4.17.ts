import { CONTROL } from '../abi/ids.js';
import type { Divergence } from './divergence.js';

/** Xen 4.17.7 on the instrument's emulated processor, with either kind of paging. */
export const everywhere: readonly Divergence[] = [
  {
    id: 'locked-access-reads-first',
    reason:
      'the emulated processor there reads before a compare-exchange writes, so where there is no page the fault is that of a read; real ones say that it is a write',
    showsAt: (step, recorded, ours) =>
      step.op === 'cmpxchg' &&
      step.caller === CONTROL &&
      recorded.startsWith('page_fault {"code":0,') &&
      ours === recorded.replace('"code":0,', '"code":2,'),
    ends: false,
  },
];
