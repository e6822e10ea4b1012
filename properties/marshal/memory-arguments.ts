import type { Gfn } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import type { MemoryCall, Reservation, ResourceCall } from '../../abi/step.js';
import type { Word } from '../../abi/word.js';
import { sum } from '../../values/words.js';
import type { Arguments, Where } from './arguments.js';
import { aligned, listOf, structure, type Fields } from './structure.js';

/** The arguments of memory operations; lists are behind them. */

const memory = (command: number, bytes: readonly number[]): Arguments => ({
  bytes,
  count: 1,
  number: abi.HYPERVISOR_memory_op,
  command,
});

export function memoryArguments(call: Exclude<MemoryCall, ResourceCall>, where: Where): Arguments {
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
