import { basename } from 'node:path';
import { totalCount, type Counts } from '../properties/walks/case-report.js';
import { readWalks } from '../properties/walks/decode.js';
import { replayerOf, replayFile, subjects, type Subject } from '../properties/walks/replay.js';
import { totalOf, type WalkTally } from '../properties/walks/tally.js';
import { exitCodes, UsageError, type ExitCode } from './exit.js';
import { filesIn } from './files.js';
import { painted } from './paint.js';
import { ProgressLine } from './progress.js';

/** The recorders' own table of contents, which may lie beside the cases. */
const SUMMARY = 'SUMMARY.';

/** What `walks` was asked for. */
export interface WalksOptions {
  /** Empty for all. */
  readonly on: readonly string[];
  readonly only: string | undefined;
  readonly keep: number;
  readonly json: boolean;
}

/** The tallies of one subject, file by file. */
interface Column {
  readonly subject: Subject;
  readonly files: readonly WalkTally[];
  readonly total: WalkTally;
}

/**
 * Replays what x86 processors answered to linear accesses on the spec, the simulated processor and
 * guests under both kinds of paging, and tells for each how many answers agree and which do not.
 */
export function walks(directory: string, options: WalksOptions): ExitCode {
  const chosen = options.on.length === 0 ? subjects : options.on.map(subjectNamed);
  const line = new ProgressLine(options.json);
  const replays = new Map(chosen.map((subject) => [subject, replayerOf(subject)]));
  const files = filesIn(directory, ['.json', '.json.gz'])
    .filter((path) => !basename(path).startsWith(SUMMARY))
    .map((path) => readWalks(path));
  const columns = [...replays].map(([subject, replay]): Column => {
    const tallies = files.map((file) =>
      replayFile(file, replay, {
        keep: options.keep,
        ...(options.only === undefined ? {} : { only: options.only }),
        progress: (done, of) => {
          line.tell(() => `${subject}: ${file.name}: ${done} of ${of} cases`);
        },
      }),
    );
    return { subject, files: tallies, total: totalOf(tallies) };
  });
  line.clear();
  if (columns.every(({ total }) => total.cases === 0))
    throw new UsageError(`${directory}: no case whose name contains '${options.only ?? ''}'`);
  const names = files.map(({ name }) => name);
  console.log(
    options.json ? JSON.stringify(asJson(names, columns)) : painted(asText(names, columns)),
  );
  const isAgreed = columns.every(({ total }) => total.disagreementCount === 0);
  return isAgreed ? exitCodes.agree : exitCodes.wrong;
}

function subjectNamed(name: string): Subject {
  const subject = subjects.find((one) => one === name);
  if (subject === undefined)
    throw new UsageError(`no target '${name}'; there are ${subjects.join(', ')}`);
  return subject;
}

function asText(names: readonly string[], columns: readonly Column[]): string {
  const width = Math.max(...names.map(({ length }) => length), 'file'.length);
  const row = (name: string, ...cells: readonly (string | number)[]): string =>
    [name.padEnd(width), ...cells.map((cell) => String(cell).padStart(10))].join('');
  const [first] = columns;
  const sizes = ({ cases, steps, entries }: WalkTally): readonly number[] => [
    cases,
    totalCount(steps),
    totalCount(entries),
  ];
  const rows = names.flatMap((name, i) => {
    const tallies = columns.flatMap(({ files }) => files[i] ?? []);
    const [one] = tallies;
    if (one === undefined || one.cases === 0) return [];
    return [row(name, ...sizes(one), ...tallies.map((tally) => tally.disagreementCount))];
  });
  const totals = columns.map(({ total }) => total.disagreementCount);
  return [
    row('file', 'cases', 'steps', 'entries', ...columns.map(({ subject }) => subject)),
    ...rows,
    ...(first === undefined ? [] : [row('all', ...sizes(first.total), ...totals)]),
    '',
    `The last ${columns.length === 1 ? 'column counts' : 'columns count'} disagreements.`,
    ...columns.flatMap(columnText),
    totals.every((count) => count === 0) ? 'agree' : 'disagree',
  ].join('\n');
}

function columnText({ subject, total }: Column): readonly string[] {
  return [
    '',
    `${subject}:`,
    countsText('steps', total.steps),
    countsText('entries in the end', total.entries),
    countsText('other dwords in the end', total.dwords),
    ...namedCounts('disputed, with our reading', [total.steps, total.entries], 'disputed'),
    ...namedCounts('not offered', [total.steps, total.entries], 'notOffered'),
    ...total.disagreements.flatMap(({ file, index, case: name, where, expected, got }) => [
      `  DISAGREE ${file}/${name} (case ${index}), ${where}`,
      `    expected ${expected}`,
      `    got      ${got}`,
    ]),
  ];
}

const countsText = (what: string, counts: Counts): string =>
  [
    `  ${totalCount(counts)} ${what}: ${counts.agrees} agree`,
    `${counts.loose} loose, inside the allowed set`,
    `${summed(counts.disputed)} disputed`,
    `${summed(counts.notOffered)} not offered`,
    `${counts.disagrees} DISAGREE`,
  ].join(', ');

const summed = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, count) => sum + count, 0);

/** Steps and entries by the name of what they are disputed for, or need. */
function namedCounts(
  title: string,
  parts: readonly Counts[],
  which: 'disputed' | 'notOffered',
): readonly string[] {
  const names = [...new Set(parts.flatMap((counts) => [...counts[which].keys()]))].toSorted();
  if (names.length === 0) return [];
  return [
    `  ${title} (steps / entries):`,
    ...names.map((name) => {
      const cells = parts.map((counts) => String(counts[which].get(name) ?? 0).padStart(7));
      return `  ${cells.join(' /')}  ${name}`;
    }),
  ];
}

const asJson = (names: readonly string[], columns: readonly Column[]): object =>
  Object.fromEntries(
    columns.map(({ subject, files, total }) => [
      subject,
      {
        ...tallyJson(total),
        files: Object.fromEntries(
          files.flatMap((tally, i) => {
            const name = names[i];
            return name === undefined ? [] : [[name, tallyJson(tally)]];
          }),
        ),
      },
    ]),
  );

const tallyJson = (tally: WalkTally): object => ({
  cases: tally.cases,
  steps: countsJson(tally.steps),
  entries: countsJson(tally.entries),
  dwords: countsJson(tally.dwords),
  disagreementCount: tally.disagreementCount,
  disagreements: tally.disagreements,
});

const countsJson = (counts: Counts): object => ({
  agrees: counts.agrees,
  loose: counts.loose,
  disputed: Object.fromEntries(counts.disputed),
  notOffered: Object.fromEntries(counts.notOffered),
  disagrees: counts.disagrees,
});
