import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultOptions } from '../../impl/options.js';
import { readRecording } from '../recordings/decode.js';
import type { Disagreement, FileReport } from '../recordings/replay-on.js';
import { replayOnImpl, replayOnModel } from '../recordings/replay.js';

const folder = import.meta.dirname;

/**
 * Each recording: results judged, results that stand behind an operation not built, and the
 * sha256 of the file. A change of the first two numbers says that what can be judged has changed.
 */
const pins: Readonly<Record<string, readonly [judged: number, notJudged: number, sha: string]>> = {
  'believed.json.gz': [189, 0, 'b5e13b9f28746962df1711a9c5869e27044a3c56a0edd59102a776958496846a'],
  'copy.json.gz': [512, 0, '152a8e818fa0b4bef5b6e3992955bf75b9009a63f389222978f20374e4fbaeeb'],
  'exported-1.json.gz': [
    14069,
    0,
    '074801623b058950c64bc0795f511262267f46a19ab3695d64bf7f15cb8c1b1a',
  ],
  'map.json.gz': [1965, 0, '46071abfefd30afc78f5a7732935de04ceb2bcb30628286fa60709070035df14'],
  'matrix.json.gz': [2829, 0, 'ef4104470ab94076a56ecaf88b9d2209d3233b977504e630a25a3cbeb9354b9d'],
  'mem.json.gz': [322, 0, 'e5c2a90f1754f152ca5b40ac2d059b01874e9fd77264c2a7cb88654cec96c621'],
  'pin.json.gz': [6336, 0, 'c423de12b75d65fa535392dd4f04b582d6badac98c36a6b20066c69916dd33cb'],
  'pv.json.gz': [131, 0, '578b0b418915c89294c2179fd040bda9a86339991b131d81e31399e0f336e217'],
  'random-copy-1.json.gz': [
    12713,
    0,
    '5fc7f203f70c13c20b6b37cf47f3405ad149f2da5106dd5b3db3266984bfb63c',
  ],
  'random-life-1.json.gz': [
    13657,
    0,
    '3cc28f01f489061869100f0c21b838cb78a5f9bdf62a17ca530fb9e26e649ef4',
  ],
  'random-mem-1.json.gz': [
    12694,
    0,
    'd9a31dfe14128fe8f443647ac2eafdaae161bf38a733ac03eb8e4c580fc45393',
  ],
  'random-mix-1.json.gz': [
    13846,
    0,
    'ce083966d20cc6d81874ad63c772eb661723c8f8f79aa5589e1a2239303375b1',
  ],
  'setup.json.gz': [355, 0, '82784db96488476fde1c6b297b10ec813345bd4e98ed79addf786faede43f4b9'],
  'super.json.gz': [94, 0, '413e329f4135f20a0d8f50744f79140bea0354037d498b2a0d594b329b5da37e'],
  'teardown.json.gz': [271, 0, '18b63d53d9c6126126f3dc90115cd1689d950c6ac8a3e1933f18a177dd666823'],
  'transfer.json.gz': [22, 0, '5047832479a22c0b22a18dbf4da6f9723fb16140bb92cb44f7f018b3df6e4140'],
  'types.json.gz': [219, 0, '187614995eae609c24a1404df141486900507809ed2b2306fb996525eb828cd5'],
};

const allOff = Object.fromEntries(Object.keys(defaultOptions).map((name) => [name, false]));

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
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain(`${sha}  ${file}\n`);
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

  test('the hypervisor with every optimisation off answers the same', () => {
    const report = replayOnImpl(recording, {}, allOff);
    expect(texts(report)).toEqual([]);
    expect([report.judged, report.disagreementCount]).toEqual([judged, 0]);
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
