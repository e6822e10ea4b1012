import * as abi from '../abi/layouts.js';
import { DomainId, Gfn } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Errno } from '../abi/status.js';
import { XENMAPSPACE_gmfn_range, type Hypercall, type Reservation } from '../abi/step.js';
import { after, argumentOf, bytesAt, numberIn, withBytes, withNumber, wordIn } from './buffers.js';
import * as calls from './calls.js';
import type { Ended, Rules } from './calls.js';
import { rc, type Result } from './outcome.js';
import { addToPhysmap, addToPhysmapBatch, removeFromPhysmap } from './physmap.js';
import { reservation } from './reservation.js';
import { exchangeCall, extentsCall } from './reservation-hypercalls.js';
import type { State } from './state.js';

/** Memory operations with their arguments in memory (p2m.md 2.9). */

type Bytes = readonly number[];

/**
 * [H1] [H4] Which memory operation it is: the low bits of the command say it, the others from which
 * extent on it is to be done. Most operations have no extents, and refuse to go on from one.
 */
export function memoryHypercall(state: State, made: Hypercall): Ended {
  const first = Math.floor(made.command / 2 ** abi.MEMOP_EXTENT_SHIFT);
  const operation = made.command % 2 ** abi.MEMOP_EXTENT_SHIFT;
  switch (operation) {
    case abi.XENMEM_populate_physmap:
    case abi.XENMEM_decrease_reservation:
    case abi.XENMEM_increase_reservation:
      return extentsCall(state, made, operation, first);
    case abi.XENMEM_add_to_physmap:
      return addCall(state, made, first);
    case abi.XENMEM_add_to_physmap_batch:
      return addBatchCall(state, made, first);
    default:
      break;
  }
  const call = withoutExtents(operation);
  if (call === undefined) return calls.refused(state, '-ENOSYS', 'H1.5');
  return first === 0 ? call(state, made) : calls.refused(state, '-EINVAL', 'H4.1');
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

/** [H2] One structure is read, and what it asks for is done; nothing is written. */
function one(
  state: State,
  made: Hypercall,
  size: number,
  ask: (now: State, bytes: Bytes) => Result,
): Ended {
  const { bytes, next: now } = bytesAt(state, made, argumentOf(made), size);
  if (bytes === undefined) return calls.unread({ next: now, outcome: undefined, rules: [] });
  const { answer, rule, next = now } = ask(now, bytes);
  if (answer === 'crashed') return calls.fatal({ next, outcome: undefined, rules: [rule] });
  return calls.through({ next, outcome: answer, rules: [rule] }, 'rc' in answer ? answer.rc : 0);
}

const by = ({ caller, vcpu }: Hypercall) => ({ caller, vcpu });

const reservationCall =
  (op: Reservation['op']): Call =>
  (state, made) => {
    const { domain } = abi.structures.native;
    return one(state, made, domain.bytes, (now, bytes) => {
      const target = DomainId(numberIn(bytes, domain.id));
      return reservation(now, made.caller, { ...by(made), op, target });
    });
  };

const removeCall: Call = (state, made) => {
  const { removeFromPhysmap: at } = abi.structures[made.layout];
  return one(state, made, at.bytes, (now, bytes) => {
    const target = DomainId(numberIn(bytes, at.domain));
    const gfn = Gfn(numberIn(bytes, at.gfn));
    return removeFromPhysmap(now, made.caller, { ...by(made), op: 'remove_from_physmap', target, gfn });
  });
};

/** [H4] add_to_physmap: only a range of gmfns has entries to go on from. */
function addCall(state: State, made: Hypercall, first: number): Ended {
  const { addToPhysmap: at } = abi.structures[made.layout];
  if (first > abi.PHYSMAP_START_MAXIMUM) return outOfNumbers(state);
  return one(state, made, at.bytes, (now, bytes) => {
    const call = {
      ...by(made),
      op: 'add_to_physmap',
      target: DomainId(numberIn(bytes, at.domain)),
      space: numberIn(bytes, at.space),
      index: numberIn(bytes, at.index),
      gfn: Gfn(numberIn(bytes, at.gfn)),
      size: numberIn(bytes, at.size),
    } as const;
    if (call.space !== XENMAPSPACE_gmfn_range || first === 0)
      return addToPhysmap(now, made.caller, call);
    // Who asks for what is judged before how much of it is left.
    const asked = addToPhysmap(now, made.caller, { ...call, size: 0 });
    if (asked.rule !== 'P11') return asked;
    if (call.size < first) return { answer: rc('-EILSEQ'), rule: 'H4.3', next: now };
    const [index, gfn] = [call.index + first, Gfn(call.gfn + first)];
    return addToPhysmap(now, made.caller, { ...call, index, gfn, size: call.size - first });
  });
}
