import type { Killer } from './killer.js';

/** Of the faults in what only the whole surface has. */
export const surfaceKillers = {} as const satisfies Readonly<Record<string, Killer>>;
