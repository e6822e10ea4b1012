import type { DomainId, Gfn, GrantRef } from '../../abi/ids.js';
import type { Machine } from '../../abi/machine.js';
import type { Boot, Line, UnmapLine } from '../../abi/program.js';

/** What is explored: a machine, how it begins, and everything that may happen to it, again and again. */
export interface Bound {
  readonly name: string;
  readonly sentence: string;
  readonly machine: Machine;
  readonly boot: readonly Boot[];
  /** Done once, before everything else. */
  readonly opening: readonly Line[];
  /** Tried in every state, in this order. */
  readonly acts: readonly Act[];
  readonly symmetry: Interchangeable;
}

/** A line that may be tried; an unmap says by its grant which mapping is meant. */
export type Act = Exclude<Line, UnmapLine> | UnmapAct;

/** Ends the caller's first mapping of this grant, in this mode; nothing where there is none. */
export interface UnmapAct {
  readonly op: 'unmap_grant';
  readonly caller: DomainId;
  readonly granter: DomainId;
  readonly ref: GrantRef;
  readonly readonly: boolean;
  /** Where it is said to be. */
  readonly gfn: Gfn;
}

/** Names that mean nothing by themselves: a program with some exchanged does the same. */
export interface Interchangeable {
  /** All guests have the same boot, opening and acts. */
  readonly domains: boolean;
  /** Gfns of a list are alike to every domain, each for itself. */
  readonly gfns: readonly (readonly number[])[];
  readonly refs: readonly (readonly number[])[];
}
