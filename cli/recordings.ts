import { basename } from 'node:path';
import type { Paging } from '../abi/machine.js';
import { readRecording } from '../properties/recordings/decode.js';
import type { Divergence } from '../divergences/divergence.js';
import { divergencesOf } from '../divergences/divergences.js';
import { replayOnImpl, replayOnModel } from '../properties/recordings/replay.js';
import { totalOf, type FileReport, type Tally } from '../properties/recordings/replay-on.js';
import { exitCodes, exitHelp, UsageError, type ExitCode } from './exit.js';
import { filesIn } from './files.js';
import { painted } from './paint.js';
import { ProgressLine } from './progress.js';

export const recordingsHelp = `
Each trace is what a real Xen answered, step by step. It is judged up to its first operation that is
not built. Where the recorded host is known to differ, the divergence is declared with its reason: it
is told and counted apart, and one that never shows is a mistake of the list (exit 3).

With --export, programs of our own walker are written as steps for the instrument that made the
recordings (node run-trace.mjs RECORDING PROGRAMS); what it answers is judged like any other recording.

Examples:
  xenolith recordings --only random-copy-1/
  xenolith recordings --export 300 --seed a --emphasis grants --out programs.json
  xenolith recordings recording.json
  xenolith recordings /path/to/recordings --paging shadow
${exitHelp}`;

/** What `recordings` was asked for. */
export interface RecordingsOptions {
  readonly only: string | undefined;
  /** How the recorded host served its guests’ page tables. */
  readonly paging: Paging;
  readonly keep: number;
  readonly json: boolean;
}

interface Row {
  readonly file: string;
  readonly spec: FileReport;
  readonly hypervisor: FileReport;
}

/**
 * Replays recordings of a real hypervisor on the spec and on ours, and tells for each file how many
 * results were compared, which disagree, and how many were not judged. A trace is judged up to its
 * first operation that is not built; what comes after that is never counted as agreed.
 */
export function recordings(directory: string, options: RecordingsOptions): ExitCode {
  const line = new ProgressLine(options.json);
  const divergences = divergencesOf(options.paging);
  const rows = filesIn(directory, ['.json', '.json.gz']).map((path): Row => {
    const recording = readRecording(path);
    const asked = {
      keep: options.keep,
      paging: options.paging,
      divergences,
      ...(options.only === undefined ? {} : { only: options.only }),
      progress: (done: number, of: number) => {
        line.tell(() => `${basename(path)}: ${done} of ${of} traces`);
      },
    };
    const spec = replayOnModel(recording, asked);
    return { file: basename(path), spec, hypervisor: replayOnImpl(recording, asked) };
  });
  line.clear();
  if (options.only !== undefined && rows.every(({ spec }) => spec.traces.length === 0))
    throw new UsageError(`no trace in ${directory} has a name that contains '${options.only}'`);
  const spec = totalOf(
    rows.map((row) => row.spec),
    options.keep,
  );
  const hypervisor = totalOf(
    rows.map((row) => row.hypervisor),
    options.keep,
  );
  const unused = options.only === undefined ? neverShown(divergences, rows) : [];
  console.log(
    options.json
      ? JSON.stringify({
          files: rows.map(asJson),
          spec: tallyJson(spec),
          hypervisor: tallyJson(hypervisor),
          unused: unused.map((one) => ({ id: one.id, file: whereOf(one) })),
        })
      : painted(asText(rows, spec, hypervisor, unused)),
  );
  if (unused.length > 0) return exitCodes.harness;
  const isAgreed = spec.disagreementCount === 0 && hypervisor.disagreementCount === 0;
  return isAgreed ? exitCodes.agree : exitCodes.wrong;
}

/** Divergences that are declared for a file that was replayed, and did not show. */
const neverShown = (divergences: readonly Divergence[], rows: readonly Row[]): Divergence[] =>
  divergences.filter((one) => {
    if (!('file' in one)) return false;
    const row = rows.find(({ file }) => file.split('.')[0] === one.file);
    return row !== undefined && !(row.spec.diverged.has(one) && row.hypervisor.diverged.has(one));
  });

function asText(
  rows: readonly Row[],
  spec: Tally,
  hypervisor: Tally,
  unused: readonly Divergence[],
): string {
  const width = Math.max(...rows.map(({ file }) => file.length), 'file'.length);
  const row = (file: string, ...cells: readonly (string | number)[]): string =>
    [file.padEnd(width), ...cells.map((cell) => String(cell).padStart(11))].join('');
  return [
    row('file', 'compared', 'spec', 'hypervisor', 'not judged'),
    ...rows.flatMap((one) => [
      row(
        one.file,
        one.spec.judged,
        one.spec.disagreementCount,
        one.hypervisor.disagreementCount,
        one.spec.notJudged,
      ),
      ...disagreements('spec', one.spec),
      ...disagreements('hypervisor', one.hypervisor),
    ]),
    row('all', spec.judged, spec.disagreementCount, hypervisor.disagreementCount, spec.notJudged),
    '',
    `${percentage(spec)} % of ${spec.judged + spec.notJudged} results judged; columns spec and`,
    'hypervisor count disagreements. Judging a trace ends where something is not built yet:',
    ...[...spec.stops].map(([why, count]) => `  ${String(count).padStart(5)} traces at ${why}`),
    ...declared(spec, hypervisor),
    ...unused.map(
      (one) => `  UNUSED ${one.id}: it is declared for ${whereOf(one)} and does not show`,
    ),
    spec.disagreementCount + hypervisor.disagreementCount === 0 ? 'agree' : 'disagree',
  ].join('\n');
}

/** Divergences that showed: on how many results, or where they end traces on how many traces. */
function declared(spec: Tally, hypervisor: Tally): readonly string[] {
  const all = new Map<string, Divergence[]>();
  for (const one of new Set([...spec.diverged.keys(), ...hypervisor.diverged.keys()])) {
    const key = `${one.id} in ${whereOf(one)}`;
    all.set(key, [...(all.get(key) ?? []), one]);
  }
  if (all.size === 0) return [];
  const sum = ({ diverged }: Tally, ones: readonly Divergence[]): number =>
    ones.reduce((total, one) => total + (diverged.get(one) ?? 0), 0);
  return [
    '',
    'Declared divergences of the recorded host (spec, hypervisor):',
    ...[...all.values()].flatMap((ones) => {
      const [one] = ones;
      if (one === undefined) return [];
      const counts = [spec, hypervisor].map((tally) => sum(tally, ones));
      const what = 'stop' in one ? 'traces end' : 'results';
      return [`  ${one.id}: ${counts.join(', ')} ${what} in ${whereOf(one)}`, `    ${one.reason}`];
    }),
    '',
  ];
}

const whereOf = (one: Divergence): string => ('file' in one ? one.file : 'any file');

const percentage = ({ judged, notJudged }: Tally): string =>
  ((100 * judged) / Math.max(1, judged + notJudged)).toFixed(1);

const disagreements = (who: string, tally: Tally): readonly string[] =>
  tally.disagreements.flatMap(({ trace, index, step, expected, got }) => [
    `  ${who} in ${trace}, step ${index}: ${step}`,
    `    expected ${expected}`,
    `    got      ${got}`,
  ]);

const asJson = ({ file, spec, hypervisor }: Row): object => ({
  file,
  spec: tallyJson(spec),
  hypervisor: tallyJson(hypervisor),
});

const tallyJson = (tally: Tally): object => ({
  judged: tally.judged,
  notJudged: tally.notJudged,
  stops: Object.fromEntries(tally.stops),
  disagreementCount: tally.disagreementCount,
  diverged: [...tally.diverged].map(([one, count]) => ({
    id: one.id,
    file: whereOf(one),
    count,
    reason: one.reason,
  })),
  disagreements: tally.disagreements,
});
