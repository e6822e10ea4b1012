import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeRecording, readRecording, type Recording } from '../recordings/decode.js';
import type { Json, JsonObject } from '../recordings/json-text.js';
import { replayOnImpl, replayOnModel } from '../recordings/replay.js';
import { translate } from '../recordings/translate.js';
import { altered } from './altered.js';

/** The shape of a recording's text, as far as these tests change it. */
interface Text {
  readonly meta: JsonObject;
  readonly traces: readonly { readonly steps: JsonObject[] }[];
}

const pathOf = (file: string): string => join(import.meta.dirname, `${file}.json.gz`);

function textOf(file: string): Text {
  const text: Text = JSON.parse(gunzipSync(readFileSync(pathOf(file))).toString('utf8'));
  return text;
}

/** One trace of a recording, with another result for one step. */
function withResult(text: Text, trace: number, index: number, result: Json): Recording {
  const whole = text.traces[trace];
  const steps = whole?.steps.map((step, i) => (i === index ? { ...step, '=>': result } : step));
  return decodeRecording(JSON.stringify({ ...text, traces: [{ ...whole, steps }] }), 'altered');
}

/** Where each of both finds its first disagreement. */
const firstDisagreements = (recording: Recording): unknown[] =>
  [replayOnModel(recording), replayOnImpl(recording)].map(
    ({ disagreements }) => disagreements[0]?.index,
  );

const resultOf = (text: Text, trace: number, index: number): JsonObject => {
  const result = text.traces[trace]?.steps[index]?.['=>'];
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return {};
  return { ...result };
};

/** The indexes of the steps of each trace that are judged. */
const judgedIndexes = (file: string): number[][] =>
  readRecording(pathOf(file)).traces.map((trace) => {
    const { results } = translate(trace);
    const stop = results.findIndex((result) => 'notBuilt' in result);
    return results.slice(0, stop < 0 ? undefined : stop).map(({ index }) => index);
  });

describe('an answer that the real hypervisor did not give', () => {
  const files = ['copy', 'map', 'matrix', 'mem', 'setup', 'teardown', 'random-mix-1'];
  test.each(files)('is noticed where it stands, in every trace of %s', (file) => {
    const text = textOf(file);
    let count = 0;
    for (const [trace, indexes] of judgedIndexes(file).entries()) {
      const from = Math.floor((indexes.length * (trace % 7)) / 7);
      const found = indexes
        .slice(from)
        .find((i) => altered(resultOf(text, trace, i)) !== undefined);
      if (found === undefined) continue;
      const other = altered(resultOf(text, trace, found)) ?? null;
      const told = JSON.stringify([text.traces[trace]?.steps[found], other]);
      expect(firstDisagreements(withResult(text, trace, found, other)), told).toEqual([
        found,
        found,
      ]);
      count++;
    }
    expect(count).toBeGreaterThan(10);
  });

  test('is noticed where only the machine frame differs', () => {
    const text = textOf('random-mix-1');
    let count = 0;
    for (const trace of text.traces.keys()) {
      const pair = sharedFrame(text, trace);
      if (pair === undefined) continue;
      const result = { ...resultOf(text, trace, pair), frame: 'F9999' };
      expect(firstDisagreements(withResult(text, trace, pair, result))).toEqual([pair, pair]);
      count++;
    }
    expect(count).toBeGreaterThan(10);
  });
});

/** In the dump that ends a random trace: a gfn whose frame was seen at another gfn before it. */
function sharedFrame(text: Text, trace: number): number | undefined {
  const steps = text.traces[trace]?.steps ?? [];
  const isLooking = (step: JsonObject): boolean =>
    ['p2m', 'read', 'dominfo', 'gt.entry', 'gt.flags'].includes(String(step['op']));
  const start = steps.findLastIndex((step) => !isLooking(step)) + 1;
  const seen = new Set<Json>();
  for (let i = start; i < steps.length; i++) {
    const { frame } = { frame: null, ...resultOf(text, trace, i) };
    if (frame !== null && seen.has(frame)) return i;
    seen.add(frame);
  }
  return undefined;
}
