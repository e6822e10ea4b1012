import { controlKillers } from './killers-of-control.js';
import { grantKillers } from './killers-of-grants.js';
import { shadowKillers } from './killers-of-shadows.js';
import { surfaceKillers } from './killers-of-surface.js';
import { walkKillers } from './killers-of-walks.js';

/** Every fault in `faults/`, and what finds it. */
export const killers = {
  ...grantKillers,
  ...walkKillers,
  ...shadowKillers,
  ...surfaceKillers,
  ...controlKillers,
} as const;

export type FaultId = keyof typeof killers;
