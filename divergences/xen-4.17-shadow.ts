import type { AtSteps, Divergence } from './divergence.js';

const HANGS =
  'a write or locked access to a readonly grant mapping hangs the vcpu there; here it is discarded';

/** The statuses of a batch as text: each with how many follow one another. */
function statusesOf(answer: string): string {
  const runs: { readonly status: string; count: number }[] = [];
  for (const [, status = ''] of answer.matchAll(/"status":"(\w+)"/g)) {
    const last = runs.at(-1);
    if (last?.status === status) last.count++;
    else runs.push({ status, count: 1 });
  }
  return runs.map(({ status, count }) => `${count} ${status}`).join(', ');
}

/** These statuses there, and those here. */
const answersDiffer =
  (there: string, here: string) =>
  (recorded: string, ours: string): boolean =>
    statusesOf(recorded) === there && statusesOf(ours) === here;

/** What is read there, and here; both are low halves of what has no high one. */
const valuesDiffer =
  (there: number, here: number) =>
  (recorded: string, ours: string): boolean =>
    recorded === `value {"value":{"low":${there},"high":0}}` &&
    ours === `value {"value":{"low":${here},"high":0}}`;

const ORDER = 'copy/order of the checks';

/** A frame of a domain that is not DOMID_SELF is refused there before anything else. */
const deniedFirst = (here: string, steps: AtSteps['steps'], at: number): AtSteps => ({
  id: 'order-of-copy-checks',
  reason:
    'the repair of XSA-523, which the recorded hypervisor lacks, also changed the order of the checks',
  file: 'copy',
  steps,
  shows: answersDiffer('1 permission_denied', `1 ${here}`),
  ends: false,
  control: { trace: ORDER, step: at, answer: 'okay' },
});

const gfnAfterRef = (side: string) => `copy/batch: gref then gfn of the same domain as ${side}`;

/** The second copy is done there, and refused here; what it would have written is seen there only. */
const unrepaired = (side: string, there: number, here: number): readonly AtSteps[] => {
  const trace = gfnAfterRef(side);
  const declared = {
    id: 'copy-of-xsa-523',
    reason: 'the recorded hypervisor lacks the repair of XSA-523; the spec has it',
    file: 'copy',
    ends: false,
  };
  const isDone = answersDiffer('2 okay', '1 okay, 1 permission_denied');
  return [
    {
      ...declared,
      steps: { [trace]: [4] },
      shows: isDone,
      control: { trace, step: 4, answer: 'bad_page' },
    },
    {
      ...declared,
      steps: { [trace]: [6] },
      shows: valuesDiffer(there, here),
      control: { trace, step: 6, answer: `0x${here.toString(16)}9` },
    },
  ];
};

/** Xen 4.17.7 with shadow paging, guests without nested paging. */
export const shadowDivergences: readonly Divergence[] = [
  deniedFirst(
    'bad_domain',
    {
      'copy/v1 basics': [25],
      'copy/v2 basics': [28],
      [ORDER]: [3, 4, 5, 6, 7, 8, 9, 10, 11, 33, 34, 35, 36, 37, 38],
    },
    3,
  ),
  deniedFirst('general_error', { [ORDER]: [12, 13, 14] }, 12),
  deniedFirst('bad_page', { [ORDER]: [21, 22, 23] }, 21),
  deniedFirst('bad_gntref', { [ORDER]: [27, 28, 29] }, 27),
  ...unrepaired('source', 85, 0),
  ...unrepaired('destination', 102, 85),
  {
    id: 'pool-of-shadows-and-p2m',
    reason: 'shadows and p2m share one pool there, so that it is used up earlier',
    file: 'map',
    steps: { 'map/v1 small p2m pool': [5], 'map/v2 small p2m pool': [8] },
    shows: answersDiffer('2 okay, 38 general_error', '8 okay, 32 general_error'),
    ends: true,
    control: { trace: 'map/v1 small p2m pool', step: 5, answer: 'bad_page' },
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
