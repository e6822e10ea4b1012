import { PAGE_BYTES } from '../../abi/word.js';
import { LOADS, NEXT_PAGE, SPAN_BYTES } from './pattern.js';

/*
 * The program that v86 runs in the place of a BIOS: it turns on paging, with 2-level tables that map
 * each page to itself, and goes round three loops for ever, each the same passes. It says on the
 * serial line which one has ended.
 */
export const PASSES = 50;
/** No load at all; a load at each address; the same with CR3 loaded before each pass. */
export const loops = ['empty', 'hit', 'flushed'] as const;
export type Loop = (typeof loops)[number];

const BIOS_BYTES = 0x1_0000;
const BIOS_BASE = 0xf_0000;
const RESET = 0xfff0;
const CODE_32 = 0x20;
const GDT_POINTER = 0x800;
const GDT = 0x810;
const TABLES = 0x20_0000;
const DATA = 0x40_0000;
const SERIAL_PORT = 0x3f8;
const MAPPED_TABLES = 8;
const ENTRIES = 1024;
const PRESENT_WRITABLE_USER = 7;

/** Real mode to protected mode to paging, then the loops. */
export function biosImage(): ArrayBuffer {
  const bios = new Uint8Array(BIOS_BYTES);
  // jmp f000:0000
  bios.set([0xea, half(0), half(BIOS_BASE >>> 4)].flat(), RESET);
  // Flat code and data segments, 4 GiB each.
  bios.set([half(23), word(BIOS_BASE + GDT)].flat(), GDT_POINTER);
  bios.set([0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0, 0xff, 0xff, 0, 0, 0, 0x93, 0xcf, 0], GDT + 8);
  bios.set(realMode(), 0);
  bios.set(protectedMode(), CODE_32);
  return bios.buffer;
}

/** What goes to guest-physical memory before the start: the tables, and ones to load. */
export function memoryImages(): readonly (readonly [bytes: Uint8Array, at: number])[] {
  const tables = new Uint32Array((1 + MAPPED_TABLES) * ENTRIES);
  for (let table = 0; table < MAPPED_TABLES; table += 1) {
    tables[table] = (TABLES + (table + 1) * PAGE_BYTES) | PRESENT_WRITABLE_USER;
  }
  for (let page = 0; page < MAPPED_TABLES * ENTRIES; page += 1) {
    tables[ENTRIES + page] = (page * PAGE_BYTES) | PRESENT_WRITABLE_USER;
  }
  const data = new Uint8Array(SPAN_BYTES).fill(1);
  return [
    [new Uint8Array(tables.buffer), TABLES],
    [data, DATA],
  ];
}

function realMode(): readonly number[] {
  return [
    [0xfa], // cli
    [0x2e, 0x0f, 0x01, 0x16, half(GDT_POINTER)], // lgdt cs:[GDT_POINTER]
    [0x0f, 0x20, 0xc0, 0x0c, 0x01, 0x0f, 0x22, 0xc0], // cr0 |= PE
    [0x66, 0xea, word(BIOS_BASE + CODE_32), half(8)], // jmp 8:CODE_32
  ].flat(2);
}

function protectedMode(): readonly number[] {
  const load = [0x03, 0x9e, word(DATA)].flat(); // ebx += [esi + DATA]
  const flush = [0x0f, 0x20, 0xd8, 0x0f, 0x22, 0xd8]; // eax = cr3, cr3 = eax
  const round = [loop(0, [], []), loop(1, [], load), loop(2, flush, load)].flat();
  return [
    [0x66, 0xb8, half(16), 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0], // ds, es, ss = 16
    [0xb8, word(TABLES), 0x0f, 0x22, 0xd8], // cr3 = TABLES
    [0x0f, 0x20, 0xc0, 0x0d, word(0x8000_0000), 0x0f, 0x22, 0xc0], // cr0 |= PG
    [0x66, 0xba, half(SERIAL_PORT)], // dx = SERIAL_PORT
    round,
    [0xe9, word(-(round.length + 5))], // jmp round
  ].flat(2);
}

/** Says the number of the loop when it has ended. */
function loop(which: number, perPass: readonly number[], perLoad: readonly number[]): number[] {
  const step = [perLoad, 0x81, 0xc6, word(NEXT_PAGE), 0x49].flat(); // esi += NEXT_PAGE, ecx -= 1
  const pass = [
    perPass,
    [0xb9, word(LOADS), 0x31, 0xf6], // ecx = LOADS, esi = 0
    step,
    [0x75, -(step.length + 2), 0x4f], // jnz step, edi -= 1
  ].flat(2);
  return [
    [0xbf, word(PASSES)], // edi = PASSES
    pass,
    [0x75, -(pass.length + 2)], // jnz pass
    [0xb0, which, 0xee], // al = which, out dx, al
  ].flat(2);
}

function half(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff];
}
function word(value: number): readonly number[] {
  return [...half(value), ...half(value >>> 16)];
}
