import * as abi from '../abi/control.js';
import type { Reply } from '../abi/reply.js';
import type { LinearAccess } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { loadWord, storeWord } from '../values/content.js';
import { sum } from '../values/words.js';
import { compareExchange, exchangeAdd, fetch, load, store, type Place } from './access.js';
import { pageOf, withContent } from './derived.js';
import { finished, refuse, type Alternative, type Result } from './outcome.js';
import { isCanonical, linearNumber, linearWord, modeOf, vcpuOf } from './registers.js';
import type { Reading } from './readings.js';
import { askedBy, faultCode, faultOf, type Asked, type Fault } from './rights.js';
import type { State, Vcpu } from './state.js';
import { remembered, withPast } from './translations.js';
import { walks, type Translation } from './walk.js';

/** Guest accesses by linear address: the walks, what they leave behind, and the access itself. */

/** What one page of an access comes to: where it is, or why it faults. */
type Found = Translation | Fault;

/**
 * [A6] A linear access. First the outcome of fresh walks; then those in which a page of it is found
 * by a translation that the vcpu may remember ([T1]), which marks no entry.
 */
export function* linearAccess(state: State, made: LinearAccess): Iterable<Alternative> {
  const { caller, vcpu: vcpuId, linear, size } = made;
  const vcpu = vcpuOf(state, caller, vcpuId);
  const mode = modeOf(vcpu);
  const last = sum(linear, { low: size - 1, high: 0 });
  if (mode === '4-level' && !(isCanonical(linear) && isCanonical(last))) {
    yield finished(state, refuse({ is: 'fault', vector: '#GP' }, 'W1.1'));
    return;
  }

  const asked = askedBy(made);
  const first = linearNumber(linear, mode);
  const next = linearNumber(last, mode);
  const isCrossing = (first % PAGE_BYTES) + size > PAGE_BYTES;
  // The second page of an access that crosses is accessed, and fails, at its start.
  const starts = isCrossing ? [first, next - (next % PAGE_BYTES)] : [first];
  const fresh = starts.map((start) => freshly(state, made, start, vcpu, asked));
  yield finished(state, outcome(state, made, starts, fresh, fresh));

  const stale = starts.map((start) =>
    remembered(state, caller, vcpuId, start, asked.kind === 'write'),
  );
  const choices = stale.map((pages, i) => [
    ...(fresh[i] === undefined ? [] : [fresh[i]]),
    ...pages.filter((page) => faultOf(page, vcpu, asked) === undefined),
  ]);
  for (const one of choices[0] ?? [])
    for (const other of choices[1] ?? [undefined]) {
      const pages = other === undefined ? [one] : [one, other];
      if (pages.every((page, i) => page === fresh[i])) continue;
      const done = finished(state, outcome(state, made, starts, pages, fresh));
      yield { ...done, rules: [...done.rules, 'T1'] };
    }
}

/** A fresh walk of one page, and its judgement. */
function freshly(
  state: State,
  made: LinearAccess,
  linear: number,
  vcpu: Vcpu,
  asked: Asked,
): Found {
  const [walk] = walks([state], made.caller, made.vcpu, linear);
  if (walk === undefined) throw new Error('a walk comes to something');
  if ('refusal' in walk) return walk;
  const fault = faultOf(walk, vcpu, asked);
  if (fault !== undefined) return fault;
  const isMarkable = walk.entries.every(
    (entry, i) => entry.isWritable || marked(entry, i, walk, asked) === entry.value.low,
  );
  return isMarkable ? walk : { refusal: 'W5.2', code: 0 };
}

/** [W6] The low half of an entry that was used: accessed, and the leaf of a write dirty. */
const marked = ({ value }: Reading, i: number, { entries }: Translation, { kind }: Asked): number =>
  (value.low | abi.PTE_A | (kind === 'write' && i === entries.length - 1 ? abi.PTE_D : 0)) >>> 0;

/** The access by the pages that were found, those found by fresh walks having marked their entries. */
function outcome(
  state: State,
  made: LinearAccess,
  starts: readonly number[],
  pages: readonly Found[],
  fresh: readonly Found[],
): Result {
  const asked = askedBy(made);
  const vcpu = vcpuOf(state, made.caller, made.vcpu);
  const mode = modeOf(vcpu);
  const faultAt = (i: number, code: number): Reply => {
    return {
      is: 'page_fault',
      code: faultCode(code, vcpu, asked),
      linear: linearWord(starts[i] ?? 0, mode),
    };
  };
  for (const [i, page] of pages.entries())
    if ('refusal' in page) return refuse(faultAt(i, page.code), page.refusal);

  const found = pages.filter((page): page is Translation => !('refusal' in page));
  let next = state;
  for (const [i, page] of found.entries())
    if (page === fresh[i]) next = withMarks(next, page, asked);
  const [one, other] = found;
  if (one === undefined) throw new Error('an access has a page');
  const place: Place = {
    gfn: one.gfn,
    offset: (starts[0] ?? 0) % PAGE_BYTES,
    nextGfn: (other ?? one).gfn,
    size: made.size,
  };
  // [T1] An access may change the very entries it went through: they were legal before that.
  const noted = withPast(state, next);
  const done = accessed(noted, made, place, faultAt(0, abi.PFEC_P | abi.PFEC_I));
  return { ...done, next: done.next === undefined ? noted : withPast(noted, done.next) };
}

/** [W6] The entries of a walk are marked, the leaf first, and only in what they were read as. */
function withMarks(state: State, page: Translation, asked: Asked): State {
  let next = state;
  for (const [i, entry] of [...page.entries.entries()].toReversed()) {
    const { content } = pageOf(next, entry.page);
    const now = loadWord(content, entry.offset, 4);
    const low = (now.low | marked(entry, i, page, asked)) >>> 0;
    if (low === now.low) continue;
    next = withContent(next, entry.page, storeWord(content, entry.offset, 4, { low, high: 0 }));
  }
  return next;
}

function accessed(state: State, made: LinearAccess, place: Place, fault: Reply): Result {
  switch (made.op) {
    case 'load_linear':
      return load(state, made.caller, place);
    case 'store_linear':
      return store(state, made.caller, place, made.value);
    case 'cmpxchg_linear':
      return compareExchange(state, made.caller, place, made.expected, made.value);
    case 'xadd_linear':
      return exchangeAdd(state, made.caller, place, made.value);
    case 'fetch_linear':
      return fetch(state, made.caller, place, fault);
  }
}
