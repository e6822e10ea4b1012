import type { Machine } from '../abi/machine.js';
import type { Observer } from '../abi/observer.js';
import type { System } from '../abi/system.js';

/** A fresh system under test, with what may be seen of it. */
export interface Subject {
  readonly system: System;
  /** Absent where a system shows nothing but its replies. */
  readonly observer: Observer | undefined;
  /** How often the system did what it counts, where it does. */
  counters?(): Readonly<Record<string, number>>;
  /** Called before each step, so that the work of one step can be bounded. */
  begin(): void;
}
export type MakeSubject = (machine: Machine) => Subject;

/** Far above what tearing down the largest domain of the largest preset takes. */
export const WORK_LIMIT = 1_000_000;

/** A step passed more stop points than any step may. */
export class WorkExceeded extends Error {
  override readonly name = 'WorkExceeded';

  constructor(point: string) {
    super(`one step passed stop point ${point} and ${WORK_LIMIT} others before it`);
  }
}
