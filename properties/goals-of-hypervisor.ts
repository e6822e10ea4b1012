/**
 * What has to happen inside our hypervisor: its own counters tell. Another system has none of these
 * goals.
 */
export interface CounterGoal {
  readonly id: string;
  readonly sentence: string;
  /** The counter that is above zero once it has happened. */
  readonly counter: string;
}

const goal = (id: string, counter: string, sentence: string): CounterGoal => ({
  id,
  counter,
  sentence,
});

/** With any paging. */
export const processorGoals: readonly CounterGoal[] = [
  goal('S46', 'emulated', 'the hypervisor makes a linear access for a guest'),
];

/** Where gfns can be left to be populated on demand. */
export const surfaceGoals: readonly CounterGoal[] = [
  goal('S66', 'takenBack', 'a page of zeros is taken back from a gfn for another one'),
];

/** With shadow paging. */
export const shadowGoals: readonly CounterGoal[] = [
  goal('S47', 'oosEntered', 'a level 1 table goes out of sync'),
  goal('S48', 'resyncedByLoad', 'it is resynced because CR3 is loaded'),
  goal('S49', 'resyncedByModeChange', 'it is resynced because a vcpu changes its mode'),
  goal('S50', 'resyncedForRoom', 'it is resynced to make room for another one'),
  goal('S51', 'resyncedByPromotion', 'it is resynced because it is used as another table too'),
  goal('S52', 'resyncedByInstall', 'it is resynced before an upper entry leads to it'),
  goal('S53', 'resyncedByUpperInstall', 'it is resynced before a higher entry is made'),
  goal('S54', 'resyncedByLogDirty', 'it is resynced because writes are logged'),
  goal('S55', 'oosEntriesInvalidated', 'INVLPG drops an entry of a table that is out of sync'),
  goal('S56', 'fixupsEvicted', 'a table out of sync has more writable mappings than are listed'),
  goal('S57', 'poolUnpinned', 'the pool is exhausted, and shadows nobody uses go'),
  goal('S58', 'poolUnhooked', 'the pool is exhausted, and roots in use are emptied'),
  goal('S59', 'splinteredOverGrant', 'a piece of a superpage is a grant mapping'),
  goal('S60', 'tableWrites', 'a write to a shadowed table is caught'),
  goal('S61', 'userTableWrites', 'a user’s write to a shadowed table is caught'),
  goal('S62', 'shadowDroppedByGrantUnmap', 'a shadow entry goes because a grant mapping ends'),
  goal('S63', 'shadowDroppedByP2mChange', 'a shadow entry goes because RAM leaves its gfn'),
  goal('S64', 'tablesLeftP2m', 'a shadowed table leaves the p2m'),
  goal('S65', 'prefetched', 'an entry is filled before it is wanted'),
];
