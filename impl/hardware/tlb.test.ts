import { describe, expect, test } from 'vitest';
import {
  PFEC_I,
  PFEC_P,
  PFEC_U,
  PFEC_W,
  PTE_A,
  PTE_D,
  PTE_NX_HIGH,
  PTE_PS,
  PTE_RW,
} from '../../abi/control.js';
import {
  LINEAR_HIGH,
  LINEAR_LOW,
  MODES,
  NEXT_PAGE,
  OPEN,
  PAGE,
  TABLE,
  pagedCpu,
  put,
  read,
} from '../testing/page-tables.js';
import { REFUSED } from './cpu.js';
import * as entry from './page-entry.js';
import { CONTROL_WP, RIGHT_DIRTY, RIGHT_RW, RIGHT_USER } from './rights.js';
import { Tlb } from './tlb.js';

const READ = 0;

describe.each(MODES)('remembered translations of %i levels', (mode) => {
  const high = LINEAR_HIGH[mode];
  const low = LINEAR_LOW[mode];

  test('hold whatever the tables say since, until the page is forgotten [T1] [T3]', () => {
    const { cpu, ram } = pagedCpu(mode);
    const address = cpu.translate(high, low, READ);
    put(ram, mode, TABLE.one, 1, 0);
    expect(cpu.translate(high, low + 4, READ)).toBe(address + 4);
    cpu.invalidatePage(high, low + 0x1000);
    expect(cpu.translate(high, low, READ)).toBe(address);
    cpu.invalidatePage(high, low + 0x10);
    expect(cpu.translate(high, low, READ)).toBe(REFUSED);
  });

  test('are all gone after a flush of everything [T2]', () => {
    const { cpu, ram } = pagedCpu(mode);
    cpu.translate(high, low, READ);
    put(ram, mode, TABLE.one, 1, 0);
    cpu.tlb.flushAll();
    expect(cpu.translate(high, low, READ)).toBe(REFUSED);
  });

  test('that do not permit an access are not used: the tables are read again [T1]', () => {
    const { cpu, ram } = pagedCpu(mode, OPEN & ~PTE_RW);
    cpu.translate(high, low, READ);
    for (let level: number = mode; level >= 1; level -= 1) {
      put(ram, mode, level, 1, read(ram, mode, level, 1) | PTE_RW);
    }
    put(ram, mode, TABLE.one, 1, entry.lowWord(NEXT_PAGE, OPEN));
    expect(cpu.translate(high, low, READ)).toBe(PAGE * 4096 + 8);
    expect(cpu.translate(high, low, PFEC_W)).toBe(NEXT_PAGE * 4096 + 8);
    expect(cpu.translate(high, low, READ)).toBe(NEXT_PAGE * 4096 + 8);
  });

  test('never make a fault: what is refused was walked to [T1]', () => {
    const { cpu, ram } = pagedCpu(mode);
    cpu.translate(high, low, READ);
    put(ram, mode, TABLE.one, 1, entry.lowWord(PAGE, OPEN & ~PTE_RW));
    expect(cpu.translate(high, low, PFEC_W)).toBe(REFUSED);
    expect(cpu.faultCode).toBe(PFEC_P | PFEC_W);
    expect(cpu.translate(high, low, READ)).toBe(PAGE * 4096 + 8);
  });

  test('write no A and D; the first write sets D, and later ones trust it [T1] [W6]', () => {
    const { cpu, ram } = pagedCpu(mode);
    const clean = entry.lowWord(PAGE, OPEN);
    cpu.translate(high, low, READ);
    put(ram, mode, TABLE.one, 1, clean);
    cpu.translate(high, low, READ);
    expect(read(ram, mode, TABLE.one, 1)).toBe(clean);
    cpu.translate(high, low, PFEC_W);
    expect(read(ram, mode, TABLE.one, 1)).toBe(clean | PTE_A | PTE_D);
    put(ram, mode, TABLE.one, 1, clean);
    cpu.translate(high, low, PFEC_W);
    expect(read(ram, mode, TABLE.one, 1)).toBe(clean);
  });

  test('are judged by WP, SMEP, SMAP and the privilege of now [T1]', () => {
    const { cpu } = pagedCpu(mode, OPEN & ~PTE_RW);
    cpu.writeProtect = false;
    expect(cpu.translate(high, low, PFEC_W)).toBe(PAGE * 4096 + 8);
    expect(cpu.translate(high, low, PFEC_I)).toBe(PAGE * 4096 + 8);
    expect(cpu.translate(high, low, PFEC_W | PFEC_U)).toBe(REFUSED);
    cpu.writeProtect = true;
    expect(cpu.translate(high, low, PFEC_W)).toBe(REFUSED);
    cpu.smep = true;
    expect(cpu.translate(high, low, PFEC_I)).toBe(REFUSED);
    cpu.smap = true;
    expect(cpu.translate(high, low, READ)).toBe(REFUSED);
    cpu.smap = false;
    expect(cpu.translate(high, low, READ)).toBe(PAGE * 4096 + 8);
  });

  test('serve each page of an access to two [T1] [T3]', () => {
    const { cpu, ram } = pagedCpu(mode);
    const crossing = low + 0xff4;
    expect(cpu.translateTwo(high, crossing, PFEC_W)).toBe(true);
    put(ram, mode, TABLE.one, 1, 0);
    put(ram, mode, TABLE.one, 2, 0);
    expect(cpu.translateTwo(high, crossing, PFEC_W)).toBe(true);
    expect([cpu.firstAddress, cpu.secondAddress]).toEqual([PAGE * 4096 + 0xffc, NEXT_PAGE * 4096]);
    cpu.invalidatePage(high, low + 0x1000);
    expect(cpu.translateTwo(high, crossing, PFEC_W)).toBe(false);
    expect(cpu.faultLow).toBe(crossing + 4);
  });

  test('of a superpage go together, also by an address that was never used [T3]', () => {
    const { cpu, ram } = pagedCpu(mode);
    put(ram, mode, TABLE.two, 1, OPEN | PTE_PS);
    const base = low - 0x1008;
    cpu.translate(high, base + 0x3000, READ);
    cpu.translate(high, base + 0x5000, READ);
    put(ram, mode, TABLE.two, 1, 0);
    expect(cpu.translate(high, base + 0x3000, READ)).toBe(0x3000);
    cpu.invalidatePage(high, base + 0x4000);
    expect(cpu.translate(high, base + 0x3000, READ)).toBe(REFUSED);
    expect(cpu.translate(high, base + 0x5000, READ)).toBe(REFUSED);
  });
});

describe('remembered translations', () => {
  test('of PDPTEs: registers change nothing that is remembered [T1] [W7]', () => {
    const { cpu } = pagedCpu(3);
    cpu.translate(0, LINEAR_LOW[3], READ);
    cpu.pdptes[0] = 0;
    expect(cpu.translate(0, LINEAR_LOW[3], READ)).toBe(PAGE * 4096 + 8);
    cpu.tlb.flushAll();
    expect(cpu.translate(0, LINEAR_LOW[3], READ)).toBe(REFUSED);
  });

  test('keep NX as it was read [T1]', () => {
    const { cpu, ram } = pagedCpu(4);
    put(ram, 4, TABLE.one, 1, entry.lowWord(PAGE, OPEN), PTE_NX_HIGH);
    cpu.translate(LINEAR_HIGH[4], LINEAR_LOW[4], READ);
    cpu.noExecute = false;
    expect(cpu.translate(LINEAR_HIGH[4], LINEAR_LOW[4], READ)).toBe(PAGE * 4096 + 8);
  });

  test('are subject to the protection keys of now [T1]', () => {
    const { cpu } = pagedCpu(4);
    const at = (access: number) => cpu.translate(LINEAR_HIGH[4], LINEAR_LOW[4], access);
    expect(at(PFEC_W)).toBe(PAGE * 4096 + 8);
    cpu.keys = true;
    expect(at(PFEC_W)).toBe(PAGE * 4096 + 8);
    cpu.pkru = 2;
    expect(at(PFEC_W)).toBe(REFUSED);
    expect(at(READ)).toBe(PAGE * 4096 + 8);
    cpu.pkru = 1;
    expect(at(READ)).toBe(REFUSED);
    expect(at(PFEC_I)).toBe(PAGE * 4096 + 8);
    cpu.keys = false;
    expect(at(READ)).toBe(PAGE * 4096 + 8);
  });

  test('of different high halves are different pages [T1]', () => {
    const { cpu } = pagedCpu(4);
    expect(cpu.translate(LINEAR_HIGH[4], LINEAR_LOW[4], READ)).toBe(PAGE * 4096 + 8);
    expect(cpu.translate(LINEAR_HIGH[4] + 0x80, LINEAR_LOW[4], READ)).toBe(REFUSED);
  });

  test('INVLPG of an address that is not canonical forgets nothing [T3] [C6]', () => {
    const { cpu, ram } = pagedCpu(4);
    cpu.translate(LINEAR_HIGH[4], LINEAR_LOW[4], READ);
    put(ram, 4, TABLE.one, 1, 0);
    cpu.invalidatePage(0xffff_0000 | LINEAR_HIGH[4], LINEAR_LOW[4]);
    expect(cpu.translate(LINEAR_HIGH[4], LINEAR_LOW[4], READ)).toBe(PAGE * 4096 + 8);
  });
});

describe('TLB', () => {
  const rights = RIGHT_RW | RIGHT_USER | RIGHT_DIRTY;

  function filled(entries: number): Tlb {
    const tlb = new Tlb(entries);
    for (let page = 0; page < entries; page += 1) {
      tlb.fill(0, page * 4096, page + 7, rights, 12, CONTROL_WP);
    }
    return tlb;
  }
  function held(tlb: Tlb): number[] {
    const frames: number[] = [];
    tlb.forEach((_high, _low, frame) => {
      frames.push(frame);
    });
    return frames;
  }

  test('holds as many pages as it has entries; the next one takes the place of one [T1]', () => {
    const tlb = filled(4);
    expect(held(tlb)).toEqual([7, 8, 9, 10]);
    tlb.fill(0, 5 * 4096, 99, rights, 12, CONTROL_WP);
    expect(held(tlb)).toEqual([7, 99, 9, 10]);
    expect(tlb.findAnew(0, 5 * 4096 + 12, PFEC_W, CONTROL_WP, 0)).toBe(99 * 4096 + 12);
    expect(tlb.findAnew(0, 4096, READ, CONTROL_WP, 0)).toBe(-1);
  });

  test('forgets everything without looking at a row [T2]', () => {
    const tlb = filled(1024);
    tlb.flushAll();
    expect(tlb.flushWork).toBe(0);
    expect(held(tlb)).toEqual([]);
    expect(tlb.findAnew(0, 0, READ, 0, 0)).toBe(-1);
  });

  test('forgets a page by looking at one row, while it holds no superpage [T3]', () => {
    const tlb = filled(16);
    tlb.flushPage(0, 3 * 4096);
    expect(tlb.flushWork).toBe(1);
    expect(held(tlb)).not.toContain(10);
    tlb.fill(0, 0x20_0000, 50, rights, 21, CONTROL_WP);
    tlb.flushPage(0, 4 * 4096);
    expect(tlb.flushWork).toBe(17);
    tlb.flushAll();
    tlb.flushPage(0, 4 * 4096);
    expect(tlb.flushWork).toBe(18);
  });

  test('does not take rows of long ago for new ones when its generations come round [T2]', () => {
    const tlb = filled(2);
    for (let flush = 0; flush < 2 ** 16; flush += 1) tlb.flushAll();
    expect(tlb.flushWork).toBe(2);
    expect(held(tlb)).toEqual([]);
    expect(tlb.findAnew(0, 4096, READ, CONTROL_WP, 0)).toBe(-1);
  });
});
