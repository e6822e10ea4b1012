import * as abi from '../abi/layouts.js';
import { DomainId } from '../abi/ids.js';
import type { Hypercall } from '../abi/step.js';
import { after, argumentOf, bytesAt, numberIn, withBytes, withNumber, wordIn } from './buffers.js';
import * as calls from './calls.js';
import type { Ended } from './calls.js';
import type { Result } from './outcome.js';
import { exchangeOf, exchangeOfOrders, exchangeOfPages, noExchange } from './reservation.js';
import { type Exchanged } from './reservation.js';
import type { State } from './state.js';

/** exchange with its argument in memory (p2m.md 2.9). */

/** An exchange as its argument has it. */
interface Asked extends Exchanged {
  readonly takenInto: DomainId;
  /** Extents that are done already. */
  readonly done: number;
}

/**
 * [M2] [M3] exchange: what is asked is judged, in the layout of 32 bits some of it beforehand, then the
 * first gfn is read. How many extents are done is written back, whatever the answer.
 */
export function exchangeCall(state: State, made: Hypercall): Ended {
  const { exchange: at, frame, reservation } = abi.structures[made.layout];
  const { bytes, next: read } = bytesAt(state, made, argumentOf(made), at.bytes);
  if (bytes === undefined) return calls.unread({ next: read, outcome: undefined, rules: [] });
  const asked = askedIn(bytes, made);
  if (made.layout === 'compat' && (isIncoherent(asked) || hasNoSize(asked)))
    return calls.answered(read, incoherent(asked));
  const early = judged(read, made, asked);
  if (early !== undefined) return told(read, made, bytes, asked.done, early);

  const span = 2 ** Math.max(0, asked.takenOrder - asked.givenOrder);
  const first = Math.floor(asked.done / span) * span;
  const place = after(wordIn(bytes, reservation.extents), first * frame.bytes);
  const found = bytesAt(read, made, place, frame.bytes);
  if (found.bytes === undefined) return unlisted(found.next, made, bytes, first);
  const gfn = calls.gfnIn(found.bytes, made.layout);
  const result = exchangeOf(found.next, made.caller, asked.target, gfn);
  return told(result.next ?? found.next, made, bytes, first, result);
}

/** What is asked before any page is looked at; what is done already may be all there is to do. */
const judged = (state: State, { caller }: Hypercall, asked: Asked): Result | undefined =>
  exchangeOfOrders(state, caller, asked) ??
  (isIncoherent(asked) ? incoherent(asked) : exchangeOfPages(state, caller, asked, asked.done));

/** [M4] More is done than there is to do, or it is done between two domains. */
const isIncoherent = ({ done, given, target, takenInto }: Asked): boolean =>
  done > given || target !== takenInto;

const incoherent = ({ done }: Asked): Result => noExchange('-EINVAL', 'M4.7', done);

/** Of 32 bits: orders that no extent has, or other pages taken than given. */
const hasNoSize = ({ given, givenOrder, taken, takenOrder }: Asked): boolean =>
  Math.max(givenOrder, takenOrder) > abi.ORDER_MAXIMUM ||
  given * 2 ** givenOrder !== taken * 2 ** takenOrder;

/** [M3] The end, with the number of extents done written back. */
function told(
  state: State,
  made: Hypercall,
  bytes: readonly number[],
  done: number,
  { answer, rule }: Result,
): Ended {
  const { done: at } = abi.structures[made.layout].exchange;
  const [from, width] = at;
  const number = withNumber(bytes, at, done).slice(from, from + width);
  const written = withBytes(state, made, after(argumentOf(made), from), number);
  const value = answer !== 'crashed' && answer.is === 'exchanged' ? answer.rc : 0;
  const outcome = { is: 'exchanged', rc: value, count: done } as const;
  const sofar = { next: written.next, outcome, rules: [rule] };
  return written.isWhole ? calls.through(sofar, value) : calls.unwritten(sofar);
}

/** [M2] The first gfn cannot be read; what is done is written all the same. */
function unlisted(state: State, made: Hypercall, bytes: readonly number[], done: number): Ended {
  const { next, outcome } = told(state, made, bytes, done, noExchange('-EFAULT', 'P9'));
  return calls.unread({ next, outcome, rules: [] });
}

function askedIn(bytes: readonly number[], { layout }: Hypercall): Asked {
  const { exchange, reservation: at } = abi.structures[layout];
  const taken = bytes.slice(exchange.taken);
  return {
    target: DomainId(numberIn(bytes, at.domain)),
    given: numberIn(bytes, at.count),
    givenOrder: numberIn(bytes, at.order),
    takenInto: DomainId(numberIn(taken, at.domain)),
    taken: numberIn(taken, at.count),
    takenOrder: numberIn(taken, at.order),
    done: numberIn(bytes, exchange.done),
  };
}
