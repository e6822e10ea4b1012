import { presets, type DomainConfig, type Machine } from '../../../abi/machine.js';
import { percent, pick, type Choose } from '../../choose.js';
import type { Layout } from '../../generate/layout.js';
import { NESTED_PAGING_FRAMES } from '../machine-for.js';
import { programPages } from '../toolstack.js';

/** Where the guests of the rig have what. Its own program is at gfn 0x100, and is left alone. */
export const rigLayout: Layout = {
  ram: 0x1000,
  table: 0x2000,
  statusTable: 0x2800,
  holes: [
    0x3000, 0x3001, 0x3002, 0x3003, 0x3004, 0x3005, 0x3006, 0x3007, 0x3008, 0x6000, 0x6001, 0,
  ],
  distant: [0x200, 0x201, 0x400, 0x4_0000, 0x4_0001, 0x8_0200, 2 ** 27, 2 ** 27 + 1],
};

/** Which domains a program may have; the rig has room for more. */
const DOMAINS = [2, 3, 3] as const;

/**
 * A machine that the rig can have: Xen's sizes, with one vcpu and nested paging. Its memory never
 * runs out, since nobody knows how much the recorded host has left.
 */
export function rigMachine(choose: Choose): Machine {
  const { xen } = presets;
  const domains = pick(choose, DOMAINS);
  const ram = pick(choose, [4, 8, 16, 16, 32]);
  const defaults: DomainConfig = {
    ...xen.defaults,
    ram: [programPages, { gfn: rigLayout.ram, count: ram }],
    maximumPages: programPages.count + ram + pick(choose, [2, 8, 8, 64]),
    grantFrames: pick(choose, [1, 2, 4, 4]),
    maptrackFrames: pick(choose, [1, 4]),
    grantVersion: percent(choose, 90) ? 2 : 1,
  };
  const p2mTableFrames = percent(choose, 25) ? pick(choose, [12, 14, 16, 20]) : xen.p2mTableFrames;
  return { ...xen, name: 'rig', domains, guestFrames: domains * 256, p2mTableFrames, defaults };
}

/** The p2m's pool of a machine as the rig is told it, in bytes. */
export const poolBytes = ({ p2mTableFrames }: Machine): number =>
  (p2mTableFrames + NESTED_PAGING_FRAMES) * 4096;
