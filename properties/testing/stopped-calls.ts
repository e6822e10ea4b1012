import { GNTCOPY_dest_gref, GNTCOPY_source_gref } from '../../abi/grant-table.js';
import { CONTROL, GuestPhysical } from '../../abi/ids.js';
import type { Layout } from '../../abi/layouts.js';
import type { Line } from '../../abi/program.js';
import type { CopySide } from '../../abi/step.js';
import { PAGE_BYTES } from '../../abi/word.js';

/* Calls of which it matters where they are stopped, and calls with their arguments in memory. */

/** A copy keeps its buffers from one element to the next, unless it is stopped between them. */
export function keepsBuffers(line: Line): boolean {
  if (line.op === 'marshalled') return keepsBuffers(line.call);
  if (line.op !== 'copy') return false;
  const isSame = (a: CopySide | undefined, b: CopySide): boolean =>
    a?.domain === b.domain && a.at === b.at;
  return line.elements.some(({ source, dest }, i) => {
    const previous = line.elements[i - 1];
    return isSame(previous?.source, source) || isSame(previous?.dest, dest);
  });
}

/**
 * A call that puts other pages where its own argument is: what is read again when it goes on is not
 * what was read at first (p2m.md 2.9). Copies of 32 bits are read together, and answered together.
 */
export function replacesItsArgument(line: Line): boolean {
  if (line.op !== 'marshalled') return false;
  const { call, layout, place } = line;
  const first = Math.floor(place / PAGE_BYTES);
  if (call.op === 'copy' && layout === 'compat') {
    const isThere = ({ domain, at }: CopySide, isRef: boolean): boolean =>
      isRef ? domain === call.caller : at === first || at === first + 1;
    return call.elements.some(
      ({ source, dest, flags }) =>
        isThere(source, (flags & GNTCOPY_source_gref) !== 0) ||
        isThere(dest, (flags & GNTCOPY_dest_gref) !== 0),
    );
  }
  const covers = (gfn: number, pages: number): boolean => gfn <= first + 1 && gfn + pages > first;
  if ('extents' in call) return call.extents.some((gfn) => covers(gfn, 2 ** call.order));
  return call.op === 'add_to_physmap_batch' && call.entries.some(({ gfn }) => covers(gfn, 1));
}

/** The same call with its arguments in memory, across the end of a page. */
export function marshalled(line: Line, layout: Layout): Line | undefined {
  switch (line.op) {
    case 'map':
    case 'unmap':
    case 'copy':
    case 'swap':
    case 'populate_physmap':
    case 'decrease_reservation':
    case 'increase_reservation':
    case 'add_to_physmap':
    case 'add_to_physmap_batch': {
      const { caller, vcpu } = line;
      if (caller === CONTROL) return undefined;
      const place = GuestPhysical(0x5fc0);
      const where = { place, linear: { low: place, high: 0 }, count: undefined };
      return {
        op: 'marshalled',
        caller,
        vcpu,
        layout,
        as: 'kernel',
        ...where,
        call: line,
      };
    }
    default:
      return undefined;
  }
}
