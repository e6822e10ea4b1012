import * as abi from '../abi/control.js';
import type { DomainId, VcpuId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { LinearAccess } from '../abi/step.js';
import { PAGE_BYTES } from '../abi/word.js';
import { loadWord, storeWord } from '../values/content.js';
import { sum } from '../values/words.js';
import { accessed } from './access.js';
import type { Place } from './pieces.js';
import { outOfPages } from './demand-target.js';
import { demanded, isOnDemand } from './on-demand.js';
import { pageOf, the, theDomain, withContent } from './derived.js';
import { finished, refuse, type Alternative } from './outcome.js';
import { isCanonical, linearNumber, linearWord, modeOf, vcpuOf } from './registers.js';
import type { Reading } from './readings.js';
import { askedBy, faultCode, faultOf, type Asked, type Fault } from './rights.js';
import type { State, Vcpu } from './state.js';
import { remembered, withPast } from './translations.js';
import { walks, type Stop, type Translation } from './walk.js';

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
  readonly fresh: readonly (Found | undefined)[];
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
  const [now, walked] = freshWalks(state, made, vcpu, asked, starts);
  // Where a walk was the end of the domain, the other page may still be found by one of its own.
  const fresh = starts.map(
    (start, i) => walked[i] ?? freshWalks(state, made, vcpu, asked, [start])[1][0],
  );
  const attempt = { state, made, vcpu, asked, starts, fresh };
  yield theDomain(now, caller).crashed
    ? finished(state, outOfPages(now))
    : outcome({ ...attempt, state: now }, walked);

  const isWrite = asked.kind === 'write';
  const [ones = [], others = [undefined]] = starts.map((start, i) => [
    ...fresh.slice(i, i + 1).filter((page) => page !== undefined),
    ...remembered(state, caller, id, start, isWrite).filter(
      (page) => faultOf(page, vcpu, asked) === undefined,
    ),
  ]);
  for (const one of ones)
    for (const other of others) {
      const pages = other === undefined ? [one] : [one, other];
      if (pages.every((page, i) => page === fresh[i])) continue;
      const some = starts.filter((_, i) => pages[i] === fresh[i]);
      const base = freshWalks(state, made, vcpu, asked, some)[0];
      const done = outcome({ ...attempt, state: base }, pages);
      yield { ...done, rules: [...done.rules, 'T1'] };
    }
}

/**
 * Fresh walks, judged, and the state in which they are made: a table at a gfn that is populated on
 * demand is asked for ([P15]), as far as no page faults.
 */
function freshWalks(
  state: State,
  { caller, vcpu: id }: LinearAccess,
  vcpu: Vcpu,
  asked: Asked,
  starts: readonly number[],
): readonly [State, readonly Found[]] {
  let now = state;
  const found: Found[] = [];
  for (const start of starts) {
    const isOver = found.some((page) => 'refusal' in page);
    const { walk, next } = isOver
      ? { walk: the(walks([now], caller, id, start)[0]), next: now }
      : demandingWalk(now, caller, id, start);
    now = next;
    if (theDomain(now, caller).crashed) return [now, found];
    found.push(judged(walk, vcpu, asked));
  }
  return [now, found];
}

/** [P15] A walk that asks for the tables on its way; `next` may be the end of the domain. */
export function demandingWalk(
  state: State,
  id: DomainId,
  vcpu: VcpuId,
  linear: number,
  isForCall = false,
): { readonly walk: Translation | Stop; readonly next: State } {
  const walk = the(walks([state], id, vcpu, linear, isForCall)[0]);
  const gfn = 'refusal' in walk ? walk.table : undefined;
  if (gfn === undefined || !isOnDemand(theDomain(state, id), gfn)) return { walk, next: state };
  const next = demanded(state, id, gfn);
  const isEnd = theDomain(next, id).crashed || isOnDemand(theDomain(next, id), gfn);
  return isEnd ? { walk, next } : demandingWalk(next, id, vcpu, linear, isForCall);
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
