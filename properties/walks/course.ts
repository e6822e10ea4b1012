import { CR0_AT_START, CR0_PG, CR0_WP, CR4_PAE, EFER_LME, EFER_NXE } from '../../abi/control.js';
import { DomainId, GuestPhysical, VcpuId } from '../../abi/ids.js';
import type { Reply } from '../../abi/reply.js';
import type { Step } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import { areEqual, masked, sum, without } from '../../values/words.js';
import { executedText, OK, replyText, swappedText } from './answer.js';
import type { WalkAccess, WalkCase, WalkOperation } from './recorded-case.js';
import { hexOf, wordOf } from './words.js';

/** The domain and the vcpu that recorded cases run in. */
export const GUEST = DomainId(1);
const caller = { caller: GUEST, vcpu: VcpuId(0) };

/** The registers that recorded steps change by single bits. */
export interface Registers {
  readonly cr0: number;
  readonly cr4: number;
  readonly efer: number;
}

/**
 * What a recorded operation is in steps of the contract: a step and how its reply goes on, up to
 * the answer, as text of answer.ts, and the registers that hold from then on.
 */
export type Course =
  | { readonly step: Step; readonly next: (reply: Reply) => Course }
  | { readonly answer: string; readonly registers: Registers };

/** The registers of a case when its first step is done. */
export const registersOf = ({ mode, cpu }: WalkCase): Registers => ({
  cr0: (CR0_AT_START | CR0_PG | (cpu.writeProtect ? CR0_WP : 0)) >>> 0,
  cr4: cpu.cr4 | (mode === '2-level' ? 0 : CR4_PAE),
  efer: (mode === '4-level' ? EFER_LME : 0) | (cpu.noExecute ? EFER_NXE : 0),
});

/**
 * Turns paging on, SMEP and SMAP being set before: real shadow paging does not enforce them then
 * until CR4 is written again.
 */
export const turningOn = ({ cr3 }: WalkCase, { cr0, cr4, efer }: Registers): readonly Step[] => [
  { op: 'cr4', ...caller, value: cr4 },
  { op: 'efer', ...caller, value: efer },
  { op: 'cr3', ...caller, value: cr3 },
  { op: 'cr0', ...caller, value: cr0 },
];

/** A store by guest-physical address. */
export const storing = (address: number, size: 4 | 8, value: Word): Step => ({
  op: 'store',
  ...caller,
  address: GuestPhysical(address),
  size,
  value,
});

export const loading = (address: number, size: 4 | 8): Step => ({
  op: 'load',
  ...caller,
  address: GuestPhysical(address),
  size,
});

/** The steps that a recorded operation stands for. */
export function courseOf(operation: WalkOperation, registers: Registers): Course {
  const one = (step: Step, text: (reply: Reply) => string = replyText): Course => ({
    step,
    next: (reply) => ({ answer: text(reply), registers }),
  });
  switch (operation.op) {
    case 'invlpg':
      return one({ op: 'invlpg', ...caller, linear: operation.linear });
    case 'cr3':
      return one({ op: 'cr3', ...caller, value: operation.value });
    case 'pkru':
      return one({ op: 'pkru', ...caller, value: operation.value });
    case 'cr0':
    case 'cr4':
    case 'efer':
      return registerCourse(operation, registers);
    case 'poke':
      return one(storing(operation.address, operation.width, operation.value));
    case 'peek':
      return one(loading(operation.address, operation.width));
    case 'desc':
      return descriptorCourse(operation, registers);
    default:
      return one(accessStep(operation), (reply) => accessText(operation, reply));
  }
}

/** The register is as asked for if the step did not fault. */
function registerCourse(
  { op, set, clear }: WalkOperation & { op: keyof Registers },
  registers: Registers,
): Course {
  const value = ((registers[op] & ~clear) | set) >>> 0;
  return {
    step: { op, ...caller, value },
    next: (reply) => ({
      answer: replyText(reply),
      registers: reply.is === 'done' ? { ...registers, [op]: value } : registers,
    }),
  };
}

function accessStep(access: Exclude<WalkAccess, { op: 'desc' }>): Step {
  const { linear, size, as } = access;
  const common = { ...caller, linear, size, as };
  switch (access.op) {
    case 'read':
      return { op: 'load_linear', ...common };
    case 'exec':
      return { op: 'fetch_linear', ...common };
    case 'write':
      return { op: 'store_linear', ...common, value: masked(access.value, size) };
    case 'xadd':
    case 'rmw':
      return { op: 'xadd_linear', ...common, value: masked(access.value, size) };
    case 'cmpxchg':
      return {
        op: 'cmpxchg_linear',
        ...common,
        expected: masked(access.expected, size),
        value: masked(access.value, size),
      };
  }
}

function accessText(access: WalkAccess, reply: Reply): string {
  if (reply.is !== 'value') return replyText(reply);
  switch (access.op) {
    case 'rmw':
      return OK;
    case 'cmpxchg': {
      const isSwapped = areEqual(reply.value, masked(access.expected, access.size));
      return swappedText(isSwapped, reply.value);
    }
    case 'exec':
      return (reply.value.low & 0xff) === LOAD_CONSTANT
        ? executedText(without(reply.value, 1))
        : `found the bytes ${hexOf(reply.value)}`;
    default:
      return replyText(reply);
  }
}

/** The first byte of the recorders' only instruction, `mov eax, imm32`. */
const LOAD_CONSTANT = 0xb8;
/** The high dword of a descriptor, and the accessed bit in it. */
const HIGH_DWORD = 4;
const ACCESSED = 0x100;

/** A descriptor is read, and its high dword is written where the accessed bit is clear. */
function descriptorCourse({ linear, size, as }: WalkAccess, registers: Registers): Course {
  const done = (reply: Reply): Course => ({ answer: replyText(reply), registers });
  return {
    step: { op: 'load_linear', ...caller, linear, size, as },
    next: (reply) => {
      if (reply.is !== 'value') return done(reply);
      const { high } = reply.value;
      if ((high & ACCESSED) !== 0) return { answer: OK, registers };
      const value = wordOf((high | ACCESSED) >>> 0);
      const at = sum(linear, wordOf(HIGH_DWORD));
      return {
        step: { op: 'store_linear', ...caller, linear: at, size: 4, as, value },
        next: done,
      };
    },
  };
}
