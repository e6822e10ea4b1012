import type { DomainId, VcpuId } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type { Place } from './trace.js';
import type { Words } from './words.js';

/** Who makes a step. */
export interface Caller {
  readonly caller: DomainId;
  readonly vcpu: VcpuId;
}

/** The arguments of a line to read, and what their meaning hangs on. */
export interface Arguments {
  readonly text: string;
  readonly place: Place;
  /** The whole text as words. */
  readonly words: Words;
  readonly machine: Machine;
  /** The number of the line in the program. */
  readonly line: number;
}
