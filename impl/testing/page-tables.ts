import { PTE_A, PTE_D, PTE_P, PTE_RW, PTE_US } from '../../abi/control.js';
import { Mfn } from '../../abi/ids.js';
import { Cpu } from '../hardware/cpu.js';
import * as entry from '../hardware/page-entry.js';
import { Ram } from '../hardware/ram.js';

/** Present, writable, the user's; A and D clear. */
export const OPEN = PTE_P | PTE_RW | PTE_US;
/** The same with A and D set already. */
export const USED = OPEN | PTE_A | PTE_D;

export const FRAMES = 64;
/** Tables by level, each in the frame of its level; PAE's level 3 is in registers. */
export const TABLE = { one: 1, two: 2, three: 3, four: 4 } as const;
/** The page that `pagedCpu` maps, in a 4 KiB leaf, and the one after it. */
export const PAGE = 20;
export const NEXT_PAGE = 21;
/** An address in that page, through entry 1 of each table but PAE's top (entry 0). */
export const LINEAR_HIGH = { 2: 0, 3: 0, 4: 0x80 } as const;
export const LINEAR_LOW = { 2: 0x0040_1008, 3: 0x0020_1008, 4: 0x4020_1008 } as const;

export type PagedMode = 2 | 3 | 4;
export const MODES: readonly PagedMode[] = [2, 3, 4];
export const FEATURES = { addressBits: 40, gibPages: true, pse36: true, protectionKeys: true };

/** Writes an entry of a table. */
export function put(
  ram: Ram,
  mode: PagedMode,
  table: number,
  index: number,
  low: number,
  high = 0,
): void {
  if (mode === 2) ram.store32(Mfn(table), index * 4, low);
  else ram.store64(Mfn(table), index * 8, low, high);
}

/** The low word of an entry. */
export function read(ram: Ram, mode: PagedMode, table: number, index: number): number {
  return ram.load32(Mfn(table), index * (mode === 2 ? 4 : 8));
}

/** Level 1 entries 1 and 2 map `PAGE` and `NEXT_PAGE`; entry 1 of each upper table leads there. */
export function pagedCpu(
  mode: PagedMode,
  flags: number = OPEN,
  tlbEntries = 16,
): { cpu: Cpu; ram: Ram } {
  const ram = new Ram(FRAMES);
  const cpu = new Cpu(ram, FEATURES, tlbEntries);
  cpu.mode = mode;
  cpu.rootFrame = mode;
  cpu.superpages = true;
  cpu.noExecute = true;
  cpu.writeProtect = true;
  cpu.pdptes[0] = entry.lowWord(TABLE.two, PTE_P);
  for (let level: number = mode; level > 1; level -= 1) {
    put(ram, mode, level, 1, entry.lowWord(level - 1, flags));
  }
  put(ram, mode, TABLE.one, 1, entry.lowWord(PAGE, flags));
  put(ram, mode, TABLE.one, 2, entry.lowWord(NEXT_PAGE, flags));
  return { cpu, ram };
}
