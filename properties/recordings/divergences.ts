import type { Paging } from '../../abi/machine.js';

/**
 * Where the recorded hypervisor and the spec are known to part, with the reason. A divergence is
 * bound to what was recorded: steps of named traces, or what ends the judging of a trace. One that
 * never shows is a mistake of this list.
 */
export type Divergence = AtSteps | AtStop;

interface Declared {
  readonly id: string;
  readonly reason: string;
  /** The file without what follows its first dot. */
  readonly file: string;
}
export interface AtSteps extends Declared {
  readonly steps: Readonly<Record<string, readonly number[]>>;
  /** What comes after in the trace rests on what was answered here, and is not judged. */
  readonly ends: boolean;
}
export interface AtStop extends Declared {
  /** Why the judging of a trace ended. */
  readonly stop: string;
}

export const divergencesOf = (paging: Paging | undefined): readonly Divergence[] =>
  paging === 'shadow' ? ofShadowPaging : [];

const HANGS =
  'a write or locked access to a readonly grant mapping hangs the vcpu there; here it is discarded';

/** Xen 4.17.7 with shadow paging, guests without nested paging. */
const ofShadowPaging: readonly Divergence[] = [
  {
    id: 'copy-of-xsa-523',
    reason: 'the recorded hypervisor lacks the repair of XSA-523; the spec has it',
    file: 'copy',
    steps: {
      'copy/v1 basics': [25],
      'copy/v2 basics': [28],
      'copy/batch: gref then gfn of the same domain as source': [4, 6],
      'copy/batch: gref then gfn of the same domain as destination': [4, 6],
      'copy/order of the checks': [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 21, 22, 23, 27, 28, 29, 33, 34, 35, 36, 37, 38,
      ],
    },
    ends: false,
  },
  {
    id: 'pool-of-shadows-and-p2m',
    reason: 'shadows and p2m share one pool there, so that it is used up earlier',
    file: 'map',
    steps: { 'map/v1 small p2m pool': [5], 'map/v2 small p2m pool': [8] },
    ends: true,
  },
  { id: 'readonly-write-hangs', reason: HANGS, file: 'map', stop: 'no answer: timeout' },
  { id: 'readonly-write-hangs', reason: HANGS, file: 'matrix', stop: 'no answer: timeout' },
  {
    id: 'refused-creation-breaks-the-host',
    reason: 'refusing to create a domain brings that host down; here it is refused',
    file: 'setup',
    stop: 'a host that broke: rig timeout',
  },
];

/** The declared divergence at a step of a trace. */
export const divergenceAt = (
  divergences: readonly Divergence[],
  trace: string,
  index: number | string,
): AtSteps | undefined =>
  divergences.find(
    (one): one is AtSteps =>
      'steps' in one && (one.steps[trace] ?? []).some((step) => step === index),
  );

/** The declared divergence that ends the judging of a trace. */
export const divergenceFor = (
  divergences: readonly Divergence[],
  stop: string,
): AtStop | undefined =>
  divergences.find((one): one is AtStop => 'stop' in one && one.stop === stop);
