import { describe, expect, test } from 'vitest';
import { Mfn } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import { decodeRecording, type Recording } from './decode.js';
import { recordingText } from './recording-text.js';
import { replayOn, type FileReport } from './replay-on.js';
import { SystemRespondent } from './respondent.js';

const recorded = (steps: readonly object[], rest: object = {}): Recording =>
  decodeRecording(recordingText(steps, { 1: {} }, rest), 'a.json');

/** A system that answers everything but domain_info by one function. */
const replay = (recording: Recording, answer: (step: Step) => Reply): FileReport =>
  replayOn(recording, () => {
    const perform = (step: Step): Reply => {
      if (step.op === 'domain_info') return { is: 'rc', rc: '-ESRCH' };
      return step.op === 'create' || step.op === 'destroy' ? { is: 'rc', rc: 0 } : answer(step);
    };
    return new SystemRespondent({ name: 'stub', perform });
  });

const read = (value: number): object => ({ d: 1, op: 'read', gfn: 1, '=>': { value } });
const zero = (): Reply => ({ is: 'value', value: { low: 0, high: 0 } });

describe('a replay', () => {
  test('counts the results that agree', () => {
    const report = replay(recorded([read(0), read(0)]), zero);
    expect(report).toMatchObject({ judged: 2, notJudged: 0, disagreementCount: 0 });
  });

  test('tells step, expectation and answer of a result that does not agree', () => {
    const report = replay(recorded([read(0), read(7)]), zero);
    expect(report.disagreementCount).toBe(1);
    expect(report.disagreements).toEqual([
      {
        trace: 't',
        index: 1,
        step: '{"caller":1,"vcpu":0,"op":"load","address":4096,"size":8}',
        expected: 'value {"value":{"low":7,"high":0}}',
        got: 'value {"value":{"low":0,"high":0}}',
      },
    ]);
  });

  test('stops judging a trace at what is not built, and says what that was', () => {
    const report = replay(recorded([read(0), { op: 'hostinfo', '=>': {} }, read(7)]), zero);
    expect(report).toMatchObject({ judged: 1, notJudged: 2, disagreementCount: 0 });
    expect([...report.stops]).toEqual([['hostinfo', 1]]);
  });

  test('stops a trace at a system that throws', () => {
    const report = replay(recorded([read(0), read(0)]), () => {
      throw new Error('assertion');
    });
    expect(report).toMatchObject({ judged: 1, notJudged: 1, disagreementCount: 1 });
    expect(report.disagreements[0]?.got).toBe('threw assertion');
  });

  test('counts an operation of several steps once', () => {
    const blocks = { d: 1, op: 'rdblk', gfn: 1, len: 32, '=>': { data: 'ff'.repeat(32) } };
    expect(replay(recorded([blocks]), zero)).toMatchObject({ judged: 1, disagreementCount: 1 });
  });

  test('holds boot and teardown against the recording too', () => {
    const report = replay(recorded([], { teardown: { 1: '-ESRCH' } }), zero);
    expect(report.disagreements.map(({ index }) => index)).toEqual(['teardown']);
    const refused = replay(recorded([], { setup: [{ rc: '-EINVAL' }] }), zero);
    expect(refused.disagreements[0]).toMatchObject({
      index: 'boot',
      expected: 'rc {"rc":"-EINVAL"}',
    });
  });

  test('knows the value that fetched code returns', () => {
    const run = (rax: number, low: number, high: number): number => {
      const exec = { d: 1, op: 'exec', gfn: 1, '=>': { rax } };
      return replay(recorded([exec]), () => ({ is: 'value', value: { low, high } }))
        .disagreementCount;
    };
    expect(run(0x1111, 0xc3, 0)).toBe(0);
    expect(run(0x89abcdef, 0xabcdefb8, 0xc389)).toBe(0);
    expect(run(0x89abcdef, 0xabcdefb8, 0x9089)).toBe(1);
    expect(run(0x1111, 0x90, 0)).toBe(1);
  });

  test('compares what the control domain can see of a gfn, its frame up to renaming', () => {
    const inspected = (gfn: number, frame: string): object => {
      const seen = { map_rc: 0, frame, q0: '0x5', memtype: 'ram_rw' };
      return { op: 'p2m', dom: 1, gfn, '=>': seen };
    };
    const shown = (frame: number): Reply => {
      return {
        is: 'inspected',
        memoryType: 'ram_rw',
        frame: Mfn(frame),
        first: { low: 5, high: 0 },
      };
    };
    const same = recorded([inspected(1, 'F0'), inspected(2, 'F0')]);
    expect(replay(same, () => shown(70)).disagreementCount).toBe(0);
    const other = recorded([inspected(1, 'F0'), inspected(2, 'F1')]);
    expect(replay(other, () => shown(70)).disagreements[0]?.got).toMatch(/^frame 70 is F0/);
  });

  test('expects nothing to be left where the recorded host had all its pages back', () => {
    const left = (recording: Recording): number =>
      replayOn(recording, () => {
        const perform = (step: Step): Reply =>
          step.op === 'domain_info' ? { is: 'rc', rc: '-ESRCH' } : { is: 'rc', rc: 0 };
        return new SystemRespondent({ name: 'stub', perform }, () => ['a page']);
      }).disagreementCount;
    expect(left(recorded([]))).toBe(1);
    expect(left(recorded([], { after: { leftover: [], free_delta: -1 } }))).toBe(0);
  });
});
