import * as abi from '../abi/control.js';
import type { Reply } from '../abi/reply.js';
import type { LinearAccess } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { loadWord, storeWord } from '../values/content.js';
import { sum } from '../values/words.js';
import { accessed, type Place } from './access.js';
import { pageOf, the, withContent } from './derived.js';
import { finished, refuse, type Alternative } from './outcome.js';
import { isCanonical, linearNumber, linearWord, modeOf, vcpuOf } from './registers.js';
import type { Reading } from './readings.js';
import { askedBy, faultCode, faultOf, type Asked, type Fault } from './rights.js';
import type { State, Vcpu } from './state.js';
import { remembered, withPast } from './translations.js';
import { walks, type Translation } from './walk.js';

/** Guest accesses by linear address: the walks, what they leave behind, and the access itself. */

/** What one page of an access comes to: where it is, or why it faults. */
export type Found = Translation | Fault;

/** An access: where it begins in each of its pages, and what fresh walks say of these. */
interface Attempt {
  readonly state: State;
  readonly made: LinearAccess;
  readonly vcpu: Vcpu;
  readonly asked: Asked;
  readonly starts: readonly number[];
  readonly fresh: readonly Found[];
}

/**
 * [A6] A linear access. First the outcome of fresh walks; then those in which a page of it is found
 * by a translation that the vcpu may remember ([T1]), which marks no entry.
 */
export function* linearAccess(state: State, made: LinearAccess): Iterable<Alternative> {
  const { caller, vcpu: id, linear, size } = made;
  const vcpu = vcpuOf(state, caller, id);
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
  const fresh = starts.map((start) =>
    judged(the(walks([state], caller, id, start)[0]), vcpu, asked),
  );
  const attempt = { state, made, vcpu, asked, starts, fresh };
  yield outcome(attempt, fresh);

  const isWrite = asked.kind === 'write';
  const [ones = [], others = [undefined]] = starts.map((start, i) => [
    the(fresh[i]),
    ...remembered(state, caller, id, start, isWrite).filter(
      (page) => faultOf(page, vcpu, asked) === undefined,
    ),
  ]);
  for (const one of ones)
    for (const other of others) {
      const pages = other === undefined ? [one] : [one, other];
      if (pages.every((page, i) => page === fresh[i])) continue;
      const done = outcome(attempt, pages);
      yield { ...done, rules: [...done.rules, 'T1'] };
    }
}

/** A fresh walk, and its judgement. */
export function judged(walk: Translation | Fault, vcpu: Vcpu, asked: Asked): Found {
  if ('refusal' in walk) return walk;
  const isMarkable = walk.entries.every(
    (entry, i) => entry.isWritable || marked(entry, i, walk, asked) === entry.value.low,
  );
  return faultOf(walk, vcpu, asked) ?? (isMarkable ? walk : { refusal: 'W5.2', code: 0 });
}

/** [W6] The low half of an entry that was used: accessed, and the leaf of a write dirty. */
const marked = ({ value }: Reading, i: number, { entries }: Translation, { kind }: Asked): number =>
  (value.low | abi.PTE_A | (kind === 'write' && i === entries.length - 1 ? abi.PTE_D : 0)) >>> 0;

/** The access by the pages that were found, those found by fresh walks having marked their entries. */
function outcome(
  { state, made, vcpu, asked, starts, fresh }: Attempt,
  pages: readonly Found[],
): Alternative {
  const faultAt = (i: number, found: number): Reply => {
    const linear = linearWord(the(starts[i]), modeOf(vcpu));
    return { is: 'page_fault', code: faultCode(found, vcpu, asked), linear };
  };
  const gfns: number[] = [];
  let next = state;
  for (const [i, page] of pages.entries()) {
    if ('refusal' in page) return finished(state, refuse(faultAt(i, page.code), page.refusal));
    if (page === fresh[i]) next = withMarks(next, page, asked);
    gfns.push(page.gfn);
  }
  const [gfn = 0, nextGfn = gfn] = gfns;
  const place: Place = { gfn, offset: the(starts[0]) % PAGE_BYTES, nextGfn, size: made.size };
  // [T1] An access may change the very entries it went through: they were legal before that.
  const noted = withPast(state, next);
  const done = accessed(noted, made, place, faultAt(0, abi.PFEC_P | abi.PFEC_I));
  const after = done.next === undefined ? noted : withPast(noted, done.next);
  const ended = finished(state, { ...done, next: after });
  return next === state ? ended : { ...ended, rules: [...ended.rules, 'W6'] };
}

/** [W6] The entries of a walk are marked, the leaf first. */
export function withMarks(state: State, page: Translation, asked: Asked): State {
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
