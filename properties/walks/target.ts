import type { DomainConfig, Machine } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';

/**
 * What recorded walks are replayed on. A target starts a machine for each case; everything else is
 * said to it in steps of the contract, by the first vcpu of domain 1.
 */
export interface WalkTarget {
  readonly name: string;
  /** The machine of a case as this target has it. */
  adjusted(machine: Machine): Machine;
  /** Starts a machine with domain 1 on it. */
  open(machine: Machine, config: DomainConfig): WalkSession;
}

/** A machine that answers each step in one way. */
export interface WalkSession {
  /** Carries out a step. Throws only where the target itself is broken. */
  perform(step: Step): Reply;
  /** A dword of the domain's memory, by its guest-physical address: a multiple of 4 in its RAM. */
  dwordAt(address: number): number;
  /** What is wrong inside: sentences, none where all is well. */
  audit(): readonly string[];
}
