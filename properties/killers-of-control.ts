import type { Killer } from './killer.js';

/** The faults of the control domain as one that shares. */
export const controlKillers = {
  'window-right-not-compared': {
    by: 'diverge G17.3 unmap elements.status',
    seed: '1',
    paging: 'hap',
    surface: 'whole',
    linesAtMost: 6000,
    shrinksTo: 4,
    counterexample: 'writable-window-ends-readonly',
  },
  'two-parts-one-reference': {
    by: 'violate I12 map frame.count',
    seed: '1',
    paging: 'hap',
    surface: 'whole',
    linesAtMost: 6000,
    shrinksTo: 2,
    counterexample: 'two-parts-share-a-reference',
  },
  'device-writer-has-no-type': {
    by: 'violate I13 map frame.type',
    seed: '1',
    paging: 'hap',
    surface: 'whole',
    linesAtMost: 6000,
    shrinksTo: 2,
    counterexample: 'device-writes-to-an-untyped-page',
  },
  'stolen-entry-leaks': {
    by: 'violate F13 unmap_and_replace frame.count',
    seed: '1',
    paging: 'hap',
    surface: 'whole',
    linesAtMost: 8000,
    shrinksTo: 4,
    counterexample: 'taken-entry-is-forgotten',
  },
  'helper-holds-nothing': {
    by: 'violate I12 map_foreign frame.count',
    seed: '1',
    paging: 'hap',
    surface: 'whole',
    linesAtMost: 2000,
    shrinksTo: 1,
    counterexample: 'helper-holds-no-page',
  },
  'helper-writes-unseen': {
    by: 'violate S8 store shadow.upper',
    seed: '6',
    paging: 'shadow',
    surface: 'whole',
    linesAtMost: 4000,
    shrinksTo: 6,
    counterexample: 'device-model-writes-a-table',
  },
} as const satisfies Readonly<Record<string, Killer>>;
