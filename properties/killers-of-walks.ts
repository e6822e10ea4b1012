import type { Killer } from './killer.js';

/** Of the faults in page-table walks, control registers and logs of writes. */
export const walkKillers = {} as const satisfies Readonly<Record<string, Killer>>;
