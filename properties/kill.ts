import { campaign } from './campaign.js';
import { fingerprint } from './canonical.js';
import { faultedSubjects } from './faulted.js';
import type { Identity } from './identity.js';
import { machineOf, type Killer } from './killer.js';
import { killers } from './killers.js';
import { knownFault } from './known-faults.js';
import { shrink } from './shrink.js';

/** A fault that a campaign of one seed is to find. */
export interface Hunt {
  readonly fault: string;
  readonly seed: string;
  /** Lines after which the campaign gives up. */
  readonly lines: number;
  /** Whether what is found is shrunk as well. */
  readonly shrinks: boolean;
}

/** What came of a hunt. */
export interface Kill {
  readonly fault: string;
  readonly seed: string;
  /** Lines up to the first failure, or as many as were tried. */
  readonly lines: number;
  /** The first failure; undefined where the fault survives. */
  readonly by: Identity | undefined;
  /** Lines of the shrunk program, and what is the same of two that differ in names only. */
  readonly shrunk: { readonly lines: number; readonly fingerprint: string } | undefined;
}

/** The killer of a fault of this id; undefined where there is no such fault. */
export const killerOf = (id: string): Killer | undefined =>
  Object.entries(killers).find(([known]) => known === id)?.[1];

/**
 * Runs a campaign of a seed on the machine of the fault's killer until its first failure, whatever
 * that is: without the fault there is none. Throws FaultError where the fault does not fit the sources.
 */
export async function kill({ fault, seed, lines, shrinks }: Hunt): Promise<Kill> {
  const killer = killerOf(fault);
  if (killer === undefined) throw new Error(`nobody hunts ${fault}`);
  const make = await faultedSubjects(knownFault(fault));
  let clean = 0;
  const result = await campaign({
    seed,
    machine: machineOf(killer),
    make,
    lines,
    failures: 1,
    progress: (now) => {
      if (now.found === 0) clean = now.lines;
    },
  });
  const [first] = result.found;
  if (first === undefined)
    return { fault, seed, lines: result.lines, by: undefined, shrunk: undefined };
  const { identity, program } = first;
  const small = shrinks ? shrink(program, identity, make)?.program : undefined;
  const shrunk =
    small === undefined
      ? undefined
      : { lines: small.lines.length, fingerprint: fingerprint(small) };
  return { fault, seed, lines: clean + program.lines.length, by: identity, shrunk };
}
