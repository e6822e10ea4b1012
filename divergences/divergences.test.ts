import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeRecording, type Recording } from '../properties/recordings/decode.js';
import type { Json, JsonObject } from '../properties/recordings/json-text.js';
import { isList } from '../properties/recordings/fields.js';
import { replayOnModel } from '../properties/recordings/replay.js';
import type { FileReport } from '../properties/recordings/replay-on.js';
import { projectRoot } from '../properties/faulted.js';
import type { AtSteps, AtStop, Divergence } from './divergence.js';
import { divergencesOf } from './divergences.js';

interface Text {
  readonly meta: JsonObject;
  readonly traces: readonly { readonly name: string; readonly steps: readonly JsonObject[] }[];
}

/** One trace of a recording, its text changed perhaps. */
function traceOf(file: string, name: string, change = (steps: readonly JsonObject[]) => steps) {
  const folder = join(projectRoot(), 'properties', 'conformance', 'shadow');
  const bytes = gunzipSync(readFileSync(join(folder, `${file}.json.gz`)));
  const text: Text = JSON.parse(bytes.toString('utf8'));
  const trace = text.traces.find((each) => each.name === name);
  const traces = trace === undefined ? [] : [{ ...trace, steps: change(trace.steps) }];
  return decodeRecording(JSON.stringify({ ...text, traces }), `${file}.json`);
}

const replayed = (recording: Recording): FileReport =>
  replayOnModel(recording, { paging: 'shadow', divergences: divergencesOf('shadow') });

const isAtSteps = (one: Divergence): one is AtSteps => 'steps' in one;
const isAtStop = (one: Divergence): one is AtStop => 'stop' in one;
const named = <One extends Divergence>(list: readonly One[]): (readonly [string, One])[] =>
  list.map((one) => [`${one.id} in ${one.file}`, one]);

describe('a declared divergence', () => {
  const ofSteps = named(divergencesOf('shadow').filter(isAtSteps));

  test.each(ofSteps)('%s excuses no other answer at the same step: the control', (_, one) => {
    const { trace, step, status } = one.control;
    expect(one.steps[trace]).toContain(step);
    const recording = traceOf(one.file, trace, (steps) =>
      steps.map((each, i) => (i === step ? withStatus(each, status) : each)),
    );
    expect(replayed(recording).disagreements.map(({ index }) => index)).toContain(step);
  });

  test.each(ofSteps)('%s stands for a difference that is there', (_, one) => {
    for (const trace of Object.keys(one.steps)) {
      const report = replayed(traceOf(one.file, trace));
      expect([trace, report.disagreements]).toEqual([trace, []]);
      expect(report.diverged.get(one)).toBeGreaterThan(0);
    }
  });

  test.each(named(divergencesOf('shadow').filter(isAtStop)))(
    '%s excuses no trace of the same kind that can be judged: the control',
    (_, one) => {
      const control = replayed(traceOf(one.file, one.control.trace));
      expect([control.notJudged, control.disagreements]).toEqual([0, []]);
      expect(control.judged).toBeGreaterThan(0);
      for (const trace of one.traces)
        expect([trace, replayed(traceOf(one.file, trace)).diverged.get(one)]).toEqual([trace, 1]);
    },
  );
});

/** A recorded result, all its statuses replaced. */
function withStatus(step: JsonObject, status: string): JsonObject {
  const result = step['=>'];
  return result === undefined ? step : { ...step, '=>': replaced(result, status) };
}

function replaced(value: Json, status: string): Json {
  if (isList(value)) return value.map((each) => replaced(each, status));
  if (value === null || typeof value !== 'object') return value;
  const inner = Object.entries(value).map(([key, each]) => [
    key,
    key === 'status' ? status : replaced(each, status),
  ]);
  return Object.fromEntries(inner);
}
