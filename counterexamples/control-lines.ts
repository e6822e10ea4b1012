import {
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PAE,
  CR4_PGE,
  CR4_PKE,
  CR4_PSE,
  CR4_SMAP,
  CR4_SMEP,
  EFER_LMA,
  EFER_LME,
  EFER_NXE,
  EFER_SCE,
} from '../abi/control.js';
import type { Control, MoveToRegister } from '../abi/step.js';
import { whole } from './batch.js';
import type { Arguments, Caller } from './arguments.js';
import { flagsText, parseFlags, type Flags } from './flags.js';
import { parseVa, vaText } from './linear-lines.js';
import { parseWord, u32, wordText } from './numbers.js';

/*
 * cr0     value=pe+et+wp+pg
 * cr4     value=pse+pae+pge+smep+smap+pke
 * efer    value=sce+lme+lma+nxe
 * pkru    value=0x5
 * cr3     value=0x6000
 * invlpg  va=0x6010
 *
 * A register in which a bit is set that has no name, or none, is a number.
 */

export function controlText(line: Control): string {
  switch (line.op) {
    case 'cr0':
    case 'cr4':
    case 'efer':
    case 'pkru':
      return `value=${flagsText(line.value, registers[line.op])}`;
    case 'cr3':
      return `value=${wordText(line.value, 0)}`;
    case 'invlpg':
      return `va=${vaText(line.linear)}`;
  }
}

export function parseControl(op: Control['op'], by: Caller, { words }: Arguments): Control {
  switch (op) {
    case 'cr0':
    case 'cr4':
    case 'efer':
    case 'pkru': {
      const token = whole(words, (each) => each.keyed('value', 'flags, or a number'));
      return { op, ...by, value: parseFlags(token, registers[op], u32) };
    }
    case 'cr3':
      return {
        op,
        ...by,
        value: parseWord(whole(words, (each) => each.keyed('value', 'a value'))),
      };
    case 'invlpg':
      return { op, ...by, linear: whole(words, parseVa) };
  }
}

/** The flags by their names in the processor's manuals. */
const registers: Readonly<Record<MoveToRegister['op'], Flags>> = {
  cr0: {
    pe: CR0_PE,
    mp: 0x2,
    em: 0x4,
    ts: 0x8,
    et: 0x10,
    ne: 0x20,
    wp: CR0_WP,
    am: 0x4_0000,
    nw: 0x2000_0000,
    cd: 0x4000_0000,
    pg: CR0_PG,
  },
  cr4: {
    pse: CR4_PSE,
    pae: CR4_PAE,
    pge: CR4_PGE,
    smep: CR4_SMEP,
    smap: CR4_SMAP,
    pke: CR4_PKE,
  },
  efer: { sce: EFER_SCE, lme: EFER_LME, lma: EFER_LMA, nxe: EFER_NXE },
  pkru: {},
};
