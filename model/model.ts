/**
 * The reference spec: what guests and toolstack may say to the hypervisor, and what it answers.
 * Start reading at step.ts, which is its table of contents.
 */
export { boot } from './domains.js';
export { step } from './step.js';
export { isObjection } from './outcome.js';
export type { State } from './state.js';
