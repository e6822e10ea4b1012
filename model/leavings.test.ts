import { describe, expect, test } from 'vitest';
import { leavingScenarios } from './testing/leaving-scenarios.js';
import { play } from './testing/scenario.js';

describe('what a refused call leaves behind', () => {
  test.each(Object.entries(leavingScenarios))('[%s] leaves what is told of', (id, script) => {
    const { text, left } = play(script);
    expect(text).toBe(script);
    expect(left).toContain(id);
  });
});
