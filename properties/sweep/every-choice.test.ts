import { describe, expect, test } from 'vitest';
import { pick, type Choose } from '../choose.js';
import { everyOne } from './every-choice.js';

describe('every choice in turn', () => {
  test('makes all combinations, the last choice changing fastest', () => {
    const pair = (choose: Choose): string => `${choose.below(2)}${pick(choose, ['a', 'b', 'c'])}`;
    expect([...everyOne(pair)]).toEqual(['0a', '0b', '0c', '1a', '1b', '1c']);
  });

  test('follows choices that hang on earlier ones', () => {
    const word = (choose: Choose): string => {
      const length = choose.below(3);
      return Array.from({ length }, () => choose.below(2)).join('');
    };
    expect([...everyOne(word)]).toEqual(['', '0', '1', '00', '01', '10', '11']);
  });

  test('makes one of what leaves no choice', () => {
    expect([...everyOne(() => 'one')]).toEqual(['one']);
    expect([...everyOne((choose) => choose.below(1))]).toEqual([0]);
  });
});
