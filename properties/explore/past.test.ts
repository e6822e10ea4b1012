import { describe, expect, test } from 'vitest';
import type { State } from '../../model/state.js';
import { openedState } from './opening.js';
import { outcomesOf } from './outcomes.js';
import { Reached } from './reached.js';
import { linearsOf, Shapes } from './shapes.js';
import { unchanged } from './renaming.js';
import { boundOf } from './testing/searched.js';

describe('what vcpus remember', () => {
  test('is the same where it is said to be: states with one text have successors with one text', () => {
    const bound = boundOf('shadows');
    const how = { linears: linearsOf(bound), isByPlace: true };
    const shapes = new Shapes(bound.machine, 16, how, [unchanged]);
    const reached = new Reached(bound.machine);
    const keyOf = (state: State): string => {
      const { shape, patch } = shapes.standingOf(state);
      return `${shape}/${shapes.patches.applied(patch, 0)}`;
    };
    const successors = (state: State): readonly State[] =>
      bound.acts.flatMap((act) =>
        outcomesOf(state, act, bound.machine, reached).map(({ next }) => next),
      );
    // Pasts are kept as they are: a state is met again by each program that leads to it.
    const known = new Map<string, string>();
    let merged = 0;
    let states: readonly State[] = [openedState(bound)];
    for (let depth = 0; depth < 4; depth++) {
      const next: State[] = [];
      for (const state of states) {
        const after = successors(state);
        const text = [...new Set(after.map(keyOf))].toSorted().join(' ');
        const key = keyOf(state);
        if (known.has(key)) merged++;
        expect(known.get(key) ?? text).toBe(text);
        known.set(key, text);
        next.push(...after.filter((one) => one !== state));
      }
      states = next;
    }
    expect(merged).toBeGreaterThan(100);
  });
});
