import type { Accessor } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';

/** A file of recorded page-table walks: what x86 processors answered, case by case. */
export interface WalkFile {
  /** File name without its folder and endings. */
  readonly name: string;
  readonly cases: readonly WalkCase[];
}

export const walkModes = ['2-level', 'pae', '4-level'] as const;
export type WalkMode = (typeof walkModes)[number];

/** A memory image, registers, and what happened then. Paging is on from the first step. */
export interface WalkCase {
  readonly name: string;
  /** Where it stands in its file. */
  readonly index: number;
  readonly mode: WalkMode;
  readonly cpu: RecordedCpu;
  readonly cr3: Word;
  /** Entries of page tables; what else is in tables is zero. */
  readonly tables: readonly RecordedEntry[];
  /** Bytes of data memory that are not the pattern. */
  readonly patches: readonly { readonly address: number; readonly bytes: Uint8Array }[];
  readonly steps: readonly RecordedStep[];
  /** What the entries of `tables` were in the end, in their order. */
  readonly after: readonly RecordedEnd[];
  readonly writes: RecordedWrites;
}

/** Control bits at the start, and what the processor could do. */
export interface RecordedCpu {
  readonly writeProtect: boolean;
  /** CR4 but for PAE, as the bits of the register. */
  readonly cr4: number;
  readonly noExecute: boolean;
  readonly addressBits: number;
  readonly gibPages: boolean;
  readonly protectionKeys: boolean;
}

export interface RecordedEntry {
  readonly address: number;
  readonly width: 4 | 8;
  readonly value: Word;
}

export interface RecordedStep {
  readonly operation: WalkOperation;
  readonly recorded: RecordedAnswer;
}

export type WalkOperation = WalkAccess | WalkControl;
export type WalkAccess =
  | ({ readonly op: 'read' } & Operand)
  | ({ readonly op: 'write' | 'xadd' | 'rmw'; readonly value: Word } & Operand)
  | ({ readonly op: 'cmpxchg'; readonly expected: Word; readonly value: Word } & Operand)
  /** Jumps to the address and runs the one instruction found: it loads a constant. */
  | ({ readonly op: 'exec' } & Operand)
  /** Loads a segment register: the processor reads a descriptor, and may set its accessed bit. */
  | ({ readonly op: 'desc' } & Operand);

interface Operand {
  readonly linear: Word;
  readonly size: number;
  readonly as: Accessor;
}

export type WalkControl =
  | { readonly op: 'invlpg'; readonly linear: Word }
  | { readonly op: 'cr3'; readonly value: Word }
  /** Bits of a register that become one and bits that become zero. */
  | { readonly op: 'cr0' | 'cr4' | 'efer'; readonly set: number; readonly clear: number }
  | { readonly op: 'pkru'; readonly value: number }
  /** Memory is changed or looked at past the page tables under test. */
  | ({ readonly op: 'poke' } & RecordedEntry)
  | { readonly op: 'peek'; readonly address: number; readonly width: 4 | 8 };

/** A fact that was recorded: text of an answer (answer.ts), or an entry's value. */
export interface Recorded<Fact> {
  /** What the manual says, and one of the recorded processors where they differ by right. */
  readonly fact: Fact;
  /** The outcome hangs on what translations the processor still held. */
  readonly isLoose: boolean;
  /** The other processor's, where the outcome is loose. */
  readonly also: Fact | undefined;
  readonly dispute: Dispute<Fact> | undefined;
}
export type RecordedAnswer = Recorded<string>;

export const judgements = ['qemu', 'bochs', 'model', 'either'] as const;

/** The two recorded processors differ, or both differ from the manual. */
export interface Dispute<Fact> {
  readonly about: string;
  readonly right: (typeof judgements)[number];
  /** Given where it differs from the fact. */
  readonly qemu: Fact | undefined;
  readonly bochs: Fact | undefined;
}

export interface RecordedEnd extends Recorded<Word> {
  readonly address: number;
  readonly width: 4 | 8;
}

/** Dwords outside `tables` that were not in the end what they were at the start. */
export interface RecordedWrites {
  readonly dwords: ReadonlyMap<number, number>;
  readonly isLoose: boolean;
  readonly disputed: string | undefined;
  /** QEMU's, where they differ. */
  readonly qemu: ReadonlyMap<number, number> | undefined;
}
