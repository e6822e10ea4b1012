import * as abi from '../../abi/control.js';
import { DomainId, GrantRef, GuestPhysical, Gfn, VcpuId } from '../../abi/ids.js';
import {
  GNTMAP_host_map,
  GNTMAP_readonly,
  GTF_permit_access,
  GTF_readonly,
} from '../../abi/grant-table.js';
import { presets, type Machine, type Paging } from '../../abi/machine.js';
import type { Boot, Line } from '../../abi/program.js';
import { PAGE_BYTES, type Word } from '../../abi/word.js';
import type { Mode } from '../../model/registers.js';
import { defaultBoot } from '../walker.js';

/** The machine that sweeps run on, and its two guests: the second lends the first two pages. */

export const GUEST = DomainId(1);
const LENDER = DomainId(2);

/** Room enough that no shadow has to go for another one. */
export const sweepMachine = (paging: Paging): Machine => {
  return { ...presets.paged, paging, p2mTableFrames: 12, shadowFrames: 48 };
};

export const sweepBoot = (machine: Machine): readonly Boot[] => defaultBoot(machine);

export interface Registers {
  readonly cr0: number;
  readonly cr4: number;
  readonly efer: number;
}

export interface Entry {
  readonly table: Gfn;
  readonly index: number;
  readonly width: 4 | 8;
  readonly value: Word;
}

/** Paging in a mode, with all that forbids accesses or with as little of it as there can be. */
export function registersOf(mode: Mode, isStrict: boolean): Registers {
  const format = mode === '2-level' ? abi.CR4_PSE : abi.CR4_PAE;
  return {
    cr0: (abi.CR0_AT_START | abi.CR0_PG | (isStrict ? abi.CR0_WP : 0)) >>> 0,
    cr4: format | (isStrict ? abi.CR4_SMEP | abi.CR4_SMAP : 0),
    efer: (mode === '4-level' ? abi.EFER_LME : 0) | abi.EFER_NXE,
  };
}

/** What the p2m of the guest may have at a frame that an entry maps. */
export const targets = ['ram', 'grant_rw', 'grant_ro', 'hole'] as const;
export type Target = (typeof targets)[number];

/** Where it has it. */
export const gfnOf: Readonly<Record<Target, Gfn>> = {
  ram: Gfn(1),
  grant_rw: Gfn(0x40),
  grant_ro: Gfn(0x41),
  hole: Gfn(0x50),
};

/** The lines that put the grant mappings in their places. */
export function openingLines({ defaults }: Machine): readonly Line[] {
  const table = Gfn(defaults.tableGfn ?? 0);
  const lent = (ref: number, page: number, flags: number): Line => ({
    op: 'grant',
    caller: LENDER,
    vcpu: VcpuId(0),
    ref: GrantRef(ref),
    table,
    version: 1,
    flags,
    to: GUEST,
    frame: page,
    detail: { is: 'none' },
  });
  const element = (ref: number, target: Target, flags: number) => {
    const address = GuestPhysical(gfnOf[target] * PAGE_BYTES);
    return { granter: LENDER, ref: GrantRef(ref), address, flags };
  };
  return [
    lent(3, 2, GTF_permit_access),
    lent(4, 3, GTF_permit_access | GTF_readonly),
    {
      op: 'map',
      caller: GUEST,
      vcpu: VcpuId(0),
      elements: [
        element(3, 'grant_rw', GNTMAP_host_map),
        element(4, 'grant_ro', GNTMAP_host_map | GNTMAP_readonly),
      ],
    },
  ];
}
