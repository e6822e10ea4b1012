import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { divergencesOf } from '../../divergences/divergences.js';
import { readRecording } from '../recordings/decode.js';
import { replayOnImpl, replayOnModel } from '../recordings/replay.js';
import type { FileReport, ReplayOptions } from '../recordings/replay-on.js';

const folder = join(import.meta.dirname, 'shadow');

/**
 * Each recording: results judged, results behind what is not built or known to differ, and how often
 * each declared divergence shows.
 */
const pins: Readonly<Record<string, readonly [number, number, Readonly<Record<string, number>>]>> =
  {
    'copy.json.gz': [512, 0, { 'order-of-copy-checks': 26, 'copy-of-xsa-523': 4 }],
    'map.json.gz': [1927, 38, { 'readonly-write-hangs': 2, 'pool-of-shadows-and-p2m': 2 }],
    'matrix.json.gz': [2814, 15, { 'readonly-write-hangs': 3 }],
    'mem.json.gz': [322, 0, {}],
    'setup.json.gz': [355, 0, { 'refused-creation-breaks-the-host': 4 }],
    'super.json.gz': [94, 0, {}],
    'teardown.json.gz': [271, 0, {}],
    'types.json.gz': [219, 0, {}],
  };

const shadow: ReplayOptions = { paging: 'shadow', divergences: divergencesOf('shadow') };

function shown({ diverged }: FileReport): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const [{ id }, count] of diverged) counts[id] = (counts[id] ?? 0) + count;
  return counts;
}

test('every recording of the folder is pinned', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json.gz'));
  expect(files.toSorted()).toEqual(Object.keys(pins).toSorted());
});

test('every declared divergence shows somewhere', () => {
  const inFiles = divergencesOf('shadow').filter((one) => 'file' in one);
  const declared = new Set(inFiles.map(({ file, id }) => `${file} ${id}`));
  const seen = Object.entries(pins).flatMap(([file, [, , counts]]) =>
    Object.keys(counts).map((id) => `${file.replace('.json.gz', '')} ${id}`),
  );
  expect(seen.toSorted()).toEqual([...declared].toSorted());
});

describe.each(Object.entries(pins))('%s', (file, [judged, notJudged, divergences]) => {
  const recording = readRecording(join(folder, file));

  test('is the file that was recorded', () => {
    const sha = createHash('sha256')
      .update(readFileSync(join(folder, file)))
      .digest('hex');
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(`${sha}  ${file}\n`);
  });

  test.each([
    ['spec', replayOnModel],
    ['hypervisor', replayOnImpl],
  ] as const)('the %s answers what the real hypervisor answered', (_, replay) => {
    const report = replay(recording, shadow);
    expect(report.disagreements).toEqual([]);
    expect([report.judged, report.notJudged]).toEqual([judged, notJudged]);
    expect(shown(report)).toEqual(divergences);
  });

  test('is not judged as a recording of nested paging', () => {
    expect(replayOnModel(recording).judged).toBe(0);
  });
});
