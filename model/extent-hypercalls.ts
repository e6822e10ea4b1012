import * as abi from '../abi/layouts.js';
import { DomainId, Gfn } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import { isRefusal, type RefusalId } from '../abi/rules.js';
import type { Hypercall } from '../abi/step.js';
import { after, argumentOf, bytesAt, numberIn, wordIn } from './buffers.js';
import * as calls from './calls.js';
import type { Ended, Rules } from './calls.js';
import { domainOrSelf } from './derived.js';
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
  const refused = (why: RefusalId, done: number): Ended => {
    rules.push(why);
    return end(done, 'M1');
  };
  if (bytes === undefined) return unreadable(end, first);
  const count = numberIn(bytes, at.count);
  if (count > abi.EXTENTS_MAXIMUM) return end(first, 'M4.5');
  if (first >= count) return end(first, 'M4.4');
  const hasList = operation !== abi.XENMEM_increase_reservation;
  const isNative = made.layout === 'native';
  const together = isNative ? 1 : togetherOn(state.machine);
  let gfns: readonly Gfn[] = [];
  const asked = isNative ? objection(next, made, operation, bytes) : undefined;
  if (asked !== undefined) return refused(asked, first);
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
    const late = isNative ? undefined : objection(next, made, operation, bytes);
    if (late !== undefined) return refused(late, done);
    if (isWithoutMemory(operation, numberIn(bytes, at.flags))) return end(done, 'M4.9');
    const result = extents(next, made, operation, bytes, [gfn]);
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

/**
 * [M4] What is asked before the first gfn is read, for a guest of 32 bits after its list is: whose pages
 * they are, what memory it has to be, and then all that the call itself asks.
 */
function objection(
  state: State,
  made: Hypercall,
  operation: number,
  bytes: readonly number[],
): RefusalId | undefined {
  const { reservation: at } = abi.structures[made.layout];
  const flags = numberIn(bytes, at.flags);
  const { rule } = extents(state, made, operation, bytes, []);
  const target = DomainId(numberIn(bytes, at.domain));
  if (domainOrSelf(state, made.caller, target) !== undefined) {
    if (isIn(addressBitsOf(flags), abi.ADDRESS_BITS_OF_A_PAGE)) return 'M4.6';
    const isExact =
      (flags & (abi.XENMEMF_exact_node_request | abi.XENMEMF_vnode)) ===
      abi.XENMEMF_exact_node_request;
    if (isExact && (flags & abi.XENMEMF_node) !== 0) return 'M4.8';
  }
  return isRefusal(rule) ? rule : undefined;
}

const addressBitsOf = (flags: number): number => flags & abi.XENMEMF_address_bits;
const isIn = (bits: number, most: number): boolean => bits > 0 && bits <= most;

/** Fresh pages are to have an address of so few bits that the machine has none. */
const isWithoutMemory = (operation: number, flags: number): boolean =>
  isIn(addressBitsOf(flags), abi.ADDRESS_BITS_WITHOUT_MEMORY) &&
  (operation === abi.XENMEM_increase_reservation ||
    (operation === abi.XENMEM_populate_physmap && (flags & abi.XENMEMF_populate_on_demand) === 0));

/** Some extents of what a reservation asks for. */
function extents(
  state: State,
  made: Hypercall,
  operation: number,
  bytes: readonly number[],
  gfns: readonly Gfn[],
): Result {
  const { reservation: at } = abi.structures[made.layout];
  const call = {
    ...calls.by(made),
    target: DomainId(numberIn(bytes, at.domain)),
    order: numberIn(bytes, at.order),
  };
  const onDemand = (numberIn(bytes, at.flags) & abi.XENMEMF_populate_on_demand) !== 0;
  switch (operation) {
    case abi.XENMEM_populate_physmap:
      return populate(state, made.caller, {
        ...call,
        op: 'populate_physmap',
        extents: gfns,
        onDemand,
      });
    case abi.XENMEM_decrease_reservation:
      return decrease(state, made.caller, { ...call, op: 'decrease_reservation', extents: gfns });
    default: {
      const count = gfns.length;
      return increase(state, made.caller, { ...call, op: 'increase_reservation', count });
    }
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
