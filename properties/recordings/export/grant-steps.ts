import { ALL_ONES } from '../../../abi/ids.js';
import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../../../abi/grant-table.js';
import type { FromLine, Line, UnmapLineElement } from '../../../abi/program.js';
import type { CopyElement, CopySide, MapElement } from '../../../abi/step.js';
import type { Json, JsonObject } from '../json-text.js';

/** A step of the rig: who does it, what, and its arguments. */
export type RigStep = JsonObject;

/** How a handle is written that an earlier line made. */
export type NameHandle = (handle: FromLine) => Json;

/** A hypercall about grants as the rig takes it; undefined for another line. */
export function grantCall(line: Line, named: NameHandle): RigStep | undefined {
  switch (line.op) {
    case 'map':
      // Always a list, so that its handles have one kind of name.
      return { op: 'gnt.map', ops: line.elements.map(mapped) };
    case 'unmap':
      return { op: 'gnt.unmap', ...batch(line.elements.map((each) => unmapped(each, named))) };
    case 'copy':
      return { op: 'gnt.copy', ...batch(line.elements.map(copied)) };
    case 'swap': {
      const elements = line.elements.map(({ first, second }) => ({ a: first, b: second }));
      return { op: 'gnt.swap', ...batch(elements) };
    }
    case 'setup_table': {
      const list = line.list === undefined ? {} : { frame_list: quantity(line.list) };
      const { target: dom, frames, count } = line;
      return { op: 'gnt.setup_table', dom, nr_frames: frames, count, ...list };
    }
    case 'query_size':
      return { op: 'gnt.query_size', dom: line.target, count: line.count };
    case 'set_version':
      return { op: 'gnt.set_version', version: line.version };
    case 'get_version':
      return { op: 'gnt.get_version', dom: line.target };
    case 'refused_grant_call':
      return { op: `gnt.${refusedNames[line.name]}` };
    default:
      return undefined;
  }
}

const refusedNames = {
  transfer: 'transfer',
  dump_table: 'dump_table',
  unmap_and_replace: 'unmap_replace',
  get_status_frames: 'status_frames',
  cache_flush: 'cache_flush',
} as const;

/** One element stands for itself; the result of several has a list. */
function batch(elements: readonly JsonObject[]): JsonObject {
  const [only] = elements;
  return elements.length === 1 && only !== undefined ? only : { ops: elements };
}

const mapped = ({ granter, ref, address, flags }: MapElement): JsonObject => ({
  dom: granter,
  ref,
  addr: quantity(address),
  flags,
});

const unmapped = (
  { handle, address, deviceAddress }: UnmapLineElement,
  named: NameHandle,
): JsonObject => ({
  handle: typeof handle === 'number' ? handle : named(handle),
  addr: quantity(address),
  dev_bus_addr: quantity(typeof deviceAddress === 'number' ? deviceAddress : 1),
});

const copied = ({ source, dest, length, flags }: CopyElement): JsonObject => ({
  src: side(source, (flags & GNTCOPY_source_gref) !== 0),
  dst: side(dest, (flags & GNTCOPY_dest_gref) !== 0),
  len: length,
  flags,
});

const side = ({ domain, at, offset }: CopySide, isRef: boolean): JsonObject => ({
  [isRef ? 'ref' : 'gfn']: quantity(at),
  dom: domain,
  off: offset,
});

/** A number of up to 64 bits; `ALL_ONES` as what it stands for. */
export function quantity(n: number): Json {
  if (Number.isSafeInteger(n)) return n;
  return n >= ALL_ONES ? '0xffffffffffffffff' : `0x${BigInt(n).toString(16)}`;
}
