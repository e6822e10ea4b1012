import * as abi from '../abi/layouts.js';
import { DomainId, Gfn } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import { errnoNumbers, type Errno } from '../abi/status.js';
import { XENMAPSPACE_gmfn_range, type Hypercall, type PhysmapEntry } from '../abi/step.js';
import { after, argumentOf, bytesAt, numberIn, withBytes, withNumber, wordIn } from './buffers.js';
import * as calls from './calls.js';
import type { Ended, Rules } from './calls.js';
import { theDomain } from './derived.js';
import { rc } from './outcome.js';
import { addToPhysmap, addToPhysmapBatch } from './physmap.js';
import type { State } from './state.js';

/** add_to_physmap and its batch, with their arguments in memory (p2m.md 2.9). */

/** [M4] add_to_physmap: only a range of gfns has entries to go on from. */
export function addCall(state: State, made: Hypercall, first: number, limit: number): Ended {
  const { addToPhysmap: at } = abi.structures[made.layout];
  if (first > abi.PHYSMAP_START_MAXIMUM) return outOfNumbers(state);
  let left = 0;
  const ended = calls.structured(state, made, at.bytes, (now, bytes) => {
    const call = {
      ...calls.by(made),
      op: 'add_to_physmap',
      target: DomainId(numberIn(bytes, at.domain)),
      space: numberIn(bytes, at.space),
      index: numberIn(bytes, at.index),
      gfn: Gfn(numberIn(bytes, at.gfn)),
      size: numberIn(bytes, at.size),
    } as const;
    if (call.space !== XENMAPSPACE_gmfn_range) return addToPhysmap(now, made.caller, call);
    // Who asks is judged before how much there is left to do.
    const asked = addToPhysmap(now, made.caller, { ...call, size: 0 });
    if (first > 0 && asked.rule !== 'P11') return asked;
    if (call.size < first) return { answer: rc('-EILSEQ'), rule: NONE_LEFT, next: now };
    const [index, gfn] = [call.index + first, Gfn(call.gfn + first)];
    const size = Math.min(call.size - first, limit);
    left = call.size - first - size;
    return addToPhysmap(now, made.caller, { ...call, index, gfn, size });
  });
  if (left === 0 || ended.rc !== 0) return ended;
  return { ...ended, rc: first + limit, outcome: rc(first + limit), isStopped: true };
}

/** [M4] The first entry is a number of 16 bits. */
const outOfNumbers = (state: State): Ended => calls.refused(state, '-EDOM', 'M4.2');

/** [M4] No entry is left. */
const NONE_LEFT = 'M4.3';

/** Entries of a guest of 32 bits that fit where they are put into native layout. */
const togetherOn = ({ compatAreaBytes }: Machine): number =>
  Math.floor((compatAreaBytes - abi.structures.native.addToPhysmapBatch.bytes) / 16);

/**
 * [M2] [M3] add_to_physmap_batch: an entry is read, done, and its result written, then the next. For a
 * guest of 32 bits many are read at once, the first of them before anything is asked.
 */
export function addBatchCall(state: State, made: Hypercall, first: number, limit: number): Ended {
  if (first > abi.PHYSMAP_START_MAXIMUM) return outOfNumbers(state);
  const { addToPhysmapBatch: at } = abi.structures[made.layout];
  const { bytes, next: read } = bytesAt(state, made, argumentOf(made), at.bytes);
  if (bytes === undefined) return calls.unread({ next: read, outcome: undefined, rules: [] });
  const size = numberIn(bytes, at.size);
  const call = {
    ...calls.by(made),
    op: 'add_to_physmap_batch',
    target: DomainId(numberIn(bytes, at.domain)),
    space: numberIn(bytes, at.space),
    foreign: numberIn(bytes, at.foreign),
  } as const;

  const isNative = made.layout === 'native';
  const together = isNative ? 1 : togetherOn(state.machine);
  const errors: (0 | Errno)[] = [];
  const rules: Rules[number][] = [];
  let next = read;
  const sofar = (value: 0 | Errno) => {
    return { next, outcome: { is: 'errors', rc: value, errors } as const, rules };
  };
  const fetched = (from: number): readonly PhysmapEntry[] | undefined => {
    const found = entriesIn(next, made, bytes, from, Math.min(together, Math.max(0, size - from)));
    next = found.next;
    return found.entries;
  };
  let entries = isNative ? [] : fetched(first);
  if (entries === undefined) return calls.unread(sofar('-EFAULT'));
  const asked = addToPhysmapBatch(next, made.caller, { ...call, entries: [] });
  if (asked.rule !== 'P12') return calls.answered(next, asked);
  if (size < first || (size === first && first > 0))
    return { ...sofar('-EILSEQ'), rc: '-EILSEQ', rules: [NONE_LEFT] };

  for (let i = first; i < size; i++) {
    if (i === first + limit) return { ...calls.through(sofar(0)), isStopped: true };
    const from = (i - first) % together;
    if (from === 0 && (isNative || i > first)) entries = fetched(i);
    const entry = entries?.[from];
    if (entry === undefined) return calls.unread(sofar('-EFAULT'));
    const done = addToPhysmapBatch(next, made.caller, { ...call, entries: [entry] });
    const { answer } = done;
    next = done.next ?? next;
    const [error] = answer !== 'crashed' && answer.is === 'errors' ? answer.errors : [];
    rules.push(done.rule);
    // [P12] An impossible gfn ends the call, and has no result.
    if (error === undefined || error === 'untouched')
      return calls.through(sofar('-EINVAL'), '-EINVAL');
    errors.push(error);
    const place = after(wordIn(bytes, at.errors), i * ERROR.bytes);
    const number = error === 0 ? 0 : errnoNumbers[error];
    const written = withBytes(next, made, place, withNumber([], ERROR.number, number));
    next = written.next;
    if (!written.isWhole) return calls.unwritten(sofar('-EFAULT'));
    if (theDomain(next, made.caller).crashed) return calls.fatal(sofar(0));
  }
  return calls.through(sofar(0));
}

const ERROR = abi.structures.native.error;

/** [M2] Entries of the batch as their lists have them; none if one of them cannot be read. */
function entriesIn(
  state: State,
  made: Hypercall,
  argument: readonly number[],
  first: number,
  count: number,
): { readonly entries: readonly PhysmapEntry[] | undefined; readonly next: State } {
  const { addToPhysmapBatch: at, frame } = abi.structures[made.layout];
  const entries: PhysmapEntry[] = [];
  let next = state;
  for (let i = first; i < first + count; i++) {
    const place = (list: abi.Field) => after(wordIn(argument, list), i * frame.bytes);
    const index = bytesAt(next, made, place(at.indexes), frame.bytes);
    if (index.bytes === undefined) return { entries: undefined, next: index.next };
    const gfn = bytesAt(index.next, made, place(at.gfns), frame.bytes);
    next = gfn.next;
    if (gfn.bytes === undefined) return { entries: undefined, next };
    entries.push({
      index: numberIn(index.bytes, frame.number),
      gfn: calls.gfnIn(gfn.bytes, made.layout),
    });
  }
  return { entries, next };
}
