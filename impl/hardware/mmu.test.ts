import { describe, expect, test } from 'vitest';
import * as control from '../../abi/control.js';
import { Mfn } from '../../abi/ids.js';
import {
  FRAMES,
  LINEAR_HIGH,
  LINEAR_LOW,
  MODES,
  NEXT_PAGE,
  OPEN,
  PAGE,
  TABLE,
  USED,
  pagedCpu,
  put,
  read,
} from '../testing/page-tables.js';
import type { PagedMode } from '../testing/page-tables.js';
import { Cpu, REFUSED } from './cpu.js';
import * as entry from './page-entry.js';
import { Ram } from './ram.js';
import { ACCESS_AC, ACCESS_IMPLICIT } from './rights.js';

const { PFEC_I, PFEC_P, PFEC_PK, PFEC_RSVD, PFEC_U, PFEC_W, PTE_A, PTE_D } = control;
const { PTE_NX_HIGH, PTE_P, PTE_PS, PTE_RW, PTE_US } = control;
const READ = 0;
const ALL_LEVELS = [1, 2, 3, 4];

/** The access to the mapped page by a `Cpu` of `pagedCpu`. */
function access(cpu: Cpu, mode: PagedMode, how: number): number {
  return cpu.translate(LINEAR_HIGH[mode], LINEAR_LOW[mode], how);
}
/** The fault code of that access. */
function codeOf(cpu: Cpu, mode: PagedMode, how: number): number {
  expect(access(cpu, mode, how)).toBe(REFUSED);
  expect(cpu.exit).toBe('page_fault');
  return cpu.faultCode;
}
/** Levels of tables in memory. */
function levelsOf(mode: PagedMode): number[] {
  return ALL_LEVELS.filter((level) => level <= mode && !(mode === 3 && level === 3));
}
function lowWords(ram: Ram, mode: PagedMode): number[] {
  return levelsOf(mode).map((level) => read(ram, mode, level, 1));
}

describe.each(MODES)('walk of %i levels', (mode) => {
  test('the page is where the tables say, with the offset of the address [W1]', () => {
    const { cpu } = pagedCpu(mode);
    expect(access(cpu, mode, READ)).toBe(PAGE * 4096 + 8);
    expect(cpu.translate(LINEAR_HIGH[mode], LINEAR_LOW[mode] + 0x1000, READ)).toBe(
      NEXT_PAGE * 4096 + 8,
    );
  });

  test('an entry that is not present at any level ends the walk, whatever else it says [W2] [W4]', () => {
    for (const level of levelsOf(mode)) {
      const { cpu, ram } = pagedCpu(mode, OPEN & ~PTE_US);
      put(ram, mode, level, 1, 0xffff_fffe, 0xffff_ffff);
      expect(codeOf(cpu, mode, PFEC_U | PFEC_W)).toBe(PFEC_U | PFEC_W);
    }
  });

  test('a reserved bit below wins over rights missing above, and above over a hole below [W2]', () => {
    if (mode === 2) return;
    const closed = pagedCpu(mode, PTE_P);
    put(closed.ram, mode, TABLE.one, 1, PTE_P, 1 << 8);
    expect(codeOf(closed.cpu, mode, PFEC_U)).toBe(PFEC_P | PFEC_RSVD | PFEC_U);
    const hollow = pagedCpu(mode);
    put(hollow.ram, mode, TABLE.one, 1, 0);
    put(hollow.ram, mode, TABLE.two, 1, OPEN | (TABLE.one << 12), 1 << 8);
    expect(codeOf(hollow.cpu, mode, READ)).toBe(PFEC_P | PFEC_RSVD);
  });

  test('bit 63 is reserved at every level while NXE is off [W2]', () => {
    if (mode === 2) return;
    for (const level of levelsOf(mode)) {
      const { cpu, ram } = pagedCpu(mode);
      cpu.noExecute = false;
      const low = read(ram, mode, level, 1);
      put(ram, mode, level, 1, low, PTE_NX_HIGH);
      expect(codeOf(cpu, mode, READ)).toBe(PFEC_P | PFEC_RSVD);
      cpu.noExecute = true;
      expect(access(cpu, mode, READ)).toBe(PAGE * 4096 + 8);
      expect(codeOf(cpu, mode, PFEC_I)).toBe(PFEC_P | PFEC_I);
    }
  });

  test('user pages and writable pages are so at all levels [W3] [W4]', () => {
    for (const level of levelsOf(mode)) {
      const { cpu, ram } = pagedCpu(mode);
      const low = read(ram, mode, level, 1);
      put(ram, mode, level, 1, low & ~PTE_US);
      expect(codeOf(cpu, mode, PFEC_U)).toBe(PFEC_P | PFEC_U);
      expect(access(cpu, mode, PFEC_W)).not.toBe(REFUSED);
      cpu.tlb.flushAll();
      put(ram, mode, level, 1, low & ~PTE_RW);
      expect(codeOf(cpu, mode, PFEC_W | PFEC_U)).toBe(PFEC_P | PFEC_W | PFEC_U);
      expect(codeOf(cpu, mode, PFEC_W)).toBe(PFEC_P | PFEC_W);
      expect(access(cpu, mode, PFEC_U)).not.toBe(REFUSED);
      cpu.writeProtect = false;
      expect(access(cpu, mode, PFEC_W)).not.toBe(REFUSED);
      expect(codeOf(cpu, mode, PFEC_W | PFEC_U)).toBe(PFEC_P | PFEC_W | PFEC_U);
    }
  });

  test('A is set at each level, D in the leaf by a write only [W6]', () => {
    const { cpu, ram } = pagedCpu(mode);
    const before = lowWords(ram, mode);
    access(cpu, mode, READ);
    expect(lowWords(ram, mode)).toEqual(before.map((low) => low | PTE_A));
    access(cpu, mode, PFEC_W);
    expect(lowWords(ram, mode)).toEqual(
      before.map((low, index) => low | PTE_A | (index === 0 ? PTE_D : 0)),
    );
  });

  test('a fault writes nothing [W6]', () => {
    for (const level of levelsOf(mode)) {
      const { cpu, ram } = pagedCpu(mode);
      put(ram, mode, level, 1, read(ram, mode, level, 1) & ~PTE_RW);
      const before = lowWords(ram, mode);
      expect(codeOf(cpu, mode, PFEC_W)).toBe(PFEC_P | PFEC_W);
      expect(lowWords(ram, mode)).toEqual(before);
    }
  });

  test('an access to two pages marks nothing unless both allow it; then both [W6]', () => {
    const { cpu, ram } = pagedCpu(mode);
    const low = LINEAR_LOW[mode] + 0xff4;
    put(ram, mode, TABLE.one, 2, 0);
    const before = lowWords(ram, mode);
    expect(cpu.translateTwo(LINEAR_HIGH[mode], low, PFEC_W)).toBe(false);
    expect([cpu.faultHigh, cpu.faultLow]).toEqual([LINEAR_HIGH[mode], low + 4]);
    expect(cpu.faultCode).toBe(PFEC_W);
    expect(lowWords(ram, mode)).toEqual(before);

    put(ram, mode, TABLE.one, 2, entry.lowWord(NEXT_PAGE, OPEN));
    expect(cpu.translateTwo(LINEAR_HIGH[mode], low, PFEC_W)).toBe(true);
    expect([cpu.firstAddress, cpu.secondAddress]).toEqual([PAGE * 4096 + 0xffc, NEXT_PAGE * 4096]);
    for (const index of [1, 2]) {
      expect(read(ram, mode, TABLE.one, index) & (PTE_A | PTE_D)).toBe(PTE_A | PTE_D);
    }
    expect(read(ram, mode, TABLE.two, 1) & (PTE_A | PTE_D)).toBe(PTE_A);
  });

  test('of two pages the first is judged first, at its own address [W6]', () => {
    const { cpu, ram } = pagedCpu(mode);
    put(ram, mode, TABLE.one, 1, entry.lowWord(PAGE, OPEN & ~PTE_US));
    put(ram, mode, TABLE.one, 2, 0);
    const low = LINEAR_LOW[mode] + 0xff4;
    expect(cpu.translateTwo(LINEAR_HIGH[mode], low, PFEC_U)).toBe(false);
    expect([cpu.faultCode, cpu.faultLow]).toEqual([PFEC_P | PFEC_U, low]);
  });

  test('SMEP and SMAP keep the supervisor from user pages [W3]', () => {
    const { cpu } = pagedCpu(mode);
    cpu.smep = true;
    expect(codeOf(cpu, mode, PFEC_I)).toBe(PFEC_P | PFEC_I);
    expect(access(cpu, mode, READ)).not.toBe(REFUSED);
    expect(access(cpu, mode, PFEC_I | PFEC_U)).not.toBe(REFUSED);
    cpu.smep = false;
    cpu.smap = true;
    expect(access(cpu, mode, PFEC_I)).not.toBe(REFUSED);
    expect(codeOf(cpu, mode, READ)).toBe(PFEC_P);
    expect(codeOf(cpu, mode, PFEC_W)).toBe(PFEC_P | PFEC_W);
    expect(access(cpu, mode, ACCESS_AC)).not.toBe(REFUSED);
    expect(codeOf(cpu, mode, ACCESS_AC | ACCESS_IMPLICIT | PFEC_U)).toBe(PFEC_P);
    expect(access(cpu, mode, PFEC_U)).not.toBe(REFUSED);
  });

  test('a fetch shows in the code with SMEP, or with NXE in wide tables [W4]', () => {
    const { cpu, ram } = pagedCpu(mode);
    put(ram, mode, TABLE.one, 1, 0);
    expect(codeOf(cpu, mode, PFEC_I | PFEC_U)).toBe(PFEC_U | (mode === 2 ? 0 : PFEC_I));
    cpu.noExecute = false;
    expect(codeOf(cpu, mode, PFEC_I | PFEC_U)).toBe(PFEC_U);
    cpu.smep = true;
    expect(codeOf(cpu, mode, PFEC_I | PFEC_U)).toBe(PFEC_U | PFEC_I);
  });

  test('tables beyond the end of memory are not present; pages there have an address [W1]', () => {
    const far = 0xf_ff00;
    const { cpu, ram } = pagedCpu(mode);
    put(ram, mode, TABLE.one, 1, entry.lowWord(far, OPEN));
    expect(access(cpu, mode, READ)).toBe(far * 4096 + 8);
    expect(access(cpu, mode, READ)).toBe(far * 4096 + 8);
    put(ram, mode, TABLE.two, 1, entry.lowWord(FRAMES, OPEN));
    expect(codeOf(cpu, mode, READ)).toBe(0);
  });
});

describe('walks of one mode', () => {
  test('unpaged addresses are physical, modulo 4 GiB [W1]', () => {
    const cpu = new Cpu(new Ram(FRAMES), pagedCpu(2).cpu.features, 4);
    expect(cpu.translate(5, 0x1234, PFEC_W | PFEC_U)).toBe(0x1234);
    expect(cpu.translate(0, 0xffff_fffc, PFEC_I)).toBe(0xffff_fffc);
    expect(cpu.translateTwo(0, 0xffff_fffc, READ)).toBe(true);
    expect([cpu.firstAddress, cpu.secondAddress]).toEqual([0xffff_fffc, 0]);
  });

  test('a high half is not looked at outside long mode [W1]', () => {
    const { cpu } = pagedCpu(3);
    expect(cpu.translate(0xdead, LINEAR_LOW[3], READ)).toBe(PAGE * 4096 + 8);
    expect(cpu.isReachable(0xdead, 0, 8)).toBe(true);
  });

  test('in long mode the first and the last byte must be canonical [A6]', () => {
    const { cpu } = pagedCpu(4);
    expect(cpu.isReachable(0x7fff, 0xffff_fff8, 8)).toBe(true);
    expect(cpu.isReachable(0x7fff, 0xffff_fff9, 8)).toBe(false);
    expect(cpu.isReachable(0x8000, 0, 1)).toBe(false);
    expect(cpu.isReachable(0xffff_7fff, 0xffff_ffff, 2)).toBe(false);
    expect(cpu.isReachable(0xffff_8000, 0, 8)).toBe(true);
    expect(cpu.isReachable(0xffff_ffff, 0xffff_ffff, 8)).toBe(true);
  });

  test('PS without CR4.PSE points to a table, and nothing is reserved [W2]', () => {
    const { cpu, ram } = pagedCpu(2);
    put(ram, 2, TABLE.two, 1, entry.lowWord(TABLE.one, OPEN | PTE_PS));
    cpu.superpages = false;
    expect(access(cpu, 2, READ)).toBe(PAGE * 4096 + 8);
  });

  test('a 4 MiB page: the base, the rest of the address, PSE36 above [W1]', () => {
    const { cpu, ram } = pagedCpu(2);
    put(ram, 2, TABLE.two, 1, 0x00c0_0000 | (0x5a << 13) | 0x1000 | OPEN | PTE_PS);
    expect(access(cpu, 2, READ)).toBe(0x5a * 2 ** 32 + 0xc0_1008);
    put(ram, 2, TABLE.two, 1, (1 << 21) | OPEN | PTE_PS);
    expect(codeOf(cpu, 2, READ)).toBe(PFEC_P | PFEC_RSVD);
  });

  test.each([
    [3, 2, 0x3fc0_0000, 0xff, 0x3fc0_1008],
    [4, 2, 0x3fc0_0000, 0xff, 0x3fc0_1008],
    [4, 3, 0x4000_0000, 0xff, 0x4020_1008],
  ] as const)('%i levels, a superpage of level %i [W1] [W6]', (mode, level, low, high, answer) => {
    const { cpu, ram } = pagedCpu(mode);
    put(ram, mode, level, 1, (low | 0x1000 | OPEN | PTE_PS) >>> 0, high);
    expect(access(cpu, mode, PFEC_W)).toBe(high * 2 ** 32 + answer);
    expect(read(ram, mode, level, 1) & (PTE_A | PTE_D)).toBe(PTE_A | PTE_D);
    put(ram, mode, level, 1, (low | 0x2000 | OPEN | PTE_PS) >>> 0, high);
    expect(codeOf(cpu, mode, READ)).toBe(PFEC_P | PFEC_RSVD);
  });

  test('PS is reserved at level 4, and at level 3 without 1 GiB pages [W2]', () => {
    const { cpu, ram } = pagedCpu(4);
    put(ram, 4, TABLE.four, 1, entry.lowWord(TABLE.three, OPEN | PTE_PS));
    expect(codeOf(cpu, 4, READ)).toBe(PFEC_P | PFEC_RSVD);
    const modest = new Cpu(ram, { ...cpu.features, gibPages: false }, 4);
    put(ram, 4, TABLE.four, 1, entry.lowWord(TABLE.three, OPEN));
    put(ram, 4, TABLE.three, 1, OPEN | PTE_PS);
    modest.mode = 4;
    modest.rootFrame = TABLE.four;
    expect(codeOf(modest, 4, READ)).toBe(PFEC_P | PFEC_RSVD);
  });

  test('PAE goes by its registers, which give no rights and take no marks [W7]', () => {
    const { cpu } = pagedCpu(3);
    const before = [...cpu.pdptes];
    expect(access(cpu, 3, PFEC_W | PFEC_U)).toBe(PAGE * 4096 + 8);
    expect([...cpu.pdptes]).toEqual(before);
    expect(cpu.translate(0, LINEAR_LOW[3] + 0x4000_0000, READ)).toBe(REFUSED);
    expect(cpu.faultCode).toBe(0);
  });

  test('protection keys judge data of user pages, and first [W3] [W4]', () => {
    const { cpu, ram } = pagedCpu(4);
    const key = 5;
    const high = key << control.PTE_KEY_SHIFT_HIGH;
    put(ram, 4, TABLE.one, 1, entry.lowWord(PAGE, OPEN & ~PTE_RW), high);
    cpu.pkru = 2 << (key * 2);
    expect(codeOf(cpu, 4, PFEC_W)).toBe(PFEC_P | PFEC_W);
    cpu.keys = true;
    expect(codeOf(cpu, 4, PFEC_W)).toBe(PFEC_P | PFEC_PK | PFEC_W);
    expect(access(cpu, 4, PFEC_U)).not.toBe(REFUSED);
    cpu.writeProtect = false;
    expect(access(cpu, 4, PFEC_W)).not.toBe(REFUSED);
    cpu.pkru = 1 << (key * 2);
    expect(codeOf(cpu, 4, READ)).toBe(PFEC_P | PFEC_PK);
    expect(access(cpu, 4, PFEC_I)).not.toBe(REFUSED);
    put(ram, 4, TABLE.one, 1, entry.lowWord(PAGE, OPEN & ~PTE_US), high);
    cpu.tlb.flushAll();
    expect(access(cpu, 4, READ)).not.toBe(REFUSED);
  });

  test('one entry may be all levels at once; it gets A and D together [W6]', () => {
    const ram = new Ram(FRAMES);
    const { cpu } = pagedCpu(4);
    const self = new Cpu(ram, cpu.features, 4);
    self.mode = 4;
    self.rootFrame = TABLE.four;
    put(ram, 4, TABLE.four, 0, entry.lowWord(TABLE.four, OPEN));
    expect(self.translate(0, 0x10, PFEC_W)).toBe(TABLE.four * 4096 + 0x10);
    expect(ram.load32(Mfn(TABLE.four), 0)).toBe(entry.lowWord(TABLE.four, USED));
  });
});
