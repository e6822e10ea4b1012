import { setMaxListeners } from 'node:events';
import { availableParallelism } from 'node:os';
import { Tinypool } from 'tinypool';
import type { Hunt } from '../properties/kill.js';
import { matrixRow, type MatrixRow } from '../properties/kill-matrix.js';
import { knownFaultIds } from '../properties/known-faults.js';
import { exitCodes, exitHelp, UsageError, type ExitCode } from './exit.js';
import { interruptible } from './interruptible.js';
import type { TimedKill } from './kill-worker.js';
import { painted } from './paint.js';
import { ProgressLine } from './progress.js';

/** What `faults` was asked for. */
export interface FaultsOptions {
  /** Campaigns against each fault, of the seeds 1, 2, 3 and so on. */
  readonly seeds: number;
  /** Lines after which a campaign gives up. */
  readonly steps: number;
  readonly shrink: boolean;
  /** Undefined for one process a processor. */
  readonly jobs: number | undefined;
  readonly json: boolean;
}

export const USUAL_SEEDS = 10;
export const USUAL_LINES = 200_000;

export const faultsHelp = `
Each fault in faults/ is a bug that a hypervisor had, told again in ours. A campaign of a seed is run
against it on the machine of its killer until the first failure. The canary comes first: if it lives,
nothing that follows means anything. The table has, for each fault, in how many campaigns it was found,
the lines until then (median and worst), the seconds of the median, the lines that the program is shrunk to
(from the shortest to the longest), how many different programs those are, and the failure it is known by.

Examples:
  xenolith faults canary owner-check-dropped
  xenolith faults --seeds 3 --no-shrink
${exitHelp}
A fault that survives a campaign is a mistake of the harness: exit code 3.`;

const CANARY = 'canary';
/** The canary gets at least so many lines: it must not live because the faults get few. */
const CANARY_LINES = 20_000;

/** Hunts faults with campaigns of several seeds, and shows which are found, how soon, and as what. */
export async function faults(ids: readonly string[], options: FaultsOptions): Promise<ExitCode> {
  const chosen = chosenFaults(ids);
  const filename = new URL('kill-worker.js', import.meta.url).href;
  const pool = new Tinypool({ filename, maxThreads: options.jobs ?? availableParallelism() });
  const rows: Row[] = [];
  try {
    await interruptible(async (signal) => {
      setMaxListeners(0, signal);
      const line = new ProgressLine(options.json);
      for (const id of chosen) {
        const row = rowOf(id, await killsOf(id, options, pool, signal, line));
        rows.push(row);
        line.clear();
        if (!options.json) console.log((rows.length === 1 ? HEAD : '') + rowText(row));
        if (id === CANARY && row.found < row.seeds) break;
      }
    });
  } catch (thrown) {
    // What was found before Ctrl-C is told.
    if (!isAbort(thrown)) throw thrown;
  } finally {
    await pool.destroy();
  }
  if (options.json) console.log(JSON.stringify({ ...options, asked: chosen.length, faults: rows }));
  else console.log(painted(summary(rows, chosen.length)));
  return survivors(rows).length === 0 ? exitCodes.agree : exitCodes.harness;
}

const isAbort = (thrown: unknown): boolean =>
  thrown instanceof Error && thrown.name === 'AbortError';

/** The faults of these ids, or all; the canary first. */
function chosenFaults(ids: readonly string[]): readonly string[] {
  const known = knownFaultIds();
  const [unknown] = ids.filter((id) => !known.includes(id));
  if (unknown !== undefined)
    throw new UsageError(`no fault '${unknown}'; the faults are the .fault files in faults/`);
  return [CANARY, ...(ids.length === 0 ? known : new Set(ids))].filter(
    (id, index) => index === 0 || id !== CANARY,
  );
}

/** The campaigns against one fault, as many at once as the pool has processes. */
function killsOf(
  fault: string,
  { seeds, steps, shrink }: FaultsOptions,
  pool: Tinypool,
  signal: AbortSignal,
  line: ProgressLine,
): Promise<readonly TimedKill[]> {
  const lines = fault === CANARY ? Math.max(steps, CANARY_LINES) : steps;
  let done = 0;
  const hunts = Array.from({ length: seeds }, (_, i) => {
    return { fault, seed: String(i + 1), lines, shrinks: shrink } satisfies Hunt;
  });
  return Promise.all(
    hunts.map(async (hunt) => {
      const kill: TimedKill = await pool.run(hunt, { signal });
      done++;
      line.tell(() => `${fault}: ${done} of ${seeds} campaigns`);
      return kill;
    }),
  );
}

/** What the campaigns against one fault came to, and how long they took. */
interface Row extends MatrixRow {
  readonly seconds: number;
}

function rowOf(fault: string, kills: readonly TimedKill[]): Row {
  const times = kills.map(({ milliseconds }) => milliseconds).toSorted((a, b) => a - b);
  const median = times[Math.floor((times.length - 1) / 2)] ?? 0;
  return { ...matrixRow(fault, kills), seconds: median / 1000 };
}

const survivors = (rows: readonly Row[]): readonly Row[] =>
  rows.filter(({ found, seeds }) => found < seeds);

const NAME = 40;
const COLUMN = 9;

const cells = (values: readonly (string | number)[]): string =>
  values.map((value) => String(value).padStart(COLUMN)).join('');

const HEAD = `${'fault'.padEnd(NAME)}${cells(['found', 'median', 'worst', 'seconds', 'shrunk', 'programs'])}  by\n`;

function rowText({ fault, found, seeds, seconds, by, ...row }: Row): string {
  const numbers = [row.median, row.worst, seconds.toFixed(1), rangeText(row.shrunk), row.programs];
  const others = by.length > 1 ? ` (and ${by.length - 1} more)` : '';
  return `${fault.padEnd(NAME)}${cells([`${found}/${seeds}`, ...numbers])}  ${by[0] ?? 'survives'}${others}`;
}

const rangeText = (range: MatrixRow['shrunk']): string => {
  if (range === undefined) return '';
  const [shortest, longest] = range;
  return shortest === longest ? String(shortest) : `${shortest}..${longest}`;
};

function summary(rows: readonly Row[], asked: number): string {
  const alive = survivors(rows).map(({ fault, found, seeds }) => `${fault} (${found} of ${seeds})`);
  const stopped = rows.length < asked ? `\nstopped after ${rows.length} of ${asked} faults` : '';
  const text =
    alive.length === 0
      ? `agree     ${rows.length} faults found in every campaign`
      : `harness_error  not found in every campaign: ${alive.join(', ')}`;
  return text + stopped;
}
