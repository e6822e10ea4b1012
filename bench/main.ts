import process from 'node:process';
import { exploreLines, timeExplore } from './explore/explore-bench.js';
import { recorded, timeLockStep, type Timings } from './lock-step.js';
import { bestOf, medianOf } from './medians.js';
import { MemoryBench } from './memory/memory-bench.js';
import type { MemoryTimings } from './memory/memory-bench.js';
import { memoryReport } from './memory/report.js';

/**
 * Ratios within one run, since machines differ and are busy: each round times everything once, one
 * after the other, and the median of the rounds is told. `npm run bench -- ROUNDS` for more rounds.
 */
const SEED = 'bench';
const WARM_UP = 2;
const DEFAULT_ROUNDS = 7;

const rounds = Number(process.argv[2] ?? DEFAULT_ROUNDS);
if (!Number.isInteger(rounds) || rounds < 1 || rounds > 1000) {
  console.error('usage: npm run bench -- [rounds from 1 to 1000]');
  process.exit(2);
}

// First, while the compiler has seen nothing else: a load takes nanoseconds.
const memory = await MemoryBench.make();
const loads: readonly MemoryTimings[] = await timesOf('loads', () => memory.round());
await memory.close();
const episodes = await recorded(SEED);
const all = await timesOf('lock-step', () => timeLockStep(SEED, episodes));
const explored = [timeExplore()];

const median = (pick: (timings: Timings) => number): number => medianOf(all, pick);
const best = (pick: (timings: Timings) => number): number => bestOf(all, pick);

const row = (what: string, pick: (timings: Timings) => number): string =>
  [
    what.padEnd(44),
    median(pick).toFixed(2).padStart(8),
    best(pick).toFixed(2).padStart(8),
    Math.round(1e6 / median(pick))
      .toLocaleString('en')
      .padStart(12),
  ].join('');

const alone = ({ model, hypervisor }: Timings): number => model + hypervisor;
const added = median((t) => t.lockStep / alone(t)) - 1;
const faster = median((t) => t.modelRun / t.lockStep);

console.log(
  [
    `preset small, ${all[0]?.steps ?? 0} steps a round, ${rounds} rounds, one core`,
    `${'microseconds a step'.padEnd(44)}${'median'.padStart(8)}${'best'.padStart(8)}${'steps/s'.padStart(12)}`,
    row('lock-step, default checks', (t) => t.lockStep),
    row('  the spec alone, same steps', (t) => t.model),
    row('  the hypervisor alone, same steps', (t) => t.hypervisor),
    row("fast-check's modelRun, replies compared only", (t) => t.modelRun),
    '',
    `the harness adds ${(100 * added).toFixed(0)} % to spec and hypervisor alone (target: at most 50 %)`,
    `lock-step is ${faster.toFixed(1)} times as fast as modelRun (target: at least 3)`,
    '',
    ...memoryReport(loads),
    '',
    ...exploreLines(explored),
  ].join('\n'),
);

/** What the rounds after the warm-up took. */
async function timesOf<Taken>(
  what: string,
  round: () => Promise<Taken>,
): Promise<readonly Taken[]> {
  const taken: Taken[] = [];
  for (let made = 0; made < WARM_UP + rounds; made++) {
    process.stderr.write(`\r${what}: round ${made + 1} of ${WARM_UP + rounds}   `);
    const timings = await round();
    if (made >= WARM_UP) taken.push(timings);
  }
  process.stderr.write('\r\u001b[K');
  return taken;
}
