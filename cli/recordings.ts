import { basename } from 'node:path';
import { readRecording } from '../properties/recordings/decode.js';
import { replayOnImpl, replayOnModel } from '../properties/recordings/replay.js';
import { totalOf, type FileReport, type Tally } from '../properties/recordings/replay-on.js';
import { exitCodes, type ExitCode } from './exit.js';
import { filesIn } from './files.js';
import { painted } from './paint.js';
import { ProgressLine } from './progress.js';

/** What `recordings` was asked for. */
export interface RecordingsOptions {
  readonly only: string | undefined;
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
  const rows = filesIn(directory, ['.json', '.json.gz']).map((path): Row => {
    const recording = readRecording(path);
    const asked = {
      keep: options.keep,
      ...(options.only === undefined ? {} : { only: options.only }),
      progress: (done: number, of: number) => {
        line.tell(() => `${basename(path)}: ${done} of ${of} traces`);
      },
    };
    const spec = replayOnModel(recording, asked);
    return { file: basename(path), spec, hypervisor: replayOnImpl(recording, asked) };
  });
  line.clear();
  const spec = totalOf(
    rows.map((row) => row.spec),
    options.keep,
  );
  const hypervisor = totalOf(
    rows.map((row) => row.hypervisor),
    options.keep,
  );
  console.log(
    options.json
      ? JSON.stringify({
          files: rows.map(asJson),
          spec: tallyJson(spec),
          hypervisor: tallyJson(hypervisor),
        })
      : painted(asText(rows, spec, hypervisor)),
  );
  const isAgreed = spec.disagreementCount === 0 && hypervisor.disagreementCount === 0;
  return isAgreed ? exitCodes.agree : exitCodes.wrong;
}

function asText(rows: readonly Row[], spec: Tally, hypervisor: Tally): string {
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
    spec.disagreementCount + hypervisor.disagreementCount === 0 ? 'agree' : 'disagree',
  ].join('\n');
}

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
  disagreements: tally.disagreements,
});
