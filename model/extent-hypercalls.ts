import * as abi from '../abi/layouts.js';
import { DomainId, Gfn } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import type { RefusalId } from '../abi/rules.js';
import type { Hypercall } from '../abi/step.js';
import { after, argumentOf, bytesAt, numberIn, wordIn } from './buffers.js';
import * as calls from './calls.js';
import type { Ended, Rules } from './calls.js';
import type { Result } from './outcome.js';
import { decrease, increase, populate } from './reservation.js';
import type { State } from './state.js';

/** What a domain owns, with the reservation and its list in memory (p2m.md 2.9). */

/** Gfns of a guest of 32 bits that fit where they are put into native layout. */
const togetherOn = ({ compatAreaBytes }: Machine): number =>
  Math.floor((compatAreaBytes - abi.structures.native.reservation.bytes) / 8);

/**
 * [M2] [M4] populate, decrease and increase_reservation, from an extent on: each gfn is read when its
 * turn has come, for a guest of 32 bits many before the first of them is done. No error is ever
 * answered, only how many extents are done, those before the first among them.
 */
export function extentsCall(
  state: State,
  made: Hypercall,
  operation: number,
  first: number,
  limit: number,
): Ended {
  const { reservation: at } = abi.structures[made.layout];
  const { bytes, next: read } = bytesAt(state, made, argumentOf(made), at.bytes);
  const rules: Rules[number][] = [];
  let next = read;
  const end = (done: number, rule: RefusalId | 'M1'): Ended => {
    return { rc: done, outcome: { is: 'rc', rc: done }, rules: [...rules, rule], next };
  };
  if (bytes === undefined) return unreadable(end, first);
  const count = numberIn(bytes, at.count);
  const addressBits = numberIn(bytes, at.flags) % (abi.XENMEMF_address_bits + 1);
  if (count > abi.EXTENTS_MAXIMUM) return end(first, 'M4.5');
  if (first >= count) return end(first, 'M4.4');
  if (addressBits > 0 && addressBits <= abi.ADDRESS_BITS_OF_A_PAGE) return end(first, 'M4.6');

  const hasList = operation !== abi.XENMEM_increase_reservation;
  const together = made.layout === 'native' ? 1 : togetherOn(state.machine);
  let gfns: readonly Gfn[] = [];
  for (let done = first; done < count; done++) {
    if (done === first + limit) return { ...end(done, 'M1'), isStopped: true };
    const from = (done - first) % together;
    if (hasList && from === 0) {
      const found = gfnsIn(next, made, bytes, done, Math.min(together, count - done));
      gfns = found.gfns;
      next = found.next;
    }
    const gfn = hasList ? gfns[from] : Gfn(0);
    if (gfn === undefined) return unreadable(end, done);
    const result = extent(next, made, operation, bytes, gfn);
    rules.push(result.rule);
    next = result.next ?? next;
    const { answer } = result;
    if (answer === 'crashed') return calls.fatal({ next, outcome: undefined, rules });
    if (answer.is === 'rc' && answer.rc === 0) return end(done, 'M1');
  }
  return end(count, 'M1');
}

/** [M2] What cannot be read ends the call like an extent that cannot be done. */
const unreadable = (end: (done: number, rule: RefusalId) => Ended, done: number): Ended =>
  end(done, 'M2.2');

/** One extent of what a reservation asks for. */
function extent(
  state: State,
  made: Hypercall,
  operation: number,
  bytes: readonly number[],
  gfn: Gfn,
): Result {
  const { reservation: at } = abi.structures[made.layout];
  const call = {
    ...calls.by(made),
    target: DomainId(numberIn(bytes, at.domain)),
    order: numberIn(bytes, at.order),
  };
  switch (operation) {
    case abi.XENMEM_populate_physmap:
      return populate(state, made.caller, { ...call, op: 'populate_physmap', extents: [gfn] });
    case abi.XENMEM_decrease_reservation:
      return decrease(state, made.caller, { ...call, op: 'decrease_reservation', extents: [gfn] });
    default:
      return increase(state, made.caller, { ...call, op: 'increase_reservation', count: 1 });
  }
}

/** [M2] Gfns of the list, up to the first that cannot be read. */
function gfnsIn(
  state: State,
  made: Hypercall,
  argument: readonly number[],
  first: number,
  count: number,
): { readonly gfns: readonly Gfn[]; readonly next: State } {
  const { reservation: at, frame } = abi.structures[made.layout];
  const gfns: Gfn[] = [];
  let next = state;
  for (let i = first; i < first + count; i++) {
    const place = after(wordIn(argument, at.extents), i * frame.bytes);
    const found = bytesAt(next, made, place, frame.bytes);
    next = found.next;
    if (found.bytes === undefined) break;
    gfns.push(calls.gfnIn(found.bytes, made.layout));
  }
  return { gfns, next };
}
