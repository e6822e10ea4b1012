import { bestOf, medianOf } from '../medians.js';
import { LARGE_TLB, SMALL_TLB } from './memory-bench.js';
import type { MemoryTimings } from './memory-bench.js';
import { ALL_PAGES, FEW_PAGES, LOADS } from './pattern.js';

const WIDTH = 52;
const NUMBER_WIDTH = 9;

type Pick = (timings: MemoryTimings) => number;

/** What loads cost, and beside it what they may cost: all ratios are of one round, then the median. */
export function memoryReport(rounds: readonly MemoryTimings[]): readonly string[] {
  const row = (what: string, pick: Pick): string =>
    [what.padEnd(WIDTH), cell(medianOf(rounds, pick)), cell(bestOf(rounds, pick))].join('');
  const ratio = (pick: Pick): string => medianOf(rounds, pick).toFixed(2);
  const spread = (what: string, few: Pick, all: Pick): string =>
    `${what}: ${ratio((t) => all(t) / few(t))} times as much with all pages as with few`;
  return [
    `loads of 4 bytes by a guest of 1 GiB in long mode, ${rounds.length} rounds, one core`,
    `passes of ${LOADS} loads, each in another page; flushed before each pass, each load misses`,
    `${'nanoseconds a load'.padEnd(WIDTH)}${'median'.padStart(NUMBER_WIDTH)}${'best'.padStart(NUMBER_WIDTH)}`,
    row('Uint32Array of 1 MiB, index computed for each load', (t) => t.array),
    row('four-level walk in an array that checks only P', (t) => t.naiveWalk),
    row('shadow: TLB hit', (t) => t.hits.shadow.near),
    row('  where an exit would be handled', (t) => t.reached),
    row('shadow: hit after a TLB flush', (t) => t.walks.shadow.near),
    row('shadow: exit, entry filled, A set', (t) => t.fill),
    row('hap: TLB hit', (t) => t.hits.hap.near),
    row('hap: 2-D walk after a TLB flush', (t) => t.walks.hap.near),
    row('v86: what a load adds to a loop that it compiled', (t) => t.v86Hit),
    row('v86: the same after CR3 is loaded', (t) => t.v86Flushed),
    '',
    row(`shadow: TLB hit, pass over ${pages(FEW_PAGES)}`, (t) => t.hits.shadow.few),
    row(`shadow: TLB hit, pass over ${pages(ALL_PAGES)}`, (t) => t.hits.shadow.all),
    row(`shadow: after a flush, ${pages(FEW_PAGES)}`, (t) => t.walks.shadow.few),
    row(`shadow: after a flush, ${pages(ALL_PAGES)}`, (t) => t.walks.shadow.all),
    row(`hap: TLB hit, pass over ${pages(FEW_PAGES)}`, (t) => t.hits.hap.few),
    row(`hap: TLB hit, pass over ${pages(ALL_PAGES)}`, (t) => t.hits.hap.all),
    row(`hap: after a flush, ${pages(FEW_PAGES)}`, (t) => t.walks.hap.few),
    row(`hap: after a flush, ${pages(ALL_PAGES)}`, (t) => t.walks.hap.all),
    '',
    row(`flush of a TLB of ${SMALL_TLB} entries`, (t) => t.flushSmall),
    row(`flush of a TLB of ${LARGE_TLB} entries`, (t) => t.flushLarge),
    '',
    `a TLB hit costs ${ratio((t) => t.hits.shadow.near / t.array)} times the array (target: at most 3)`,
    `and ${ratio((t) => t.hits.shadow.near / t.v86Hit)} times v86's (target: at most 1)`,
    `a miss that the shadow answers costs ${ratio((t) => t.walks.shadow.near - t.hits.shadow.near)} ns more (target: at most 25)`,
    `the large TLB is flushed at ${ratio((t) => t.flushLarge / t.flushSmall)} times the cost of the small one (target: 1)`,
    spread(
      'shadow, TLB hit',
      (t) => t.hits.shadow.few,
      (t) => t.hits.shadow.all,
    ),
    spread(
      'shadow, after a flush',
      (t) => t.walks.shadow.few,
      (t) => t.walks.shadow.all,
    ),
    spread(
      'hap, TLB hit',
      (t) => t.hits.hap.few,
      (t) => t.hits.hap.all,
    ),
    spread(
      'hap, after a flush',
      (t) => t.walks.hap.few,
      (t) => t.walks.hap.all,
    ),
    '(target: 1 but for the host: the entries of all pages lie in other lines, those of few share them)',
  ];
}

function pages(count: number): string {
  return `${count.toLocaleString('en')} mapped pages`;
}

function cell(nanoseconds: number): string {
  return nanoseconds.toFixed(2).padStart(NUMBER_WIDTH);
}
