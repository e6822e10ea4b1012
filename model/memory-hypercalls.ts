import * as abi from '../abi/layouts.js';
import { DomainId, Gfn } from '../abi/ids.js';
import type { Hypercall, Reservation } from '../abi/step.js';
import { numberIn } from './buffers.js';
import * as calls from './calls.js';
import type { Ended } from './calls.js';
import { removeFromPhysmap } from './physmap.js';
import { addBatchCall, addCall } from './physmap-hypercalls.js';
import { reservation } from './reservation.js';
import { exchangeCall } from './exchange-hypercall.js';
import { extentsCall } from './extent-hypercalls.js';
import type { State } from './state.js';

/** Memory operations with their arguments in memory (p2m.md 2.9). */

/**
 * [M1] [M4] Which memory operation it is: the low bits of the command say it, the others from which
 * extent on it is to be done. Most operations have no extents, and refuse to go on from one.
 */
export function memoryHypercall(state: State, made: Hypercall, limit = Infinity): Ended {
  const first = Math.floor(made.command / 2 ** abi.MEMOP_EXTENT_SHIFT);
  const operation = made.command % 2 ** abi.MEMOP_EXTENT_SHIFT;
  switch (operation) {
    case abi.XENMEM_populate_physmap:
    case abi.XENMEM_decrease_reservation:
    case abi.XENMEM_increase_reservation:
      return extentsCall(state, made, operation, first, limit);
    case abi.XENMEM_add_to_physmap:
      return addCall(state, made, first, limit);
    case abi.XENMEM_add_to_physmap_batch:
      return addBatchCall(state, made, first, limit);
    default:
      break;
  }
  const call = withoutExtents(operation);
  if (call === undefined) return calls.refused(state, '-ENOSYS', 'M1.5');
  return first === 0 ? call(state, made) : calls.refused(state, '-EINVAL', 'M4.1');
}

type Call = (state: State, made: Hypercall) => Ended;

function withoutExtents(operation: number): Call | undefined {
  switch (operation) {
    case abi.XENMEM_current_reservation:
      return reservationCall('current_reservation');
    case abi.XENMEM_maximum_reservation:
      return reservationCall('maximum_reservation');
    case abi.XENMEM_maximum_gpfn:
      return reservationCall('maximum_gpfn');
    case abi.XENMEM_remove_from_physmap:
      return removeCall;
    case abi.XENMEM_exchange:
      return exchangeCall;
    default:
      return undefined;
  }
}

const reservationCall =
  (op: Reservation['op']): Call =>
  (state, made) => {
    const { domain } = abi.structures.native;
    return calls.structured(state, made, domain.bytes, (now, bytes) => {
      const target = DomainId(numberIn(bytes, domain.id));
      return reservation(now, made.caller, { ...calls.by(made), op, target });
    });
  };

const removeCall: Call = (state, made) => {
  const { removeFromPhysmap: at } = abi.structures[made.layout];
  return calls.structured(state, made, at.bytes, (now, bytes) => {
    const target = DomainId(numberIn(bytes, at.domain));
    const gfn = Gfn(numberIn(bytes, at.gfn));
    const call = { ...calls.by(made), op: 'remove_from_physmap', target, gfn } as const;
    return removeFromPhysmap(now, made.caller, call);
  });
};
