import { CONTROL, GuestPhysical, VcpuId, type DomainId } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import type { Step } from '../../abi/step.js';
import type { Expected } from './expected.js';
import { isList, type Fields } from './fields.js';
import { notBuilt, rcOf, u32, valued, wordOf, type Meaning, type NotBuilt } from './meaning.js';

/**
 * Hypercalls that the rig made register by register. `BUF` is its guest's buffer, to which it wrote
 * `data` before, and which it read again afterwards. The guest is a 64-bit kernel.
 */
export function rawHypercall(args: Fields, caller: DomainId): Meaning | NotBuilt {
  const given = args.has('args') ? args.list('args') : [];
  const data = args.has('data') ? args.bytes('data') : new Uint8Array();
  if (caller === CONTROL) return notBuilt('hypercall');
  if (args.raw('nr') === SCHED_OP) return crashCall(args, caller);
  const [command, argument, count] = given.map((value, i) =>
    value === 'BUF' ? BigInt(BUFFER) : args.asQuantity(value, `args[${i}]`),
  );
  const number = u32(args.quantity('nr'));
  const isBuilt = number === abi.HYPERVISOR_grant_table_op || number === abi.HYPERVISOR_memory_op;
  if (command === undefined || argument === undefined || !isBuilt) return notBuilt('hypercall');
  if (number === abi.HYPERVISOR_memory_op && unasked.has(command & COMMAND_BITS))
    return notBuilt(`memory_op ${command & COMMAND_BITS}`);
  return registers(caller, { number, command, argument, count: count ?? 0n }, data);
}

/** Commands of memory_op that Xen has and nobody here asks for; further bits are a continuation's. */
const unasked: ReadonlySet<bigint> = new Set(
  [2, 5, 9, 13, 16, 17, 18, 19, 20, 21, 22, 24, 25, 26, 27, 28].map(BigInt),
);
const COMMAND_BITS = 63n;

/**
 * The rig's guest maps the first 4 GiB one to one and nothing else; a guest without paging has no
 * other addresses. Which page of the missing ones it is makes no difference: here it is the last.
 */
const reached = (linear: bigint): bigint =>
  BigInt.asUintN(48, linear) < 2n ** 32n ? BigInt.asUintN(32, linear) : 0xffff_f000n;

/** A grant operation whose argument was not where the rig's own was. */
export const elsewhere = (
  args: Fields,
  caller: DomainId,
  command: number,
  count: number,
): Meaning | NotBuilt => {
  const argument = args.quantity('uop');
  const number = abi.HYPERVISOR_grant_table_op;
  const passed = { number, command: BigInt(command), argument, count: BigInt(count) };
  return registers(caller, passed, new Uint8Array());
};

interface Registers {
  readonly number: number;
  readonly command: bigint;
  readonly argument: bigint;
  readonly count: bigint;
}

function registers(
  caller: DomainId,
  { number, command, argument, count }: Registers,
  data: Uint8Array,
): Meaning {
  const by = { caller, vcpu: VcpuId(0) };
  const offsets = Array.from({ length: Math.ceil(data.length / 8) }, (_, i) => 8 * i);
  const at = (offset: number) => ({ address: GuestPhysical(BUFFER + offset), size: 8 }) as const;
  const stores = offsets.map((offset): Step => ({
    op: 'store',
    ...by,
    ...at(offset),
    value: quadIn(data, offset),
  }));
  const call: Step = {
    op: 'hypercall',
    ...by,
    layout: 'native',
    as: 'kernel',
    number,
    command: u32(command),
    argument: wordOf(reached(argument), 8),
    count: u32(count),
  };
  const loads = offsets.map((offset): Step => ({ op: 'load', ...by, ...at(offset) }));
  return {
    steps: [...stores, call, ...loads],
    expect: (result) => {
      const rc = rcOf(result.raw('rc'));
      const text = JSON.stringify(result.rawObject());
      const answered: Expected =
        rc === undefined ? { is: 'inexpressible', text } : { is: 'hypercall', rc };
      const left = result.has('data') ? result.bytes('data') : new Uint8Array();
      return [
        ...offsets.map((): Expected => ({ is: 'reply', reply: { is: 'stored' } })),
        answered,
        ...offsets.map((offset): Expected => {
          const value = quadIn(left, offset);
          return { is: 'reply', reply: { is: 'value', value } };
        }),
      ];
    },
  };
}

/** Where the rig's guest keeps the arguments of its hypercalls. */
const BUFFER = 0x13_1000;
const SCHED_OP = 29;

/** Eight bytes; those beyond the end are zero. */
const quadIn = (bytes: Uint8Array, offset: number): ReturnType<typeof wordOf> => {
  const eight = new Uint8Array(8);
  eight.set(bytes.subarray(offset, offset + 8));
  return wordOf(new DataView(eight.buffer).getBigUint64(0, true), 8);
};

/** Of the scheduler's operations only the shutdown with reason crash has a step. */
function crashCall(args: Fields, caller: DomainId): Meaning | NotBuilt {
  const list = args.raw('args');
  const [command, pointer, ...rest] = isList(list) ? list : [];
  const isCrash =
    command === 2 && pointer === 'BUF' && rest.length === 0 && args.raw('data') === '03000000';
  return isCrash ? valued({ op: 'crash', caller, vcpu: VcpuId(0) }) : notBuilt('hypercall');
}
