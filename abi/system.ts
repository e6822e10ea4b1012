import type { Reply } from './reply.js';
import type { Step } from './step.js';

/** Anything that can stand where the hypervisor stands: ours, or an adapter to another. */
export interface System {
  readonly name: string;
  /** Carries out one step. Throws only where the system itself is broken. */
  perform(step: Step): Reply;
}
