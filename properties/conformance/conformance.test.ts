import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readRecording } from '../recordings/decode.js';
import type { Disagreement, FileReport } from '../recordings/replay-on.js';
import { replayOnImpl, replayOnModel } from '../recordings/replay.js';

const folder = import.meta.dirname;

/**
 * Each recording: results judged, results that stand behind an operation not built, and the
 * sha256 of the file. A change of the first two numbers says that what can be judged has changed.
 */
const pins: Readonly<Record<string, readonly [judged: number, notJudged: number, sha: string]>> =
  {};

const texts = ({ disagreements }: FileReport): string[] => disagreements.map(disagreementText);

const disagreementText = ({ trace, index, step, expected, got }: Disagreement): string =>
  `${trace} at ${index}: ${step}\n  recorded ${expected}\n  answered ${got}`;

test('every recording of the folder is pinned', () => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json.gz'));
  expect(files.toSorted()).toEqual(Object.keys(pins).toSorted());
});

describe.each(Object.entries(pins))('%s', (file, [judged, notJudged, sha]) => {
  const recording = readRecording(join(folder, file));

  test('is the file that was recorded', () => {
    const bytes = readFileSync(join(folder, file));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(sha);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(`| ${file} | `);
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(sha);
  });

  test('the spec answers what the real hypervisor answered', () => {
    const report = replayOnModel(recording);
    expect(texts(report)).toEqual([]);
    expect([report.judged, report.notJudged, report.disagreementCount]).toEqual([
      judged,
      notJudged,
      0,
    ]);
  });

  test('the hypervisor answers what the real hypervisor answered', () => {
    const report = replayOnImpl(recording);
    expect(texts(report)).toEqual([]);
    expect([report.judged, report.notJudged, report.disagreementCount]).toEqual([
      judged,
      notJudged,
      0,
    ]);
  });
});
