import { describe, expect, test } from 'vitest';
import { pagings, type Paging } from '../../abi/machine.js';
import type { Fault } from '../../faults/fault.js';
import { faultedSubjects } from '../faulted.js';
import { ours } from '../our-subject.js';
import { SweepFailure } from './stage.js';
import { sweep, sweeps, type Sweep } from './sweep.js';

/**
 * A part of each sweep, one case of so many; `xenolith sweep` makes them whole. Ways are combinations
 * of flags of entries and registers, each with up to 96 accesses; accesses that came to pass are
 * counted for shadow and for nested paging.
 */
const accesses: Readonly<Record<string, readonly number[]>> = {
  // One of so many, ways there are, those tried, accesses, done (shadow), done (hap), crashes (hap)
  '2-level-4k': [131, 16_640, 128, 12_144, 2918, 2562, 356],
  '2-level-4m': [7, 1024, 147, 14_112, 2032, 1832, 200],
  'pae-4k': [521, 66_064, 127, 12_048, 1845, 1759, 86],
  'pae-2m': [7, 1040, 149, 14_088, 2820, 2620, 200],
  '4-level-4k': [4001, 533_632, 134, 12_720, 1158, 1138, 20],
  '4-level-2m': [1009, 133_248, 133, 12_552, 1384, 1336, 48],
  '4-level-1g': [251, 33_280, 133, 12_696, 0, 825, 42],
};

/** One of so many, cases there are, those tried. */
const remembered: Readonly<Record<string, readonly [number, number, number]>> = {
  '2-level-4k': [263, 16_640, 64],
  '2-level-4m': [17, 1024, 61],
  'pae-4k': [1033, 66_064, 64],
  'pae-2m': [17, 1040, 62],
  '4-level-4k': [8009, 533_632, 67],
  '4-level-2m': [2003, 133_248, 67],
  '4-level-1g': [503, 33_280, 67],
};
const changes: typeof remembered = {
  '2-level-4k': [31, 76_800, 2478],
  '2-level-4m': [17, 38_400, 2259],
  'pae-4k': [47, 115_200, 2452],
  'pae-2m': [31, 76_800, 2478],
  '4-level-4k': [61, 153_600, 2519],
  '4-level-2m': [47, 115_200, 2452],
  '4-level-1g': [31, 76_800, 2478],
};
const pairs: typeof remembered = {
  '2-level': [37, 80_000, 2163],
  pae: [37, 80_000, 2163],
  '4-level': [37, 80_000, 2163],
};
const parts = { remembered, changes, pairs };

const rows = sweeps.flatMap((chosen) =>
  pagings.map((paging) => [chosen.kind, chosen.tables, paging, chosen] as const),
);
const of = (kind: Sweep['kind']) => rows.filter(([one]) => one === kind);

describe('[E1] every access by every way', () => {
  test.each(of('accesses'))('%s %s (%s)', (_, tables, paging, chosen) => {
    const [step = 1, all, cases, made, shadow, hap, crashes] = accesses[tables] ?? [];
    const result = sweep(chosen, { paging, make: ours, step });
    const { counts } = result;
    const done = paging === 'shadow' ? [shadow, 0] : [hap, crashes];
    expect([result.all, result.cases, counts.accesses]).toEqual([all, cases, made]);
    expect([counts.done, counts.crashes]).toEqual(done);
    // [T2] All were told to forget, so that fresh walks answered.
    expect(counts.stale).toBe(0);
  });
});

describe.each(['remembered', 'changes', 'pairs'] as const)('[E1] [T1] %s', (kind) => {
  test.each(of(kind))('%s %s (%s)', (_, tables, paging, chosen) => {
    const [step, all, cases] = parts[kind][tables] ?? [1, 0, 0];
    const result = sweep(chosen, { paging, make: ours, step });
    expect([result.all, result.cases]).toEqual([all, cases]);
    // Under shadow paging there are no pages of 1 GiB, and nothing to remember of them.
    const isOffered = tables !== '4-level-1g' || paging === 'hap';
    expect(result.counts.stale > 0).toBe(isOffered);
  });
});

describe('a sweep notices', () => {
  const fault = (id: string, file: string, find: string, put: string): Fault => {
    return { id, title: 'for a test', kin: 'none', breaks: [], changes: [{ file, find, put }] };
  };
  const failureOf = async (one: Fault, chosen: Sweep, paging: Paging, step: number) => {
    const make = await faultedSubjects(one);
    try {
      sweep(chosen, { paging, make, step });
    } catch (thrown) {
      if (thrown instanceof SweepFailure) return thrown;
      throw thrown;
    }
    return undefined;
  };

  test.each(pagings)('a right that is not minded (%s) [W3]', async (paging) => {
    const blind = fault(
      'smep-is-not-minded',
      'impl/hardware/rights.ts',
      '  if (isUserPage && isFetch && (controls & CONTROL_SMEP) !== 0) return false;\n',
      '',
    );
    const found = await failureOf(blind, { kind: 'accesses', tables: 'pae-2m' }, paging, 7);
    expect(found?.failure).toMatchObject({ verdict: 'diverge', occasion: 'fetch_linear' });
    expect(found?.program.lines.at(-1)).toMatchObject({ op: 'fetch_linear' });
  });

  test.each(pagings)('a page that is not forgotten (%s) [T3]', async (paging) => {
    const forgetful = fault(
      'invlpg-does-nothing',
      'impl/hardware/tlb.ts',
      '  flushPage(high: number, low: number): void {\n',
      '  flushPage(high: number, low: number): void {\n    if (low >= 0) return;\n',
    );
    const found = await failureOf(forgetful, { kind: 'changes', tables: 'pae-4k' }, paging, 7);
    expect(found?.failure).toMatchObject({ verdict: 'diverge' });
  });

  test('a table that is written unseen', async () => {
    const unseen = fault(
      'tables-can-be-written',
      'impl/shadow/derive.ts',
      ' && !(isCaught && state.isTable(mfn));',
      ' && (isCaught || !isCaught);',
    );
    const found = await failureOf(unseen, { kind: 'pairs', tables: 'pae' }, 'shadow', 7);
    expect(found?.failure.verdict).toBe('diverge');
  });
});
