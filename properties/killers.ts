import type { Identity } from './identity.js';

/** How one fault is found: by which campaign, as what, how soon, and how short the story gets. */
export interface Killer {
  /** The failure that it is known by; its campaign may meet others on the way. */
  readonly by: Identity;
  /** Of a campaign on the machine `small` that finds it early. */
  readonly seed: string;
  /** The campaign has found it when the episode in which this many lines are reached is over. */
  readonly linesAtMost: number;
  /** Lines that the program is shrunk to. */
  readonly shrinksTo: number;
  /** The file in `counterexamples/` that tells it, without its ending. */
  readonly counterexample: string;
}

/** Every fault in `faults/`, and what finds it. The canary is hunted before all others. */
export const killers = {
  canary: {
    by: 'diverge A1 load value',
    seed: '4',
    linesAtMost: 2000,
    shrinksTo: 1,
    counterexample: 'every-load-answers-42',
  },
  'copy-dest-through-source': {
    by: 'violate E4 copy frame.content',
    seed: '10',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'copy-lands-in-the-granters-memory',
  },
  'copy-names-foreign-frame': {
    by: 'diverge G3.5 copy elements.status',
    seed: '2',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'copy-reaches-a-frame-nobody-granted',
  },
  'decrease-takes-grant-mapping': {
    by: 'diverge P8.5 decrease_reservation rc',
    seed: '2',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'ballooning-out-removes-a-mapping',
  },
  'dying-granter-lends': {
    by: 'diverge G4.7 copy elements.status',
    seed: '7',
    linesAtMost: 2000,
    shrinksTo: 4,
    counterexample: 'dying-granter-goes-on-lending',
  },
  'empty-entry-is-frame-zero': {
    by: 'diverge A1 load value',
    seed: '33',
    linesAtMost: 6000,
    shrinksTo: 2,
    counterexample: 'guest-writes-its-own-p2m',
  },
  'failed-get-drops-reference': {
    by: 'violate I12 inspect_gfn frame.count',
    seed: '13',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'looking-at-a-mapping-frees-the-page',
  },
  'grant-mapping-executes': {
    by: 'diverge A4.2 fetch is',
    seed: '3',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'granted-page-is-executed',
  },
  'last-handle-given-out': {
    by: 'violate I9 map maptrack.handle',
    seed: '29',
    linesAtMost: 6000,
    shrinksTo: 6,
    counterexample: 'last-handle-of-a-queue-is-given-out',
  },
  'map-keeps-stale-source': {
    by: 'crash E1 copy thrown.AssertionFailed',
    seed: '3',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'copy-of-a-mapped-grant-releases-a-stranger',
  },
  'moved-frame-stays': {
    by: 'violate E3 add_to_physmap p2m.type',
    seed: '3',
    linesAtMost: 2000,
    shrinksTo: 1,
    counterexample: 'moved-frame-is-at-two-gfns',
  },
  'one-reference-per-grant': {
    by: 'violate I12 map frame.count',
    seed: '3',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'second-mapping-holds-no-page',
  },
  'own-mapping-takes-no-type': {
    by: 'violate I13 map frame.type',
    seed: '4',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'writable-mapping-of-an-own-page-has-no-type',
  },
  'owner-check-dropped': {
    by: 'diverge G3.4 copy elements.status',
    seed: '10',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'mapping-passes-for-own-memory',
  },
  'p2m-cache-keeps-entry': {
    by: 'violate T3 add_to_physmap p2m.entry',
    seed: '1',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'changed-gfn-is-remembered-as-it-was',
  },
  'page-not-scrubbed': {
    by: 'violate F1 decrease_reservation frame.bytes',
    seed: '5',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'freed-page-keeps-its-content',
  },
  'partial-batch-not-completed': {
    by: 'violate E4 unmap frame.content',
    seed: '3',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'unmapped-page-is-never-let-go',
  },
  'physmap-error-lost': {
    by: 'diverge P11.16 add_to_physmap rc',
    seed: '3',
    linesAtMost: 2000,
    shrinksTo: 1,
    counterexample: 'page-put-beyond-the-p2m-is-reported-done',
  },
  'pin-overflow-tests-all': {
    by: 'diverge G1 map elements.status',
    seed: '1',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'reading-often-forbids-writing',
  },
  'pinned-by-another': {
    by: 'diverge G1.6 map elements.status',
    seed: '1',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'grant-in-use-is-mapped-by-anybody',
  },
  'readonly-mapping-takes-stores': {
    by: 'violate E4 store frame.content',
    seed: '3',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'readonly-mapping-takes-a-store',
  },
  'result-through-grant-mapping': {
    by: 'diverge G6.5 setup_table status',
    seed: '9',
    linesAtMost: 6000,
    shrinksTo: 3,
    counterexample: 'hypercall-result-goes-through-a-mapping',
  },
  'self-move-removes': {
    by: 'crash E1 add_to_physmap_batch thrown.AssertionFailed',
    seed: '1',
    linesAtMost: 2000,
    shrinksTo: 1,
    counterexample: 'moving-a-page-nowhere-removes-it-twice',
  },
  'status-frames-freed-while-held': {
    by: 'violate E3 set_version p2m.type',
    seed: '8',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'freed-status-frame-stays-in-the-p2m',
  },
  'status-index-keeps-flag': {
    by: 'diverge P11 add_to_physmap rc',
    seed: '4',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'status-frame-cannot-be-mapped',
  },
  'swap-checks-first-ref-only': {
    by: 'crash E1 swap thrown.AssertionFailed',
    seed: '1',
    linesAtMost: 2000,
    shrinksTo: 1,
    counterexample: 'swap-reads-past-the-table',
  },
  'teardown-walks-every-gfn': {
    by: 'hang E1 destroy thrown.WorkExceeded',
    seed: '1',
    linesAtMost: 2000,
    shrinksTo: 2,
    counterexample: 'destruction-looks-at-every-gfn',
  },
  'transitive-release-leaks': {
    by: 'violate E4 copy frame.content',
    seed: '34',
    linesAtMost: 6000,
    shrinksTo: 4,
    counterexample: 'transitive-copy-leaves-the-grant-behind-in-use',
  },
  'transitive-shortcut': {
    by: 'diverge G5.2 copy elements.status',
    seed: '27',
    linesAtMost: 6000,
    shrinksTo: 5,
    counterexample: 'copy-skips-the-grant-behind',
  },
  'unmap-drops-other-kind': {
    by: 'violate I13 unmap frame.type',
    seed: '11',
    linesAtMost: 6000,
    shrinksTo: 4,
    counterexample: 'crosswise-unmap-drops-the-wrong-type',
  },
  'upgrade-writes-recorded-frame': {
    by: 'diverge G4.9 copy elements.status',
    seed: '4',
    linesAtMost: 2000,
    shrinksTo: 4,
    counterexample: 'first-writer-gets-the-page-of-the-readers',
  },
  'version-switch-truncates': {
    by: 'diverge G8.4 set_version rc',
    seed: '3',
    linesAtMost: 10_000,
    shrinksTo: 3,
    counterexample: 'version-switch-grants-another-page',
  },
  'writing-bit-cleared-early': {
    by: 'violate E4 copy frame.content',
    seed: '1',
    linesAtMost: 2000,
    shrinksTo: 3,
    counterexample: 'writing-bit-cleared-while-mapped',
  },
} as const satisfies Readonly<Record<string, Killer>>;

export type FaultId = keyof typeof killers;
