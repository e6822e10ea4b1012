import * as abi from '../abi/layouts.js';
import type { ElementReply } from '../abi/reply.js';
import { statuses, type Status } from '../abi/status.js';
import type { CopyElement, Hypercall } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { after, argumentOf, bytesAt, withBytes, withNumber } from './buffers.js';
import * as calls from './calls.js';
import type { Ended, Rules } from './calls.js';
import { copied, mapSeen } from './choices.js';
import { closed, copyGrant, type Copying } from './copy.js';
import { theDomain } from './derived.js';
import { unhooked } from './map.js';
import { ended } from './ended.js';
import type { ElementResult, Objection } from './outcome.js';
import type { Mapping, State } from './state.js';
import { swapGrant } from './table.js';

/** Batches of grant operations with their elements in memory (grants.md 5.3). */

/** How the elements of a batch are read, done and answered. */
interface Batch<Element> {
  /** Bytes of one. */
  readonly bytes: number;
  readonly decode: (bytes: Bytes) => Element;
  readonly perform: (now: State, element: Element, index: number) => ElementResult | Objection;
  /** What is written back, and from which byte of the element on. */
  readonly report: (bytes: Bytes, reply: ElementReply) => readonly [at: number, bytes: Bytes];
  /** What is left to do, if anything, after the last element that was done, and after every so many. */
  readonly finish?: (now: State) => State;
  readonly every?: number;
}
type Bytes = readonly number[];

/**
 * [M2] [M3] A batch: an element is read when its turn has come, done, and answered in its place; then
 * the next. What one does may change what the next one is, or where.
 */
function inTurn<Element>(
  state: State,
  made: Hypercall,
  { bytes: size, decode, perform, report, finish = (now) => now, every }: Batch<Element>,
): Ended | Objection {
  const elements: ElementReply[] = [];
  let rules: Rules = [];
  let next = state;
  const outcome = { is: 'statuses', elements } as const;
  const end = (now: State) => ({ next: now, outcome, rules });
  for (let i = 0; i < made.count; i++) {
    const at = after(argumentOf(made), i * size);
    const read = bytesAt(next, made, at, size);
    next = read.next;
    if (read.bytes === undefined) return calls.unread(end(finish(next)));
    const done = perform(next, decode(read.bytes), i);
    if ('objection' in done) return done;
    const { answer } = done;
    rules = [...rules, done.rule];
    next = done.next ?? next;
    const reply: ElementReply = answer === 'crashed' ? { status: 'general_error' } : answer;
    const [from, result] = report(read.bytes, reply);
    const written = withBytes(next, made, after(at, from), result);
    next = written.next;
    elements.push(reply);
    if (answer === 'crashed' || theDomain(next, made.caller).crashed)
      return calls.fatal(end(finish(next)));
    if (!written.isWhole) return calls.unwritten(end(finish(next)));
    if (every !== undefined && (i + 1) % every === 0) next = finish(next);
  }
  return calls.through(end(finish(next)));
}

const statusBytes = (status: Status): Bytes =>
  withNumber([0, 0], [0, 2], -statuses.indexOf(status));

/** Only the status is written back. */
const statusAt =
  (at: number): Batch<never>['report'] =>
  (_, { status }) => [at, statusBytes(status)];

/** [M3] map_grant_ref writes back whole elements, of which only a mapping has new fields. */
export function mapCall(
  state: State,
  made: Hypercall,
  seen: readonly ElementReply[] | undefined,
): Ended | Objection {
  const { map } = abi.structures.native;
  return inTurn(state, made, {
    bytes: map.bytes,
    decode: calls.mapElement,
    perform: (now, element, i) => mapSeen(now, made, element, seen?.[i]),
    report: (bytes, { status, handle, frame }) => {
      const answered = withNumber(bytes, map.status, -statuses.indexOf(status));
      if (handle === undefined || frame === undefined) return [0, answered];
      const named = withNumber(answered, map.handle, handle);
      return [0, withNumber(named, map.busAddress, frame * PAGE_BYTES)];
    },
  });
}

/**
 * [M3] unmap_grant_ref empties the gfns of a number of elements before what they held is released;
 * their handles are free and their statuses written by then.
 */
export function unmapCall(state: State, made: Hypercall): Ended | Objection {
  const { unmap } = abi.structures.native;
  let pending: readonly Mapping[] = [];
  const finish = (now: State): State => {
    const released = ended(now, ...pending);
    pending = [];
    return released;
  };
  return inTurn(state, made, {
    bytes: unmap.bytes,
    decode: calls.unmapElement,
    perform: (now, element) => {
      const { outcome, mapping } = unhooked(now, made.caller, element);
      if (mapping !== undefined) pending = [...pending, mapping];
      return outcome;
    },
    report: statusAt(unmap.status[0]),
    finish,
    every: state.machine.unmapBatch,
  });
}

export function swapCall(state: State, made: Hypercall): Ended | Objection {
  const { swap } = abi.structures.native;
  return inTurn(state, made, {
    bytes: swap.bytes,
    decode: calls.swapElement,
    perform: (now, element) => swapGrant(now, made.caller, element),
    report: statusAt(swap.status[0]),
  });
}

/** [M3] The buffers of a copy stay in use while statuses are written and elements are read. */
export function copyCall(state: State, made: Hypercall): Ended | Objection {
  const { copy } = abi.structures.native;
  let copying: Copying = { state, source: undefined, dest: undefined };
  return inTurn(state, made, {
    bytes: copy.bytes,
    decode: (bytes) => calls.copyElement(bytes, 'native'),
    perform: (now, element) => {
      const done = copyGrant({ ...copying, state: now }, made.caller, element);
      copying = done.after;
      return { answer: done.reply, rule: done.rule, next: copying.state };
    },
    report: statusAt(copy.status[0]),
    finish: (now) => closed({ ...copying, state: now }).state,
  });
}

/**
 * [M2] Copies of a guest of 32 bits are read many at once, as many as fit the place where they are put
 * into native layout. If one cannot be read, none of these is made; once all are made the statuses
 * are written, the last one first, each that can be. They may be stopped between two of these ([B2]).
 */
export function compatCopyCall(state: State, made: Hypercall, limit = Infinity): Ended {
  const { copy } = abi.structures.compat;
  const together = Math.floor(state.machine.compatAreaBytes / abi.structures.native.copy.bytes);
  const replies: ElementReply[] = [];
  const rules: Rules[number][] = [];
  let next = state;
  const sofar = () => ({ next, outcome: { is: 'statuses', elements: replies } as const, rules });
  for (let first = 0; first < made.count; first += together) {
    const count = Math.min(together, made.count - first);
    const addressOf = (i: number) => after(argumentOf(made), (first + i) * copy.bytes);
    const elements: CopyElement[] = [];
    for (let i = 0; i < count; i++) {
      const read = bytesAt(next, made, addressOf(i), copy.bytes);
      next = read.next;
      if (read.bytes === undefined) return calls.unread(sofar());
      elements.push(calls.copyElement(read.bytes, 'compat'));
    }
    const most = Math.max(1, limit - replies.length);
    const done = copied(next, made.caller, elements.slice(0, most));
    replies.push(...done.replies);
    rules.push(...done.rules);
    next = closed(done.copying).state;
    let isWhole = true;
    for (const [i, { status }] of [...done.replies.entries()].toReversed()) {
      const place = after(addressOf(i), copy.status[0]);
      const written = withBytes(next, made, place, statusBytes(status));
      next = written.next;
      isWhole &&= written.isWhole;
    }
    if (theDomain(next, made.caller).crashed) return calls.fatal(sofar());
    if (!isWhole) return calls.unwritten(sofar());
    if (done.replies.length < count) return { ...calls.through(sofar()), isStopped: true };
  }
  return calls.through(sofar());
}
