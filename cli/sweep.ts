import { pagings, type Paging } from '../abi/machine.js';
import { failureJson, failureText, type FailureReport } from '../properties/report.js';
import type { MakeSubject } from '../properties/subject.js';
import { identityOf } from '../properties/identity.js';
import { SweepFailure } from '../properties/sweep/stage.js';
import { sweep as carryOut, sweepKinds, sweeps } from '../properties/sweep/sweep.js';
import type { Sweep, SweepKind, SweepResult } from '../properties/sweep/sweep.js';
import { exitCodes, exitHelp, UsageError, type ExitCode } from './exit.js';
import { subjectWith } from './options.js';
import { painted } from './paint.js';
import { ProgressLine } from './progress.js';
import { saveFailure, shrunken } from './save.js';

/** What `sweep` was asked for. */
export interface SweepOptions {
  /** Undefined for both. */
  readonly paging: Paging | undefined;
  /** The beginning of the names of the tables; undefined for all. */
  readonly mode: string | undefined;
  /** Empty for all. */
  readonly kind: readonly string[];
  readonly step: number;
  readonly out: string;
  readonly fault: readonly string[];
  readonly json: boolean;
}

export const sweepHelp = `
Nothing here is random. Kinds of sweeps:
  accesses    every access by every way through tables of a shape: the flags of its entries (P RW US A D
              NX, PAT or PS) and of the registers (WP SMEP SMAP NXE PSE), in all combinations; where it
              leads (RAM, a grant mapping, a readonly one, a hole); load, fetch, store, atomics; as user,
              kernel, kernel with AC, implicitly. The vcpu forgets before each: fresh walks answer
  remembered  the same, but the vcpu forgets every twelfth time only: what the spec allows may answer
  changes     an access, then one flag or frame of its way changed, then nothing, INVLPG or CR3, then
              another access; a second vcpu does the same and is never told to forget
  pairs       two accesses by one vcpu or two through aliases: shared lower tables, mapped tables,
              twins with other rights, superpages, grant mappings
Shapes of tables: 2-level-4k, 2-level-4m, pae-4k, pae-2m, 4-level-4k, 4-level-2m, 4-level-1g; pairs have
2-level, pae, 4-level. In long mode A and D vary in the leaf only, A also in the entry above a superpage; of
PAE's top level P varies only. All of it takes about two hours, --step 97 a few minutes. Stale are
accesses that were answered by what the vcpu remembered.

Examples:
  xenolith sweep --step 997
  xenolith sweep --paging shadow --mode pae-4k --kind accesses
${exitHelp}`;

/** What became of one sweep. */
interface Row {
  readonly chosen: Sweep;
  readonly paging: Paging;
  readonly seconds: number;
  readonly result: SweepResult | undefined;
  readonly saved: { readonly report: FailureReport; readonly path: string } | undefined;
}

/**
 * Makes every access there is by tables with every flag, and every pair of accesses and every change
 * between accesses out of a smaller set, on spec and hypervisor in lock-step. A sweep ends at its
 * first failure, which is shrunk and saved; the next one is made all the same.
 */
export async function sweep(options: SweepOptions): Promise<ExitCode> {
  const chosen = chosenSweeps(options);
  const make = await subjectWith(options.fault);
  const line = new ProgressLine(options.json);
  const rows: Row[] = [];
  for (const paging of options.paging === undefined ? pagings : [options.paging])
    for (const one of chosen) {
      const row = swept(one, paging, make, options, line);
      rows.push(row);
      line.clear();
      if (!options.json) console.log(painted(rowText(row, rows.length === 1)));
    }
  if (options.json)
    console.log(JSON.stringify({ step: options.step, sweeps: rows.map((row) => rowJson(row)) }));
  else console.log(painted(summary(rows)));
  const failures = rows.flatMap(({ saved }) => saved?.report.failure ?? []);
  if (failures.some(({ verdict }) => verdict === 'harness_error')) return exitCodes.harness;
  return failures.length === 0 ? exitCodes.agree : exitCodes.wrong;
}

function chosenSweeps({ mode, kind }: SweepOptions): readonly Sweep[] {
  const kinds = kind.length === 0 ? sweepKinds : kind.map(kindNamed);
  const found = sweeps.filter(
    (one) => kinds.includes(one.kind) && one.tables.startsWith(mode ?? ''),
  );
  if (found.length > 0) return found;
  const names = [...new Set(sweeps.map(({ tables }) => tables))];
  throw new UsageError(`no tables of mode '${mode ?? ''}'; there are ${names.join(', ')}`);
}

function kindNamed(name: string): SweepKind {
  const kind = sweepKinds.find((one) => one === name);
  if (kind === undefined)
    throw new UsageError(`no kind '${name}'; there are ${sweepKinds.join(', ')}`);
  return kind;
}

function swept(
  chosen: Sweep,
  paging: Paging,
  make: MakeSubject,
  options: SweepOptions,
  line: ProgressLine,
): Row {
  const start = line.elapsed();
  const row = { chosen, paging, result: undefined, saved: undefined };
  const seconds = (): number => (line.elapsed() - start) / 1000;
  try {
    const progress = ({ cases, counts }: SweepResult): void => {
      line.tell(() => `${nameOf(row)}: ${cases} cases, ${counts.accesses} accesses`);
    };
    const result = carryOut(chosen, { paging, make, step: options.step, progress });
    return { ...row, seconds: seconds(), result };
  } catch (thrown) {
    if (!(thrown instanceof SweepFailure)) throw thrown;
    const { failure, program } = thrown;
    const found = { identity: identityOf(failure), failure, program };
    line.tell(() => `shrinking ${found.identity}`);
    const fault = options.fault.length === 0 ? undefined : options.fault.join('+');
    const report = shrunken(found, make, fault, `sweep ${nameOf(row)}`);
    const path = saveFailure(options.out, report);
    return { ...row, seconds: seconds(), saved: { report, path } };
  }
}

const nameOf = ({ chosen, paging }: Pick<Row, 'chosen' | 'paging'>): string =>
  `${chosen.kind} ${chosen.tables} ${paging}`;

const NAME = 30;
const columns = ['cases', 'of', 'accesses', 'done', 'faults', 'crashes', 'stale', 'seconds'];
const cells = (values: readonly (string | number)[]): string =>
  values.map((value) => String(value).padStart(10)).join('');

function rowText(row: Row, isFirst: boolean): string {
  const { result, saved, seconds } = row;
  const head = isFirst ? `${'sweep'.padEnd(NAME)}${cells(columns)}\n` : '';
  if (saved !== undefined)
    return `${head}${nameOf(row)}\n${failureText(saved.report)}\nsaved     ${saved.path}\n`;
  if (result === undefined) return head;
  const { accesses, done, faults, crashes, stale } = result.counts;
  const counts = [result.cases, result.all, accesses, done, faults, crashes, stale];
  return head + nameOf(row).padEnd(NAME) + cells([...counts, seconds.toFixed(1)]);
}

function summary(rows: readonly Row[]): string {
  const accesses = rows.reduce((sum, { result }) => sum + (result?.counts.accesses ?? 0), 0);
  const failed = rows.filter(({ saved }) => saved !== undefined).length;
  return failed === 0
    ? `agree: ${accesses} accesses in ${rows.length} sweeps`
    : `disagree: ${failed} of ${rows.length} sweeps`;
}

const rowJson = ({ chosen, paging, seconds, result, saved }: Row): object => ({
  ...chosen,
  paging,
  seconds,
  ...(result === undefined ? {} : { cases: result.cases, all: result.all, ...result.counts }),
  ...(saved === undefined ? {} : { failure: failureJson(saved.report), saved: saved.path }),
});
