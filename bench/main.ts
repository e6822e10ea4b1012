import process from 'node:process';
import { recorded, timeLockStep, type Timings } from './lock-step.js';

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

const episodes = await recorded(SEED);
const all: Timings[] = [];
for (let round = 0; round < WARM_UP + rounds; round++) {
  process.stderr.write(`\rround ${round + 1} of ${WARM_UP + rounds}   `);
  const timings = await timeLockStep(SEED, episodes);
  if (round >= WARM_UP) all.push(timings);
}
process.stderr.write('\r\u001b[K');

const median = (pick: (timings: Timings) => number): number => {
  const sorted = all.map(pick).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};
const best = (pick: (timings: Timings) => number): number => Math.min(...all.map(pick));

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
  ].join('\n'),
);
