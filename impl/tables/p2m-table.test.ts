import { describe, expect, test } from 'vitest';
import { DomainId, Gfn, Mfn } from '../../abi/ids.js';
import { FrameShare } from '../allocator.js';
import { Ram } from '../hardware/ram.js';
import { Failing } from '../failing.js';
import { newCounters } from '../options.js';
import { EntryLog } from './entry-log.js';
import { FrameTable } from './frame-table.js';
import { NOTHING, RAM_RW, mfnOf } from './p2m-entry.js';
import { P2mTable } from './p2m-table.js';

const SHARE_FRAMES = 20;

function tableOf(tableFrames: number, gfnLimit = 2 ** 36): { table: P2mTable; share: FrameShare } {
  const ram = new Ram(SHARE_FRAMES);
  const share = new FrameShare(ram, new FrameTable(SHARE_FRAMES), 0, SHARE_FRAMES);
  const log = new EntryLog();
  const failing = new Failing();
  const counters = newCounters();
  const domain = DomainId(1);
  const limits = { gfnLimit, tableFrames, superpages: true };
  const table = new P2mTable({ domain, ram, share, log, failing, counters, ...limits });
  table.open();
  return { table, share };
}

describe('p2m table', () => {
  test('a frame is found at the gfn it was put and nowhere near', () => {
    const { table } = tableOf(16);
    for (const gfn of [0, 511, 512, 0x12_3456, 0xf_ffff_ffff]) {
      table.set(Gfn(gfn), Mfn(gfn % 97), RAM_RW);
      expect(mfnOf(table.lookup(Gfn(gfn)))).toBe(gfn % 97);
    }
    expect(table.lookup(Gfn(1))).toBe(NOTHING);
    expect(table.lookup(Gfn(0x12_3457))).toBe(NOTHING);
    expect(table.highestGfn()).toBe(0xf_ffff_ffff);
  });

  test('the highest gfn stays when what was there goes [P13]', () => {
    const { table } = tableOf(8);
    table.set(Gfn(700), Mfn(3), RAM_RW);
    table.clear(Gfn(700));
    expect(table.lookup(Gfn(700))).toBe(NOTHING);
    expect(table.highestGfn()).toBe(700);
  });

  test('a walk that finds the pool empty fails, and tables it added on the way stay', () => {
    const { table } = tableOf(5);
    expect(table.set(Gfn(0), Mfn(1), RAM_RW)).toBe('set');
    expect(table.set(Gfn(2 ** 27), Mfn(1), RAM_RW)).toBe('-ENOMEM');
    expect(table.tables().map(({ level }) => level)).toEqual([4, 3, 2, 1, 3]);
    expect(table.set(Gfn(1), Mfn(1), RAM_RW)).toBe('set');
  });

  test('a gfn at the limit has no place in any table', () => {
    const { table } = tableOf(8, 0x1000);
    expect(table.set(Gfn(0x1000), Mfn(1), RAM_RW)).toBe('-ENOENT');
    expect(table.set(Gfn(0xfff), Mfn(1), RAM_RW)).toBe('set');
    expect(table.lookup(Gfn(2 ** 64))).toBe(NOTHING);
  });

  test('dropping tables one by one gives every frame back and shows what each held', () => {
    const { table, share } = tableOf(16);
    table.set(Gfn(5), Mfn(1), RAM_RW);
    table.set(Gfn(0x9_0000), Mfn(2), RAM_RW);
    const seen: number[] = [];
    while (table.dropTable((gfn) => seen.push(gfn)));
    expect(seen.toSorted((one, other) => one - other)).toEqual([5, 0x9_0000]);
    expect(table.lookup(Gfn(5))).toBe(NOTHING);
    expect(share.freeCount()).toBe(SHARE_FRAMES - 1);
    table.dropRoot();
    expect(share.freeCount()).toBe(SHARE_FRAMES);
  });

  test('a table that is closed takes nothing more from the pool', () => {
    const { table } = tableOf(16);
    table.close();
    expect(table.set(Gfn(5), Mfn(1), RAM_RW)).toBe('-ENOMEM');
  });
});
