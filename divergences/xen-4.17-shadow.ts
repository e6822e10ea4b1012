import type { Divergence } from './divergence.js';

const HANGS =
  'a write or locked access to a readonly grant mapping hangs the vcpu there; here it is discarded';

/** A frame of a domain that is not DOMID_SELF is refused there before anything else. */
const isDeniedThere = (recorded: string): boolean =>
  recorded.includes('"status":"permission_denied"');
/** The second copy is done there, and refused here. */
const isDeniedHere = (recorded: string, ours: string): boolean =>
  recorded.includes('[{"status":"okay"},{"status":"okay"}]') &&
  ours.includes('[{"status":"okay"},{"status":"permission_denied"}]');
/** So that what it would have written is seen there only. */
const areValues = (recorded: string, ours: string): boolean =>
  recorded.startsWith('value ') && ours.startsWith('value ');

/** Xen 4.17.7 with shadow paging, guests without nested paging. */
export const shadowDivergences: readonly Divergence[] = [
  {
    id: 'order-of-copy-checks',
    reason:
      'the repair of XSA-523, which the recorded hypervisor lacks, also changed the order of the checks',
    file: 'copy',
    steps: {
      'copy/v1 basics': [25],
      'copy/v2 basics': [28],
      'copy/order of the checks': [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 21, 22, 23, 27, 28, 29, 33, 34, 35, 36, 37, 38,
      ],
    },
    shows: isDeniedThere,
    ends: false,
    control: { trace: 'copy/order of the checks', step: 3, status: 'okay' },
  },
  {
    id: 'copy-of-xsa-523',
    reason: 'the recorded hypervisor lacks the repair of XSA-523; the spec has it',
    file: 'copy',
    steps: {
      'copy/batch: gref then gfn of the same domain as source': [4, 6],
      'copy/batch: gref then gfn of the same domain as destination': [4, 6],
    },
    shows: (recorded, ours) => isDeniedHere(recorded, ours) || areValues(recorded, ours),
    ends: false,
    control: {
      trace: 'copy/batch: gref then gfn of the same domain as source',
      step: 4,
      status: 'bad_page',
    },
  },
  {
    id: 'pool-of-shadows-and-p2m',
    reason: 'shadows and p2m share one pool there, so that it is used up earlier',
    file: 'map',
    steps: { 'map/v1 small p2m pool': [5], 'map/v2 small p2m pool': [8] },
    shows: (recorded) => recorded.includes('"status":"general_error"'),
    ends: true,
    control: { trace: 'map/v1 small p2m pool', step: 5, status: 'bad_page' },
  },
  {
    id: 'readonly-write-hangs',
    reason: HANGS,
    file: 'map',
    traces: ['map/v1 readonly grant', 'map/v2 readonly grant'],
    stop: 'no answer: timeout',
    control: { trace: 'map/v1 same ref twice' },
  },
  {
    id: 'readonly-write-hangs',
    reason: HANGS,
    file: 'matrix',
    traces: ['matrix/grant_ro/write', 'matrix/grant_ro/cmpxchg', 'matrix/self_ro/cmpxchg'],
    stop: 'no answer: timeout',
    control: { trace: 'matrix/grant_rw/cmpxchg' },
  },
  {
    id: 'refused-creation-breaks-the-host',
    reason: 'refusing to create a domain brings that host down; here it is refused',
    file: 'setup',
    traces: [
      'setup/create with grant_opts 0',
      'setup/create with grant_opts 3',
      'setup/create with grant_opts 15',
      'setup/max_grant_frames 0',
    ],
    stop: 'a host that broke: rig timeout',
    control: { trace: 'setup/max_grant_frames 1' },
  },
];
