import { describe, expect, test } from 'vitest';
import { PFEC_I, PFEC_U, PFEC_W, PTE_A, PTE_D } from '../../abi/control.js';
import { DomainId, Gfn, Mfn } from '../../abi/ids.js';
import { FrameShare } from '../allocator.js';
import { EntryLog } from '../tables/entry-log.js';
import { FrameTable } from '../tables/frame-table.js';
import { GRANT_MAP_RO, GRANT_MAP_RW, RAM_RW } from '../tables/p2m-entry.js';
import { P2mTable } from '../tables/p2m-table.js';
import {
  FRAMES,
  LINEAR_HIGH,
  LINEAR_LOW,
  MODES,
  PAGE,
  TABLE,
  USED,
  pagedCpu,
} from '../testing/page-tables.js';
import type { PagedMode } from '../testing/page-tables.js';
import { Failing } from '../failing.js';
import { newCounters } from '../options.js';
import { REFUSED } from './cpu.js';
import type { Cpu } from './cpu.js';
import type { Ram } from './ram.js';

const READ = 0;
const SHARE = 16;

/** A processor whose tables are guest-physical; guest frames 1..31 are RAM, in the same frames. */
function nestedCpu(mode: PagedMode): { cpu: Cpu; ram: Ram; p2m: P2mTable } {
  const { cpu, ram } = pagedCpu(mode);
  const share = new FrameShare(ram, new FrameTable(FRAMES), FRAMES - SHARE, SHARE);
  const p2m = new P2mTable({
    domain: DomainId(1),
    ram,
    share,
    log: new EntryLog(),
    failing: new Failing(),
    counters: newCounters(),
    gfnLimit: 2 ** 36,
    tableFrames: 12,
    superpages: true,
  });
  p2m.open();
  for (let gfn = 1; gfn < 32; gfn += 1) p2m.set(Gfn(gfn), Mfn(gfn), RAM_RW);
  cpu.isNested = true;
  const root = p2m.tables()[0];
  expect(root).toBeDefined();
  if (root !== undefined) cpu.nestedRoot = root.mfn;
  return { cpu, ram, p2m };
}
function access(cpu: Cpu, mode: PagedMode, how: number): number {
  return cpu.translate(LINEAR_HIGH[mode], LINEAR_LOW[mode], how);
}
function violationOf(cpu: Cpu): unknown[] {
  return [cpu.exit, cpu.faultGfn, cpu.faultIsTable, cpu.faultIsWrite, cpu.faultIsFetch];
}
function contentOf(ram: Ram): number[] {
  const words: number[] = [];
  for (let frame = 0; frame < 32; frame += 1) {
    for (let index = 0; index < 8; index += 1) words.push(ram.tableWord(Mfn(frame), index));
  }
  return words;
}

describe.each(MODES)('nested walk of %i levels', (mode) => {
  test('tables and page go through the nested tables [W1] [W5]', () => {
    const { cpu, ram, p2m } = nestedCpu(mode);
    p2m.set(Gfn(PAGE), Mfn(40), RAM_RW);
    for (const table of [TABLE.one, TABLE.two, TABLE.three, TABLE.four]) {
      ram.copy(Mfn(table), 0, Mfn(32 + table), 0, 4096);
      ram.clear(Mfn(table));
      p2m.set(Gfn(table), Mfn(32 + table), RAM_RW);
    }
    expect(access(cpu, mode, PFEC_W)).toBe(40 * 4096 + 8);
    expect(ram.load32(Mfn(32 + TABLE.one), mode === 2 ? 4 : 8) & PTE_D).toBe(PTE_D);
  });

  test('a page that is not there is told with what was wanted, and nothing is marked [T4] [W6]', () => {
    const { cpu, ram, p2m } = nestedCpu(mode);
    p2m.clear(Gfn(PAGE));
    const before = contentOf(ram);
    expect(access(cpu, mode, READ)).toBe(REFUSED);
    expect(violationOf(cpu)).toEqual(['nested', PAGE, false, false, false]);
    expect(access(cpu, mode, PFEC_W | PFEC_U)).toBe(REFUSED);
    expect(violationOf(cpu)).toEqual(['nested', PAGE, false, true, false]);
    expect(access(cpu, mode, PFEC_I)).toBe(REFUSED);
    expect(violationOf(cpu)).toEqual(['nested', PAGE, false, false, true]);
    expect(contentOf(ram)).toEqual(before);
  });

  test('a table that is not there is told by its frame [W5]', () => {
    const { cpu, p2m } = nestedCpu(mode);
    p2m.clear(Gfn(TABLE.one));
    expect(access(cpu, mode, PFEC_W | PFEC_U)).toBe(REFUSED);
    expect(violationOf(cpu)).toEqual(['nested', TABLE.one, true, false, false]);
    expect(cpu.faultCode).toBe(PFEC_W | PFEC_U);
  });

  test('a fault of the tables comes before the nested tables are asked for the page [W3] [T4]', () => {
    const { cpu, ram, p2m } = nestedCpu(mode);
    ram.store32(Mfn(TABLE.one), mode === 2 ? 4 : 8, 0);
    p2m.clear(Gfn(PAGE));
    expect(access(cpu, mode, READ)).toBe(REFUSED);
    expect(cpu.exit).toBe('page_fault');
  });

  test('a table that cannot be marked is read, if there is nothing to mark [W5] [W6]', () => {
    const { cpu, ram, p2m } = nestedCpu(mode);
    p2m.clear(Gfn(TABLE.one));
    p2m.set(Gfn(TABLE.one), Mfn(TABLE.one), GRANT_MAP_RO);
    const before = contentOf(ram);
    expect(access(cpu, mode, READ)).toBe(REFUSED);
    expect(violationOf(cpu)).toEqual(['nested', TABLE.one, true, true, false]);
    expect(contentOf(ram)).toEqual(before);
    ram.store32(Mfn(TABLE.one), mode === 2 ? 4 : 8, ((PAGE << 12) | USED) >>> 0);
    expect(access(cpu, mode, PFEC_W)).toBe(PAGE * 4096 + 8);
  });

  test('a mapping of a grant takes no fetch, a readonly one no write, with WP or without [T4]', () => {
    const { cpu, p2m } = nestedCpu(mode);
    p2m.clear(Gfn(PAGE));
    p2m.set(Gfn(PAGE), Mfn(41), GRANT_MAP_RO);
    cpu.writeProtect = false;
    for (const _ of [1, 2]) {
      expect(access(cpu, mode, READ)).toBe(41 * 4096 + 8);
      expect(access(cpu, mode, PFEC_W)).toBe(REFUSED);
      expect(violationOf(cpu)).toEqual(['nested', PAGE, false, true, false]);
      expect(access(cpu, mode, PFEC_I)).toBe(REFUSED);
      expect(violationOf(cpu)).toEqual(['nested', PAGE, false, false, true]);
    }
    p2m.clear(Gfn(PAGE));
    p2m.set(Gfn(PAGE), Mfn(41), GRANT_MAP_RW);
    cpu.tlb.flushAll();
    expect(access(cpu, mode, PFEC_W)).toBe(41 * 4096 + 8);
    expect(access(cpu, mode, PFEC_I)).toBe(REFUSED);
  });

  test('of two pages either may be the one that is not there; neither is marked [W6]', () => {
    const { cpu, ram, p2m } = nestedCpu(mode);
    p2m.clear(Gfn(PAGE + 1));
    const before = contentOf(ram);
    const low = LINEAR_LOW[mode] + 0xff4;
    expect(cpu.translateTwo(LINEAR_HIGH[mode], low, PFEC_W)).toBe(false);
    expect(violationOf(cpu)).toEqual(['nested', PAGE + 1, false, true, false]);
    expect(contentOf(ram)).toEqual(before);
    p2m.set(Gfn(PAGE + 1), Mfn(42), RAM_RW);
    expect(cpu.translateTwo(LINEAR_HIGH[mode], low, PFEC_W)).toBe(true);
    expect(cpu.secondAddress).toBe(42 * 4096);
    expect(ram.load32(Mfn(TABLE.one), mode === 2 ? 8 : 16) & (PTE_A | PTE_D)).toBe(PTE_A | PTE_D);
  });
});

describe('nested tables', () => {
  test('translate unpaged addresses, too, and are remembered until told otherwise [T4]', () => {
    const { cpu, p2m } = nestedCpu(2);
    cpu.mode = 0;
    p2m.set(Gfn(5), Mfn(43), RAM_RW);
    expect(cpu.translate(0, 0x5010, PFEC_W)).toBe(43 * 4096 + 0x10);
    expect(cpu.translate(0, 0x8000_0000, READ)).toBe(REFUSED);
    expect(violationOf(cpu)).toEqual(['nested', 0x8_0000, false, false, false]);
    p2m.clear(Gfn(5));
    cpu.tlb.flushAll();
    expect(cpu.translate(0, 0x5010, READ)).toBe(REFUSED);
  });
});
