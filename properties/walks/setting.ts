import type { DomainConfig, Machine, PageRun } from '../../abi/machine.js';
import { presets } from '../../abi/machine.js';
import type { Step } from '../../abi/step.js';
import { registersOf, storing, turningOn } from './course.js';
import { reachOf, type Reach } from './reach.js';
import type { WalkCase } from './recorded-case.js';
import { wordOf } from './words.js';

/** A case ready to be run: a machine, a domain with the memory it needs, and steps to fill it. */
export interface Setting {
  readonly machine: Machine;
  readonly config: DomainConfig;
  readonly reach: Reach;
  /** Fill memory, then turn paging on. Each has to be `stored` or `done`. */
  readonly boot: readonly Step[];
}

/** So many that what a case uses is seldom pushed out before it is edited. */
const TLB_ENTRIES = 256;
/** Tables above level 1: all memory of the recordings is below 1 GiB. */
const UPPER_TABLES = 3;

/** Sets the stage for a case on the machine that `adjusted` makes of its own. */
export function settingOf(one: WalkCase, adjusted: (machine: Machine) => Machine): Setting {
  const reach = reachOf(one);
  const count = reach.gfns.length;
  const config: DomainConfig = {
    ram: runsOf(reach.gfns),
    maximumPages: count,
    grantFrames: 1,
    maptrackFrames: 1,
    grantVersion: 1,
    tableGfn: undefined,
  };
  const machine = adjusted({
    ...presets.small,
    name: 'recorded',
    domains: 1,
    vcpus: 1,
    guestFrames: count,
    p2mTableFrames: UPPER_TABLES + new Set(reach.gfns.map((gfn) => gfn >>> 9)).size,
    paging: 'hap',
    cpu: {
      addressBits: one.cpu.addressBits,
      gibPages: one.cpu.gibPages,
      pse36: one.cpu.addressBits > 32,
      protectionKeys: one.cpu.protectionKeys,
    },
    shadowFrames: shadowFramesFor(count),
    tlbEntries: TLB_ENTRIES,
    defaults: config,
  });
  const filling = [...reach.dwords]
    .filter(([, value]) => value !== 0)
    .map(([address, value]) => storing(address, 4, wordOf(value)));
  return { machine, config, reach, boot: [...filling, ...turningOn(one, registersOf(one))] };
}

/** Enough for all tables of a case at once, in more than one mode's format. */
const shadowFramesFor = (pages: number): number => 32 + 4 * pages;

function runsOf(gfns: readonly number[]): readonly PageRun[] {
  const runs: { gfn: number; count: number }[] = [];
  for (const gfn of gfns) {
    const last = runs.at(-1);
    if (last !== undefined && last.gfn + last.count === gfn) last.count++;
    else runs.push({ gfn, count: 1 });
  }
  return runs;
}
