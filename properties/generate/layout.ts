import type { Machine } from '../../abi/machine.js';

/** Where guests have what, as gfns: generators put things there, and look for them there. */
export interface Layout {
  /** The first page of RAM that guests use. */
  readonly ram: number;
  /** Grant frame 0, and status frame 0 of version 2; further frames follow each. */
  readonly table: number;
  readonly statusTable: number;
  /** Where guests put what has no place yet: few gfns, so that operations meet at them. */
  readonly holes: readonly number[];
  /** Each of these needs tables of the p2m that nothing else needs. */
  readonly distant: readonly number[];
}

/** RAM from gfn 0, everything near. */
export const usualLayout = ({ defaults }: Machine): Layout => ({
  ram: 0,
  table: defaults.tableGfn ?? 0x20,
  statusTable: 0x28,
  holes: [0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x30, 0x31],
  distant: [0x200, 0x201, 0x400, 0x4_0000, 0x4_0001, 0x8_0200, 2 ** 27, 2 ** 27 + 1],
});
