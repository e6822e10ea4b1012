import type { Line } from '../../../abi/program.js';
import type { Gfn } from '../../../abi/ids.js';
import { quantity, type RigStep } from './grant-steps.js';
import type { Json } from '../json-text.js';

/** A hypercall about memory as the rig takes it; undefined for another line. */
export function memoryCall(line: Line): RigStep | undefined {
  switch (line.op) {
    case 'populate_physmap':
      return { op: 'mem.populate', ...extents(line) };
    case 'decrease_reservation':
      return { op: 'mem.decrease', ...extents(line) };
    case 'increase_reservation':
      return { op: 'mem.increase', dom: line.target, nr: line.count, order: line.order };
    case 'add_to_physmap': {
      const { target: dom, space, index, gfn, size } = line;
      return { op: 'mem.add', dom, space, idx: quantity(index), gfn: quantity(gfn), size };
    }
    case 'add_to_physmap_batch': {
      const { target: dom, space, foreign, entries } = line;
      const idxs = entries.map(({ index }) => quantity(index));
      const gfns = listed(entries.map(({ gfn }) => gfn));
      return { op: 'mem.addbatch', dom, space, foreign, idxs, gfns };
    }
    case 'remove_from_physmap':
      return { op: 'mem.remove', dom: line.target, gfn: quantity(line.gfn) };
    case 'exchange': {
      const [given, taken] = [listed(line.given), listed(line.taken)];
      const orders = { in_order: line.givenOrder, out_order: line.takenOrder };
      return { op: 'mem.exchange', dom: line.target, in: given, out: taken, ...orders };
    }
    case 'current_reservation':
      return { op: 'mem.current', dom: line.target };
    case 'maximum_reservation':
      return { op: 'mem.maximum', dom: line.target };
    case 'maximum_gpfn':
      return { op: 'mem.max_gpfn', dom: line.target };
    default:
      return undefined;
  }
}

interface Extents {
  readonly target: number;
  readonly extents: readonly Gfn[];
  readonly order: number;
}
const extents = ({
  target: dom,
  extents: gfns,
  order,
}: Extents): Readonly<Record<string, Json>> => ({
  dom,
  gfns: listed(gfns),
  nr: gfns.length,
  order,
});

const listed = (gfns: readonly Gfn[]): Json => gfns.map(quantity);
