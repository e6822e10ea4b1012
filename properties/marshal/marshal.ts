import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../../abi/grant-table.js';
import { GuestPhysical, type Handle } from '../../abi/ids.js';
import * as abi from '../../abi/layouts.js';
import type { FromLine, MarshalledCall, MarshalledLine } from '../../abi/program.js';
import type { CopyElement, Hypercall, Step } from '../../abi/step.js';
import { sum } from '../../values/words.js';
import type { Arguments, Where } from './arguments.js';
import { memoryArguments } from './memory-arguments.js';
import { aligned, halfIn, structure, type Fields } from './structure.js';

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
      return memoryArguments(call, where);
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
        [unmap.busAddress, typeof deviceAddress === 'number' ? deviceAddress : 1],
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
