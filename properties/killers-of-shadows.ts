import type { Killer } from './killer.js';

/** Of the faults in shadows, nested paging and what processors remember. */
export const shadowKillers = {} as const satisfies Readonly<Record<string, Killer>>;
