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
const named = <One extends AtSteps | AtStop>(list: readonly One[]): (readonly [string, One])[] =>
  list.map((one) => [`${one.id} in ${one.file}`, one]);

describe('a declared divergence', () => {
  const ofSteps = named(divergencesOf('shadow').filter(isAtSteps));

  test.each(ofSteps)('%s excuses no other answer at the same step: the control', (_, one) => {
    const { trace, step, answer } = one.control;
    expect(one.steps[trace]).toContain(step);
    const recording = traceOf(one.file, trace, (steps) =>
      steps.map((each, i) => (i === step ? withAnswer(each, answer) : each)),
    );
    expect(replayed(recording).disagreements.map(({ index }) => index)).toContain(step);
  });

  test.each(ofSteps)(
    '%s excuses no other answer of ours, and shows at each of its steps',
    (_, one) => {
      for (const [trace, steps] of Object.entries(one.steps)) {
        const bare = replayOnModel(traceOf(one.file, trace), { paging: 'shadow', keep: 100 });
        const seen = bare.disagreements.filter(({ index }) => steps.some((step) => step === index));
        expect(seen.map(({ index }) => index)).toEqual(steps);
        for (const { expected, got } of seen) {
          expect(one.shows(expected, got)).toBe(true);
          const excused = altered(got).filter((other) => one.shows(expected, other));
          expect([altered(got).length > 0, excused]).toEqual([true, []]);
        }
      }
    },
  );

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

describe('what is declared wherever it shows', () => {
  const fault = (err: number) => ({ fault: '#PF', err, cr2: '0x803000' });
  const cmpxchg = { d: 0, op: 'cmpxchg', addr: 'win:3', expect: 0, value: 1 };
  const shut = { ...cmpxchg, '=>': fault(0) };
  const read = { d: 0, op: 'read', addr: 'win:3', '=>': fault(0) };
  const write = { d: 0, op: 'write', addr: 'win:3', value: 1, '=>': fault(2) };
  const opened = { op: 'mapforeign', dom: 1, gfn: 4096, win: 3, ro: true, '=>': { rc: 0 } };

  /** As the instrument recorded it; where there are more steps, these are ours. */
  const judged = (paging: 'hap' | 'shadow', ...steps: readonly JsonObject[]): FileReport => {
    const whole = { name: 'windows', domains: { 1: {} }, setup: 'ok', steps, teardown: { 1: 0 } };
    const traces = [{ ...whole, after: { leftover: [], free_delta: 0 } }];
    const text = JSON.stringify({ meta: { xen: '4.17' }, traces });
    const divergences = divergencesOf(paging);
    return replayOnModel(decodeRecording(text, 'any.json'), { paging, divergences });
  };

  test.each(['hap', 'shadow'] as const)('locked-access-reads-first shows, on %s', (paging) => {
    const report = judged(paging, read, shut, write);
    expect(report.disagreements).toEqual([]);
    expect([...report.diverged].map(([{ id }, count]) => [id, count])).toEqual([
      ['locked-access-reads-first', 1],
    ]);
  });

  test.each<[string, JsonObject]>([
    ['another code', { ...cmpxchg, '=>': fault(3) }],
    ['another address', { ...cmpxchg, '=>': { ...fault(0), cr2: '0x804000' } }],
    ['a value', { ...cmpxchg, '=>': { old: '0x0' } }],
    ['the fault of a read for a write', { ...write, '=>': fault(0) }],
  ])('locked-access-reads-first excuses no %s: the control', (_, step) => {
    expect(judged('hap', step).disagreements).toHaveLength(1);
  });

  test('locked-access-reads-first excuses nothing where there is a page: the control', () => {
    expect(judged('hap', opened, { ...cmpxchg, '=>': fault(3) }).disagreements).toEqual([]);
    expect(judged('hap', opened, shut).disagreements).toHaveLength(1);
  });
});

/** A recorded result, all its statuses and values replaced. */
function withAnswer(step: JsonObject, answer: string): JsonObject {
  const result = step['=>'];
  return result === undefined ? step : { ...step, '=>': replaced(result, answer) };
}

function replaced(value: Json, answer: string): Json {
  if (isList(value)) return value.map((each) => replaced(each, answer));
  if (value === null || typeof value !== 'object') return value;
  const inner = Object.entries(value).map(([key, each]) => [
    key,
    key === 'status' || key === 'value' ? answer : replaced(each, answer),
  ]);
  return Object.fromEntries(inner);
}

/** An answer, one status or number of it at a time replaced. */
const altered = (answer: string): readonly string[] =>
  [...answer.matchAll(/(?<="status":")\w+|(?<="low":)\d+/g)].map(
    ({ 0: found, index }) =>
      answer.slice(0, index) +
      (/^\d/.test(found) ? String(Number(found) + 1) : 'eagain') +
      answer.slice(index + found.length),
  );
