import { describe, expect, test } from 'vitest';
import { xenolith } from './testing/built.js';

describe('faults', () => {
  test('tells how soon the canary is found, and exits 0', () => {
    const { code, out } = xenolith('faults', 'canary', '--seeds', '2');
    expect([code, out.split('\n').at(-2)]).toEqual([
      0,
      'agree     1 faults found in every campaign',
    ]);
    expect(out).toMatch(/^canary +2\/2 /m);
  });

  test('names a fault that survives, and exits 3', () => {
    const words = ['write-hits-undirtied', '--seeds', '1', '--steps', '1', '--no-shrink', '--json'];
    const { code, out } = xenolith('faults', ...words);
    const { faults }: { readonly faults: unknown } = JSON.parse(out);
    expect(code).toBe(3);
    expect(faults).toMatchObject([
      { fault: 'canary', found: 1 },
      { fault: 'write-hits-undirtied', found: 0 },
    ]);
  });
});
