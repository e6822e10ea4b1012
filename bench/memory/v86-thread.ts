import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { loops } from './v86-program.js';
import type { Loop } from './v86-program.js';

/**
 * v86 in a thread of its own: its memory grows, and from then on the compiler guards every access to
 * any typed array of the thread, which would be charged to all that is timed beside it.
 */
export class V86Thread {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  static async start(): Promise<V86Thread> {
    const worker = new Worker(new URL('v86-worker.js', import.meta.url));
    await once(worker, 'message');
    return new V86Thread(worker);
  }

  /** Nanoseconds a step of each loop, the loop itself included. */
  async round(): Promise<Readonly<Record<Loop, number>>> {
    this.#worker.postMessage('round', []);
    const [times]: unknown[] = await once(this.#worker, 'message');
    if (!isTimes(times)) throw new Error('the thread answers with a time for each loop');
    return times;
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}

function isTimes(answer: unknown): answer is Readonly<Record<Loop, number>> {
  return typeof answer === 'object' && answer !== null && loops.every((loop) => loop in answer);
}
