import { describe, expect, test } from 'vitest';
import { acceptedOf, AGREES, judged, judgedSpec, LOOSE, type Beside } from './judge.js';
import type { Dispute, RecordedAnswer } from './recorded-case.js';

const recorded = (rest: Partial<RecordedAnswer> = {}): RecordedAnswer => ({
  fact: 'value 0x1',
  isLoose: false,
  also: undefined,
  dispute: undefined,
  ...rest,
});
const dispute = (right: Dispute<string>['right'], about = 'why'): RecordedAnswer =>
  recorded({ dispute: { about, right, qemu: '#GP', bochs: 'value 0x2' } });

describe('an answer of a target', () => {
  test('that is strict has to be the recorded one', () => {
    expect(judged(recorded(), 'value 0x1', undefined)).toEqual(AGREES);
    const expected = { is: 'disagrees', expected: 'value 0x1' };
    expect(judged(recorded(), 'value 0x2', undefined)).toEqual(expected);
  });

  test('may be any value where nothing answers, but no fault', () => {
    const any = recorded({ fact: 'value any' });
    expect(judged(any, 'value 0x77', undefined)).toEqual(AGREES);
    expect(judged(any, '#GP', undefined).is).toBe('disagrees');
  });

  test.each([
    ['qemu', 'value 0x1', true],
    ['qemu', '#GP', false],
    ['bochs', 'value 0x2', false],
    ['model', '#GP', false],
    ['either', '#GP', true],
    ['either', 'value 0x2', true],
    ['either', 'value 0x3', false],
  ] as const)('in dispute, %s being right: %s', (right, given, isRight) => {
    const verdict = judged(dispute(right), given, undefined);
    expect(verdict.is).toBe(isRight ? 'disputed' : 'disagrees');
  });

  test('the one dispute that is open may go either way', () => {
    expect(acceptedOf(dispute('qemu', 'bochs-split-icache'))).toContain('#GP');
  });

  const beside = (here: string, missing?: string, there = ''): Beside => ({
    here: new Set([here]),
    missing,
    there: new Set([there]),
  });

  test('that is loose has to be one that the spec allows, recorded or not', () => {
    const loose = recorded({ isLoose: true });
    expect(judged(loose, 'value 0x9', beside('value 0x9'))).toEqual(LOOSE);
    expect(judged(loose, 'value 0x1', beside('value 0x9')).is).toBe('disagrees');
  });

  test('without a feature has to be what the spec says without it', () => {
    const lacking = beside('#GP', 'PSE36', 'value 0x1');
    expect(judged(recorded(), '#GP', lacking)).toEqual({ is: 'not_offered', feature: 'PSE36' });
    expect(judged(recorded(), 'ok', lacking).is).toBe('disagrees');
    expect(judged(recorded(), 'value 0x1', lacking).is).toBe('disagrees');
    expect(judged(recorded(), 'value 0x1', beside('value 0x1', 'PSE36'))).toEqual(AGREES);
  });

  test('is not excused by a feature that would not have led to the recorded one', () => {
    expect(judged(recorded(), '#GP', beside('#GP', 'PSE36', '#GP')).is).toBe('disagrees');
  });
});

describe('what the spec allows', () => {
  test('has to be the recorded answer and no other where that is strict', () => {
    expect(judgedSpec(recorded(), ['value 0x1'])).toEqual(AGREES);
    expect(judgedSpec(recorded(), ['value 0x1', 'value 0x2']).is).toBe('disagrees');
    expect(judgedSpec(recorded(), ['value 0x2']).is).toBe('disagrees');
  });

  test('has to include both recorded answers where they are loose', () => {
    const loose = recorded({ isLoose: true, also: '#GP' });
    expect(judgedSpec(loose, ['#GP', 'value 0x1', 'ok'])).toEqual(LOOSE);
    expect(judgedSpec(loose, ['value 0x1', 'ok']).is).toBe('disagrees');
    expect(judgedSpec(loose, ['#GP', 'ok']).is).toBe('disagrees');
  });

  test('may be any of the recorded answers where either is right', () => {
    expect(judgedSpec(dispute('either'), ['#GP', 'value 0x2']).is).toBe('disputed');
    expect(judgedSpec(dispute('bochs'), ['#GP']).is).toBe('disagrees');
  });
});
