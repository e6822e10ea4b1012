import { kill, type Hunt, type Kill } from '../properties/kill.js';

/** A hunt with the time it took, in milliseconds. */
export interface TimedKill extends Kill {
  readonly milliseconds: number;
}

/** What a process of the pool does with a task. */
export default async function timedKill(hunt: Hunt): Promise<TimedKill> {
  const start = performance.now();
  const result = await kill(hunt);
  return { ...result, milliseconds: Math.round(performance.now() - start) };
}
