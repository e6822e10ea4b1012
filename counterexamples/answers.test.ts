import { describe, expect, test } from 'vitest';
import { answerColumn, saysTheSame } from './answers.js';

describe('a right column', () => {
  test('has the spec’s own answer, where nothing else is asked for', () => {
    expect(answerColumn(['1', '0'], undefined)).toBe('1');
    expect(answerColumn(['1', '0'], '2')).toBe('1');
  });

  test('has all that is allowed where the other one lists answers, each once and in one order', () => {
    expect(answerColumn(['1', '3', '2', '1', '3'], '0 | 9')).toBe('1 | 2 | 3');
    expect(answerColumn(['1', '0'], 'only 1')).toBe('1 | 0');
  });

  test('says of one answer that there is no other', () => {
    expect(answerColumn(['1', '1'], '1 | 0')).toBe('only 1');
    expect(answerColumn(['1'], 'only 7')).toBe('only 1');
  });
});

describe('two right columns', () => {
  test.each([
    ['1', '1'],
    ['1 | 2 | 3', '1 | 3 | 2'],
    ['1 | 2', '1 | 2 | 2'],
    ['only 1', '1 | 1'],
  ])('%s and %s say the same', (a, b) => {
    expect(saysTheSame(a, b)).toBe(true);
    expect(saysTheSame(b, a)).toBe(true);
  });

  test.each([
    ['1', '2'],
    ['1', 'only 1'],
    ['1', '1 | 2'],
    ['1 | 2', '2 | 1'],
    ['1 | 2', '1 | 3'],
    ['1 | 2', 'only 1'],
  ])('%s and %s do not', (a, b) => {
    expect(saysTheSame(a, b)).toBe(false);
    expect(saysTheSame(b, a)).toBe(false);
  });
});
