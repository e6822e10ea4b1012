import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from '../faults/fault.js';
import { parseFault } from '../faults/parse.js';
import { projectRoot } from './faulted.js';

const ENDING = '.fault';

/** The ids of all faults in `faults/`, in alphabetical order. */
export const knownFaultIds = (): readonly string[] =>
  readdirSync(join(projectRoot(), 'faults'))
    .filter((name) => name.endsWith(ENDING))
    .map((name) => name.slice(0, -ENDING.length))
    .toSorted();

/** Reads a fault by its id. Throws FaultError where the file is not as drawn in faults/parse.ts. */
export const knownFault = (id: string): Fault =>
  parseFault(id, readFileSync(join(projectRoot(), 'faults', `${id}${ENDING}`), 'utf8'));

/** Two faults in one hypervisor. */
export const together = (one: Fault, other: Fault): Fault => ({
  id: `${one.id}+${other.id}`,
  title: `${one.title} ${other.title}`,
  kin: `${one.kin}; ${other.kin}`,
  breaks: [...one.breaks, ...other.breaks],
  changes: [...one.changes, ...other.changes],
});
