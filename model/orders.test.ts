import { expect, test } from 'vitest';
import { orders } from './testing/orders.js';
import { play } from './testing/scenario.js';

test.each(Object.entries(orders))(
  '%s: of two reasons it is the one that is told',
  (pair, script) => {
    const { text, reached } = play(script);
    expect(text).toBe(script);
    expect(reached.at(-1)).toBe(pair.split(' before ')[0]);
  },
);
