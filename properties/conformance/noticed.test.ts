import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeRecording, readRecording, type Recording } from '../recordings/decode.js';
import { isList } from '../recordings/fields.js';
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

function resultOf(text: Text, trace: number, index: number): JsonObject {
  const result = text.traces[trace]?.steps[index]?.['=>'];
  return result === null || typeof result !== 'object' || isList(result) ? {} : result;
}

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
      const at = firstDisagreements(withResult(text, trace, found, other));
      expect({ told, at }).toEqual({ told, at: [found, found] });
      count++;
    }
    expect(count).toBeGreaterThan(10);
  });

  test('is noticed where two gfns are said to hold one machine frame', () => {
    const text = textOf('random-mix-1');
    let count = 0;
    for (const trace of text.traces.keys()) {
      const [one, other] = framesInDump(text, trace);
      if (one === undefined || other === undefined) continue;
      const { frame = null } = resultOf(text, trace, one);
      const result = { ...resultOf(text, trace, other), frame };
      expect(firstDisagreements(withResult(text, trace, other, result))).toEqual([other, other]);
      count++;
    }
    expect(count).toBeGreaterThan(10);
  });

  test('is noticed by the hypervisor where only the handle differs', () => {
    const text = textOf('map');
    let count = 0;
    for (const [trace, { steps }] of text.traces.entries()) {
      const found = steps.findLastIndex((_, i) =>
        Object.hasOwn(resultOf(text, trace, i), 'handle'),
      );
      if (found < 0) continue;
      const recording = withResult(text, trace, found, {
        ...resultOf(text, trace, found),
        handle: 77,
      });
      expect(replayOnImpl(recording).disagreements[0]?.index).toBe(found);
      count++;
    }
    expect(count).toBeGreaterThan(10);
  });
});

/** The steps that show a machine frame in the dump that ends a random trace. */
function framesInDump(text: Text, trace: number): readonly number[] {
  const steps = text.traces[trace]?.steps ?? [];
  const start = steps.findLastIndex(({ op }) => !looks.has(op ?? null)) + 1;
  const dump = Array.from({ length: steps.length - start }, (_, i) => start + i);
  return dump.filter((i) => Object.hasOwn(resultOf(text, trace, i), 'frame'));
}

/** Operations that change nothing. */
const looks: ReadonlySet<Json> = new Set(
  'p2m read dominfo gt.entry gt.flags gnt.get_version gnt.query_size'.split(' '),
);
