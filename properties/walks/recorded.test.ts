import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultOptions } from '../../impl/options.js';
import { totalCount, type Counts } from './case-report.js';
import { guestUnder } from './hypervisor-target.js';
import { on, replayerOf, replayFile, type ReplayCase } from './replay.js';
import type { WalkTally } from './tally.js';
import { recordedFile, recordedFolder, recordedNames } from './testing/recorded-files.js';

/** Of each file: cases, steps, those of them that are loose and disputed, and table entries. */
const pins = [
  ['ad', 10, 228, 0, 3, 453],
  ['canon', 14, 1378, 0, 80, 58],
  ['cross', 22, 234, 0, 78, 732],
  ['desc', 7, 328, 0, 72, 774],
  ['pdpte', 39, 514, 0, 54, 289],
  ['perm-2-level', 8, 156, 0, 2, 228],
  ['perm-4-level', 11, 240, 0, 5, 624],
  ['perm-pae', 10, 216, 0, 3, 348],
  ['permr-2-level', 21, 336, 0, 22, 496],
  ['permr-4-level', 14, 224, 0, 24, 674],
  ['permr-pae', 19, 304, 0, 30, 525],
  ['pke', 8, 252, 0, 42, 777],
  ['ps', 11, 356, 0, 45, 898],
  ['pse36', 58, 116, 0, 9, 116],
  ['rsvd-4-level', 7, 155, 0, 64, 430],
  ['rsvd-pae', 7, 149, 0, 100, 227],
  ['soup-2-level', 13, 639, 0, 0, 468],
  ['soup-4-level', 15, 840, 0, 139, 540],
  ['soup-pae', 15, 744, 0, 19, 495],
  ['superpage', 16, 320, 0, 0, 572],
  ['tlb-2-level', 149, 1743, 255, 0, 488],
  ['tlb-4-level', 44, 372, 20, 3, 199],
  ['tlb-pae', 182, 1999, 290, 9, 848],
  ['toggle', 6, 525, 240, 0, 94],
] as const;

const allOff = Object.fromEntries(Object.keys(defaultOptions).map((name) => [name, false]));

const targets: readonly (readonly [string, ReplayCase])[] = [
  ['the spec', replayerOf('spec')],
  ['the processor', replayerOf('hardware')],
  ['a guest under shadow paging', replayerOf('shadow')],
  ['a guest under nested paging', replayerOf('hap')],
  ['shadow paging with every optimisation off', on(guestUnder('shadow', allOff))],
];

const sizes = ({ cases, steps, entries }: WalkTally): readonly number[] => [
  cases,
  totalCount(steps),
  steps.loose,
  disputed(steps),
  totalCount(entries),
];

const disputed = (counts: Counts): number =>
  [...counts.disputed.values()].reduce((sum, count) => sum + count, 0);

const notOffered = (tally: WalkTally): readonly string[] =>
  [tally.steps, tally.entries, tally.dwords].flatMap(({ notOffered: some }) => [...some.keys()]);

test('every recording of the folder is pinned', () => {
  expect(recordedNames).toEqual(pins.map(([name]) => name));
});

describe.each(pins)('%s', (name, ...pinned) => {
  const file = recordedFile(name);

  test('is the file that was recorded', () => {
    const bytes = readFileSync(join(recordedFolder, `${name}.json.gz`));
    const sum = createHash('sha256').update(bytes).digest('hex');
    const readme = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
    expect(readme).toContain(`${sum}  ${name}.json.gz\n`);
  });

  test.each(targets)('%s answers as recorded', (who, replay) => {
    const tally = replayFile(file, replay);
    expect(tally.disagreements).toEqual([]);
    const [cases, steps, , , entries] = sizes(tally);
    expect([cases, steps, entries]).toEqual([pinned[0], pinned[1], pinned[4]]);
    if (who.includes('shadow')) return;
    expect(sizes(tally)).toEqual(pinned);
    expect(notOffered(tally)).toEqual([]);
  });
});

test.each([
  ['superpage', '1 GiB pages'],
  ['pse36', 'PSE36'],
  ['pke', 'protection keys'],
])('in %s a guest under shadow paging lacks %s', (name, feature) => {
  expect(notOffered(replayFile(recordedFile(name), replayerOf('shadow')))).toContain(feature);
});

test.each(['cross', 'soup-pae', 'tlb-pae', 'toggle'])('in %s it lacks nothing', (name) => {
  expect(notOffered(replayFile(recordedFile(name), replayerOf('shadow')))).toEqual([]);
});
