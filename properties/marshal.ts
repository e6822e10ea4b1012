import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../abi/grant-table.js';
import { GuestPhysical, type Gfn, type Handle } from '../abi/ids.js';
import * as abi from '../abi/layouts.js';
import type { FromLine, MarshalledCall, MarshalledLine } from '../abi/program.js';
import type { CopyElement, Hypercall, Reservation, Step } from '../abi/step.js';
import type { Word } from '../abi/word.js';
import { sum } from '../values/words.js';

/** How a guest puts the arguments of a call into its memory. */

/** What the name of a handle stands for. */
type Named = (handle: Handle | FromLine) => Handle;

/** The stores of a guest that passes the arguments of a call in memory, and its hypercall. */
export function marshalled(line: MarshalledLine, named: Named): readonly Step[] {
  const { caller, vcpu, layout, as, linear } = line;
  const { bytes, count, number, command } = argumentsOf(line.call, line, named);
  const stores = Array.from({ length: Math.ceil(bytes.length / 8) }, (_, i): Step => {
    const address = GuestPhysical(line.place + 8 * i);
    const value = { low: halfIn(bytes, 8 * i), high: halfIn(bytes, 8 * i + 4) };
    return { op: 'store', caller, vcpu, address, size: 8, value };
  });
  const registers = { layout, as, number, command, argument: linear, count: line.count ?? count };
  const call: Hypercall = { op: 'hypercall', caller, vcpu, ...registers };
  return [...stores, call];
}

interface Arguments {
  readonly bytes: readonly number[];
  readonly count: number;
  readonly number: number;
  readonly command: number;
}

type Value = number | Word;
type Fields = readonly (readonly [abi.Field, Value])[];
type Where = Pick<MarshalledLine, 'layout' | 'linear'>;

function argumentsOf(call: MarshalledCall, where: Where, named: Named): Arguments {
  switch (call.op) {
    case 'map':
    case 'unmap':
    case 'copy':
    case 'swap':
      return batchOf(call, where.layout, named);
    case 'setup_table':
    case 'query_size':
    case 'set_version':
    case 'get_version':
      return tableCallOf(call, where);
    default:
      return memoryCallOf(call, where);
  }
}

function batchOf(
  call: Extract<MarshalledCall, { readonly op: 'map' | 'unmap' | 'copy' | 'swap' }>,
  layout: abi.Layout,
  named: Named,
): Arguments {
  const { map, unmap, swap } = abi.structures.native;
  const batch = (command: number, size: number, elements: readonly Fields[]): Arguments => ({
    bytes: elements.flatMap((fields) => structure(size, fields)),
    count: elements.length,
    number: abi.HYPERVISOR_grant_table_op,
    command,
  });
  switch (call.op) {
    case 'map': {
      const elements = call.elements.map(({ granter, ref, address, flags }): Fields => [
        [map.address, address],
        [map.flags, flags],
        [map.ref, ref],
        [map.granter, granter],
      ]);
      return batch(abi.GNTTABOP_map_grant_ref, map.bytes, elements);
    }
    case 'unmap': {
      const elements = call.elements.map(({ handle, address, deviceAddress }): Fields => [
        [unmap.address, address],
        [unmap.busAddress, deviceAddress],
        [unmap.handle, named(handle)],
      ]);
      return batch(abi.GNTTABOP_unmap_grant_ref, unmap.bytes, elements);
    }
    case 'copy': {
      const elements = call.elements.map((element) => copyFields(element, layout));
      return batch(abi.GNTTABOP_copy, abi.structures[layout].copy.bytes, elements);
    }
    case 'swap': {
      const elements = call.elements.map(({ first, second }): Fields => [
        [swap.first, first],
        [swap.second, second],
      ]);
      return batch(abi.GNTTABOP_swap_grant_ref, swap.bytes, elements);
    }
  }
}

function copyFields({ source, dest, length, flags }: CopyElement, layout: abi.Layout): Fields {
  const { copy } = abi.structures[layout];
  const isFromRef = (flags & GNTCOPY_source_gref) !== 0;
  const isToRef = (flags & GNTCOPY_dest_gref) !== 0;
  return [
    [isFromRef ? copy.sourceRef : copy.sourceGfn, source.at],
    [copy.sourceDomain, source.domain],
    [copy.sourceOffset, source.offset],
    [isToRef ? copy.destRef : copy.destGfn, dest.at],
    [copy.destDomain, dest.domain],
    [copy.destOffset, dest.offset],
    [copy.length, length],
    [copy.flags, flags],
  ];
}

type TableCall = Extract<
  MarshalledCall,
  { readonly op: 'setup_table' | 'query_size' | 'set_version' | 'get_version' }
>;

function tableCallOf(call: TableCall, { layout, linear }: Where): Arguments {
  const { setupTable } = abi.structures[layout];
  const { querySize, setVersion, getVersion } = abi.structures.native;
  const one = (command: number, size: number, fields: Fields, count = 1): Arguments => ({
    bytes: structure(size, fields),
    count,
    number: abi.HYPERVISOR_grant_table_op,
    command,
  });
  switch (call.op) {
    case 'setup_table': {
      // A list that is asked for nowhere else goes behind the argument.
      const list = call.list ?? sum(linear, { low: aligned(setupTable.bytes), high: 0 });
      const fields: Fields = [
        [setupTable.domain, call.target],
        [setupTable.frames, call.frames],
        [setupTable.list, list],
      ];
      return one(abi.GNTTABOP_setup_table, setupTable.bytes, fields, call.count);
    }
    case 'query_size': {
      const fields: Fields = [[querySize.domain, call.target]];
      return one(abi.GNTTABOP_query_size, querySize.bytes, fields, call.count);
    }
    case 'set_version':
      return one(abi.GNTTABOP_set_version, setVersion.bytes, [[setVersion.version, call.version]]);
    case 'get_version':
      return one(abi.GNTTABOP_get_version, getVersion.bytes, [[getVersion.domain, call.target]]);
  }
}

type MemoryCall = Exclude<
  MarshalledCall,
  TableCall | { readonly op: 'map' | 'unmap' | 'copy' | 'swap' }
>;

const memory = (command: number, bytes: readonly number[]): Arguments => ({
  bytes,
  count: 1,
  number: abi.HYPERVISOR_memory_op,
  command,
});

function memoryCallOf(call: MemoryCall, where: Where): Arguments {
  const { domain } = abi.structures.native;
  const { addToPhysmap, removeFromPhysmap } = abi.structures[where.layout];
  switch (call.op) {
    case 'populate_physmap':
      return extentsOf(abi.XENMEM_populate_physmap, call, where);
    case 'decrease_reservation':
      return extentsOf(abi.XENMEM_decrease_reservation, call, where);
    case 'increase_reservation':
      return memory(
        abi.XENMEM_increase_reservation,
        structure(abi.structures[where.layout].reservation.bytes, [
          ...reservation(call, where.layout, call.count),
        ]),
      );
    case 'add_to_physmap': {
      const fields: Fields = [
        [addToPhysmap.domain, call.target],
        [addToPhysmap.size, call.size],
        [addToPhysmap.space, call.space],
        [addToPhysmap.index, call.index],
        [addToPhysmap.gfn, call.gfn],
      ];
      return memory(abi.XENMEM_add_to_physmap, structure(addToPhysmap.bytes, fields));
    }
    case 'add_to_physmap_batch':
      return addBatchOf(call, where);
    case 'remove_from_physmap': {
      const fields: Fields = [
        [removeFromPhysmap.domain, call.target],
        [removeFromPhysmap.gfn, call.gfn],
      ];
      return memory(abi.XENMEM_remove_from_physmap, structure(removeFromPhysmap.bytes, fields));
    }
    case 'exchange':
      return exchangeOf(call, where);
    case 'current_reservation':
    case 'maximum_reservation':
    case 'maximum_gpfn':
      return memory(queries[call.op], structure(domain.bytes, [[domain.id, call.target]]));
  }
}

const queries: Readonly<Record<Reservation['op'], number>> = {
  current_reservation: abi.XENMEM_current_reservation,
  maximum_reservation: abi.XENMEM_maximum_reservation,
  maximum_gpfn: abi.XENMEM_maximum_gpfn,
};

const reservation = (
  { target, order }: { readonly target: number; readonly order: number },
  layout: abi.Layout,
  count: number,
): Fields => {
  const at = abi.structures[layout].reservation;
  return [
    [at.count, count],
    [at.order, order],
    [at.domain, target],
  ];
};

function extentsOf(
  command: number,
  call: Extract<MemoryCall, { readonly extents: readonly Gfn[] }>,
  { layout, linear }: Where,
): Arguments {
  const at = abi.structures[layout].reservation;
  const place = aligned(at.bytes);
  const head = structure(place, [
    ...reservation(call, layout, call.extents.length),
    [at.extents, sum(linear, { low: place, high: 0 })],
  ]);
  return memory(command, [...head, ...listOf(call.extents, layout)]);
}

function addBatchOf(
  call: Extract<MemoryCall, { readonly op: 'add_to_physmap_batch' }>,
  { layout, linear }: Where,
): Arguments {
  const { addToPhysmapBatch: at, frame } = abi.structures[layout];
  const { entries } = call;
  const place = aligned(at.bytes);
  const behind = (lists: number): Word =>
    sum(linear, { low: place + lists * entries.length * frame.bytes, high: 0 });
  const head = structure(place, [
    [at.domain, call.target],
    [at.space, call.space],
    [at.size, entries.length],
    [at.foreign, call.foreign],
    [at.indexes, behind(0)],
    [at.gfns, behind(1)],
    [at.errors, behind(2)],
  ]);
  const indexes = entries.map(({ index }) => index);
  const gfns = entries.map(({ gfn }) => gfn);
  const lists = [...listOf(indexes, layout), ...listOf(gfns, layout)];
  return memory(abi.XENMEM_add_to_physmap_batch, [...head, ...lists]);
}

function exchangeOf(
  call: Extract<MemoryCall, { readonly op: 'exchange' }>,
  { layout, linear }: Where,
): Arguments {
  const { exchange, reservation: at, frame } = abi.structures[layout];
  const { given, taken, givenOrder, takenOrder, target } = call;
  const place = aligned(exchange.bytes);
  const list = (skipped: number): Word => sum(linear, { low: place + skipped, high: 0 });
  const side = (gfns: readonly Gfn[], order: number, skipped: number): readonly number[] =>
    structure(at.bytes, [
      ...reservation({ target, order }, layout, gfns.length),
      [at.extents, list(skipped)],
    ]);
  const sides = [
    ...side(given, givenOrder, 0),
    ...side(taken, takenOrder, given.length * frame.bytes),
  ];
  const rest = Array.from({ length: place - sides.length }, () => 0);
  const lists = [...listOf(given, layout), ...listOf(taken, layout)];
  return memory(abi.XENMEM_exchange, [...sides, ...rest, ...lists]);
}

const listOf = (numbers: readonly number[], layout: abi.Layout): readonly number[] => {
  const { frame } = abi.structures[layout];
  return numbers.flatMap((number) => structure(frame.bytes, [[frame.number, number]]));
};

const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8;

/** A structure with these fields; all other bytes are zero. */
function structure(size: number, fields: Fields): readonly number[] {
  const bytes = Array.from({ length: size }, () => 0);
  for (const [[at, width], value] of fields) {
    const { low, high } = typeof value === 'number' ? wordOf(value) : value;
    for (let i = 0; i < width; i++) bytes[at + i] = ((i < 4 ? low : high) >>> (8 * (i % 4))) & 0xff;
  }
  return bytes;
}

const halfIn = (bytes: readonly number[], at: number): number =>
  [3, 2, 1, 0].reduce((half, i) => half * 256 + (bytes[at + i] ?? 0), 0);

/** A 64-bit number of a guest as two halves; everything from 2^64 up stands for all ones. */
export function wordOf(n: number): Word {
  if (n >= 2 ** 64) return { low: 0xffff_ffff, high: 0xffff_ffff };
  return { low: n % 2 ** 32, high: Math.floor(n / 2 ** 32) };
}
