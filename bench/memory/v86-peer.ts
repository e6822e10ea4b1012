import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { V86 } from 'v86';
import { LOADS } from './pattern.js';
import { PASSES, biosImage, loops, memoryImages } from './v86-program.js';
import type { Loop } from './v86-program.js';

const MEMORY_BYTES = 32 * 2 ** 20;
const NS_PER_MS = 1e6;
/** Rounds until its compiler has taken up the three loops and they run at their pace. */
const WARM_UP = 10;
const SLICES = 40;

/**
 * v86, an x86 emulator that compiles to WebAssembly: a guest program of its own does the loads, with
 * paging on, so that a hit is what its compiled code does, with no call between.
 */
export class V86Peer {
  readonly #emulator: V86;
  #ended: (loop: Loop) => void = doNothing;

  private constructor(emulator: V86) {
    this.#emulator = emulator;
    emulator.add_listener('serial0-output-byte', (byte: number) => {
      const loop = loops[byte];
      if (loop !== undefined) this.#ended(loop);
    });
  }

  static async start(): Promise<V86Peer> {
    const main = createRequire(import.meta.url).resolve('v86');
    const emulator = new V86({
      wasm_path: join(dirname(main), 'v86.wasm'),
      bios: { buffer: biosImage() },
      memory_size: MEMORY_BYTES,
      autostart: false,
      disable_keyboard: true,
      disable_mouse: true,
      disable_speaker: true,
    });
    await new Promise<void>((ready) => {
      emulator.add_listener('emulator-ready', ready);
    });
    for (const [bytes, at] of memoryImages()) emulator.write_memory(bytes, at);
    const peer = new V86Peer(emulator);
    for (let round = 0; round < WARM_UP; round += 1) await peer.round();
    return peer;
  }

  /** Nanoseconds a step of each loop, the loop itself included: the shortest of some times round. */
  async round(): Promise<Readonly<Record<Loop, number>>> {
    const best = {
      empty: Number.POSITIVE_INFINITY,
      hit: Number.POSITIVE_INFINITY,
      flushed: Number.POSITIVE_INFINITY,
    };
    let left = SLICES * loops.length;
    await new Promise<void>((done) => {
      let before = Number.NaN;
      this.#ended = (loop) => {
        const now = performance.now();
        const time = ((now - before) * NS_PER_MS) / (PASSES * LOADS);
        if (time < best[loop]) best[loop] = time;
        before = now;
        left -= 1;
        if (left === 0) done();
      };
      void this.#emulator.run();
    });
    this.#ended = doNothing;
    await this.#emulator.stop();
    return best;
  }
}

function doNothing(): void {
  // Nobody waits for a loop to end.
}
