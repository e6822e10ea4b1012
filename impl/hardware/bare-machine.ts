import * as bits from '../../abi/control.js';
import { Mfn } from '../../abi/ids.js';
import type { Cpu as Features } from '../../abi/machine.js';
import type { Reply } from '../../abi/reply.js';
import type { Control, LinearAccess, Load, Step, Store } from '../../abi/step.js';
import type { System } from '../../abi/system.js';
import { PAGE_BYTES, PAGE_SHIFT, type Word } from '../../abi/word.js';
import { isSame, onesOf, sumOf } from '../guest-memory.js';
import { DONE, GENERAL_PROTECTION, STORED, pageFault, valueOf } from '../replies.js';
import { wordAt } from '../tables/column.js';
import { Cpu } from './cpu.js';
import * as entry from './page-entry.js';
import { Ram } from './ram.js';
import { ACCESS_AC, ACCESS_IMPLICIT } from './rights.js';

/*
 * One processor and memory with no hypervisor between: frames in page tables are machine frames.
 * It takes steps as a guest would make them and serves to judge the processor alone, so it has only
 * those checks of control registers that depend on page tables: CR3, and PAE's top level.
 */

const OFFSET_MASK = PAGE_BYTES - 1;
const PDPT_WORDS = 8;
const PDPT_MASK = ~0x1f;
const CR4_RELOADING = bits.CR4_PSE | bits.CR4_PAE | bits.CR4_PGE | bits.CR4_SMEP;

interface Registers {
  readonly cr0: number;
  readonly cr3: Word;
  readonly cr4: number;
  readonly efer: number;
  readonly pkru: number;
}

const AT_START: Registers = {
  cr0: bits.CR0_AT_START,
  cr3: { low: 0, high: 0 },
  cr4: 0,
  efer: 0,
  pkru: 0,
};

export class BareMachine implements System {
  readonly name = 'hardware';
  readonly #ram: Ram;
  readonly #cpu: Cpu;
  #registers = AT_START;

  private constructor(ram: Ram, features: Features, tlbEntries: number) {
    this.#ram = ram;
    this.#cpu = new Cpu(ram, features, tlbEntries);
  }

  /** A maker of machines of which one is used at a time: the next one gets the memory, cleared. */
  static maker(frames: number): (features: Features, tlbEntries: number) => BareMachine {
    const ram = new Ram(frames);
    ram.log.switchOn();
    return (features, tlbEntries) => {
      const { count, frame } = ram.log.turn();
      for (let row = 0; row < count; row += 1) ram.scrub(frame[row] ?? Mfn(0));
      return new BareMachine(ram, features, tlbEntries);
    };
  }

  /** A word of memory by its machine address, a multiple of 4. */
  dwordAt(address: number): number {
    return this.#ram.load32(Mfn(address >>> PAGE_SHIFT), address & OFFSET_MASK);
  }

  perform(step: Step): Reply {
    switch (step.op) {
      case 'load':
      case 'store':
        return this.#physical(step);
      case 'load_linear':
      case 'store_linear':
      case 'cmpxchg_linear':
      case 'xadd_linear':
      case 'fetch_linear':
        return this.#linear(step);
      case 'cr0':
      case 'cr3':
      case 'cr4':
      case 'efer':
      case 'pkru':
      case 'invlpg':
        return this.#control(step);
      default:
        throw new Error(`no hypervisor to ask for ${step.op}`);
    }
  }

  #physical(step: Load | Store): Reply {
    if (step.op === 'load') return valueOf(this.#read([step.address], step.size));
    this.#write([step.address], step.size, step.value);
    return STORED;
  }

  #linear(step: LinearAccess): Reply {
    const { low } = step.linear;
    const high = this.#cpu.mode === entry.FOUR_LEVEL ? step.linear.high : 0;
    if (!this.#cpu.isReachable(high, low, step.size)) return GENERAL_PROTECTION;
    const at = this.#translated(high, low, step.size, accessOf(step));
    if (at === undefined) {
      const { faultCode, faultLow, faultHigh } = this.#cpu;
      return pageFault(faultCode, { low: faultLow, high: faultHigh });
    }
    return this.#access(step, at);
  }

  /** The machine addresses of the one or two pages of an access; undefined for a page fault. */
  #translated(
    high: number,
    low: number,
    size: number,
    access: number,
  ): readonly number[] | undefined {
    const cpu = this.#cpu;
    if ((low & OFFSET_MASK) + size <= PAGE_BYTES) {
      const found = cpu.translate(high, low, access);
      return found < 0 ? undefined : [found];
    }
    if (!cpu.translateTwo(high, low, access)) return undefined;
    return [cpu.firstAddress, cpu.secondAddress];
  }

  #access(step: LinearAccess, at: readonly number[]): Reply {
    const { size } = step;
    if (step.op === 'store_linear') {
      this.#write(at, size, step.value);
      return STORED;
    }
    const old = this.#read(at, size);
    if (step.op === 'xadd_linear') this.#write(at, size, sumOf(old, step.value));
    if (step.op === 'cmpxchg_linear' && isSame(old, step.expected, size)) {
      this.#write(at, size, step.value);
    }
    return valueOf(old);
  }

  /** Beyond the end of memory everything reads as ones. */
  #read(at: readonly number[], size: number): Word {
    const ones = onesOf(size);
    const bytes = new Uint8Array(8);
    for (let i = 0; i < size; i += 1) {
      const address = byteAddress(at, i);
      const isThere = address < this.#ram.frameCount * PAGE_BYTES;
      bytes[i] = isThere
        ? this.#ram.load8(Mfn(address >>> PAGE_SHIFT), address & OFFSET_MASK)
        : 255;
    }
    const [low, high] = new Uint32Array(bytes.buffer);
    return { low: ((low ?? 0) & ones.low) >>> 0, high: ((high ?? 0) & ones.high) >>> 0 };
  }

  #write(at: readonly number[], size: number, { low, high }: Word): void {
    const bytes = new Uint8Array(Uint32Array.of(low, high).buffer);
    for (let i = 0; i < size; i += 1) {
      const address = byteAddress(at, i);
      if (address >= this.#ram.frameCount * PAGE_BYTES) continue;
      this.#ram.store8(Mfn(address >>> PAGE_SHIFT), address & OFFSET_MASK, bytes[i] ?? 0);
    }
  }

  #control(step: Control): Reply {
    const before = this.#registers;
    switch (step.op) {
      case 'invlpg':
        this.#cpu.invalidatePage(step.linear.high, step.linear.low);
        return DONE;
      case 'cr3':
        return this.#load({ ...before, cr3: step.value }, true);
      case 'cr0':
        return this.#load(
          { ...before, cr0: step.value },
          ((step.value ^ before.cr0) & bits.CR0_PG) !== 0,
        );
      case 'cr4':
        return this.#load(
          { ...before, cr4: step.value },
          ((step.value ^ before.cr4) & CR4_RELOADING) !== 0,
        );
      case 'efer':
      case 'pkru':
        return this.#load({ ...before, [step.op]: step.value }, false);
    }
  }

  /** Programs the processor. What loads the root anew flushes, and may find PAE's top level wrong. */
  #load(to: Registers, loadsRoot: boolean): Reply {
    const cpu = this.#cpu;
    const mode = modeOf(to);
    const { cr3 } = to;
    if (mode === entry.FOUR_LEVEL && cr3.high >>> (cpu.features.addressBits - 32) !== 0) {
      return GENERAL_PROTECTION;
    }
    if (loadsRoot && mode === entry.PAE && !this.#loadTop(cr3.low)) return GENERAL_PROTECTION;
    this.#registers = to;
    cpu.mode = mode;
    cpu.rootFrame = entry.frameOf(cr3.low, mode === entry.FOUR_LEVEL ? cr3.high : 0);
    cpu.writeProtect = (to.cr0 & bits.CR0_WP) !== 0;
    cpu.superpages = (to.cr4 & bits.CR4_PSE) !== 0;
    cpu.smep = (to.cr4 & bits.CR4_SMEP) !== 0;
    cpu.smap = (to.cr4 & bits.CR4_SMAP) !== 0;
    cpu.keys = (to.cr4 & bits.CR4_PKE) !== 0;
    cpu.noExecute = (to.efer & bits.EFER_NXE) !== 0;
    cpu.pkru = to.pkru;
    if (loadsRoot) cpu.tlb.flushAll();
    return DONE;
  }

  /** Loads the four entries of PAE's top level, unless one of them is wrong. */
  #loadTop(cr3: number): boolean {
    const words = Uint32Array.from({ length: PDPT_WORDS }, (_, word) =>
      this.dwordAt(((cr3 & PDPT_MASK) >>> 0) + word * 4),
    );
    for (let word = 0; word < PDPT_WORDS; word += 2) {
      const [low, high] = [wordAt(words, word), wordAt(words, word + 1)];
      if (entry.pdpteHasReservedBits(low, high, this.#cpu.features)) return false;
    }
    this.#cpu.pdptes.set(words);
    return true;
  }
}

function modeOf({ cr0, cr4, efer }: Registers): entry.Mode {
  if ((cr0 & bits.CR0_PG) === 0) return entry.UNPAGED;
  if ((efer & bits.EFER_LME) !== 0) return entry.FOUR_LEVEL;
  return (cr4 & bits.CR4_PAE) === 0 ? entry.TWO_LEVEL : entry.PAE;
}

function accessOf({ op, as }: LinearAccess): number {
  const kind = op === 'load_linear' ? 0 : op === 'fetch_linear' ? bits.PFEC_I : bits.PFEC_W;
  const by = { user: bits.PFEC_U, kernel: 0, kernel_ac: ACCESS_AC, implicit: ACCESS_IMPLICIT };
  return kind | by[as];
}

/** Where a byte of an access is: in its first page, or from the start of its second. */
function byteAddress([first = 0, second = 0]: readonly number[], index: number): number {
  const fits = PAGE_BYTES - (first % PAGE_BYTES);
  return index < fits ? first + index : second + index - fits;
}
