import { describe, expect, test } from 'vitest';
import { kill, killerOf, type Kill } from './kill.js';
import { matrixRow } from './kill-matrix.js';

const hunt = { fault: 'canary', seed: '1', lines: 20_000, shrinks: true } as const;

describe('a hunt', () => {
  test('finds the canary, tells after how many lines, and shrinks what it found', async () => {
    const { by, lines, shrunk } = await kill(hunt);
    expect(by).toBe('diverge A1 load value');
    expect(lines).toBeLessThan(2000);
    expect(shrunk?.lines).toBe(1);
  });

  test('gives up after its lines, and says that the fault survives', async () => {
    const survivor = { ...hunt, fault: 'write-hits-undirtied', seed: '1', lines: 1 };
    const { by, shrunk } = await kill(survivor);
    expect([by, shrunk]).toEqual([undefined, undefined]);
  });

  test('of a fault that nobody knows is a mistake', async () => {
    expect(killerOf('nonsense')).toBeUndefined();
    await expect(kill({ ...hunt, fault: 'nonsense' })).rejects.toThrow('nobody hunts nonsense');
  });
});

describe('a row of the matrix', () => {
  const one = (seed: string, lines: number, by: Kill['by'], length?: number): Kill => {
    const shrunk = length === undefined ? undefined : { lines: length, fingerprint: `${length}` };
    return { fault: 'f', seed, lines, by, shrunk };
  };

  test('has the median and the worst, and counts what survived with what was tried', () => {
    const row = matrixRow('f', [
      one('1', 30, 'diverge A1 load value', 2),
      one('2', 200, undefined),
      one('3', 10, 'diverge A1 load value', 2),
      one('4', 20, 'violate E4 store frame.content', 3),
    ]);
    expect(row).toEqual({
      fault: 'f',
      found: 3,
      seeds: 4,
      median: 20,
      worst: 200,
      shrunk: [2, 3],
      programs: 2,
      by: ['diverge A1 load value', 'violate E4 store frame.content'],
    });
  });

  test('says nothing of shrunk programs where none was shrunk', () => {
    expect(matrixRow('f', [one('1', 5, 'hang E1 destroy thrown.WorkExceeded')]).shrunk).toBe(
      undefined,
    );
  });
});
