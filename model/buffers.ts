import { ALL_ONES } from '../abi/ids.js';
import type { Field } from '../abi/layouts.js';
import type { Hypercall } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { loadWord, storeWord } from '../values/content.js';
import { sum } from '../values/words.js';
import { isGrant, ownPageAt, pageOf, the, theDomain, withContent } from './derived.js';
import { demandingWalk, judged, withMarks } from './linear.js';
import { demanded } from './on-demand.js';
import { linearNumber, modeOf, vcpuOf } from './registers.js';
import type { Asked } from './rights.js';
import type { PageId, State } from './state.js';
import { get } from '../values/keyed.js';

/** How the hypervisor reads and writes the memory of who calls it (p2m.md 3.5). */

/** Whose memory, and as whom. */
export type Caller = Pick<Hypercall, 'caller' | 'vcpu' | 'as'>;

/** Bytes that were read, if they could be, and what reading has left: marks in tables. */
interface Read {
  readonly bytes: readonly number[] | undefined;
  readonly next: State;
}

/**
 * [M2] The bytes at a linear address, page by page: each is found by a walk of its own, now, and is
 * RAM that the caller owns.
 */
export function bytesAt(state: State, by: Caller, linear: Word, size: number): Read {
  const bytes: number[] = [];
  let next = state;
  for (const { at, length } of spans(linear, size)) {
    const found = pageAt(next, by, at, 'read');
    next = found.next;
    if (found.page === undefined) return { bytes: undefined, next };
    const { content } = pageOf(next, found.page);
    for (let i = 0; i < length; i++)
      bytes.push(loadWord(content, (at.low % PAGE_BYTES) + i, 1).low);
  }
  return { bytes, next };
}

/**
 * [M3] The state with bytes written at a linear address. Where a page of them cannot be written the
 * pages before it are; what goes to readonly RAM vanishes.
 */
export function withBytes(
  state: State,
  by: Caller,
  linear: Word,
  bytes: readonly number[],
): { readonly isWhole: boolean; readonly next: State } {
  let next = state;
  let done = 0;
  for (const { at, length } of spans(linear, bytes.length)) {
    const { page, isDiscarding, next: walked } = pageAt(next, by, at, 'write');
    next = walked;
    if (page === undefined) return { isWhole: false, next };
    let { content } = pageOf(next, page);
    for (let i = 0; i < length; i++) {
      const value = { low: bytes[done + i] ?? 0, high: 0 };
      content = storeWord(content, (at.low % PAGE_BYTES) + i, 1, value);
    }
    if (!isDiscarding) next = withContent(next, page, content);
    done += length;
  }
  return { isWhole: true, next };
}

/** The parts of a run of bytes that lie in one page each. */
function spans(
  linear: Word,
  size: number,
): readonly { readonly at: Word; readonly length: number }[] {
  const parts: { readonly at: Word; readonly length: number }[] = [];
  for (let done = 0; done < size;) {
    const at = after(linear, done);
    const length = Math.min(size - done, PAGE_BYTES - (at.low % PAGE_BYTES));
    parts.push({ at, length });
    done += length;
  }
  return parts;
}

/** [M2] The linear address of the arguments: 32 bits of it where the guest's numbers have so many. */
export const argumentOf = ({ argument, layout }: Hypercall): Hypercall['argument'] =>
  layout === 'native' ? argument : { low: argument.low, high: 0 };

/** The address so many bytes further on. */
export const after = (linear: Word, bytes: number): Word =>
  sum(linear, { low: bytes % 2 ** 32, high: Math.floor(bytes / 2 ** 32) });

/**
 * [M2] The page at a linear address, for a hypercall. The hypervisor asks as the kernel, whether or
 * not the address is canonical; it marks what it passes. Grant mappings hold no arguments, and those of
 * others no tables on the way there ([W5]).
 */
function pageAt(
  state: State,
  { caller, vcpu: id, as }: Caller,
  linear: Word,
  kind: Asked['kind'],
): { readonly page: PageId | undefined; readonly isDiscarding: boolean; readonly next: State } {
  const vcpu = vcpuOf(state, caller, id);
  const asked: Asked = { as, kind };
  const at = linearNumber(linear, modeOf(vcpu));
  const { walk, next: walked } = demandingWalk(state, caller, id, at, true);
  const found = judged(walk, vcpu, asked);
  if ('refusal' in found) return { page: undefined, isDiscarding: false, next: walked };
  const next = demanded(withMarks(walked, found, asked), caller, found.gfn);
  const domain = theDomain(next, caller);
  const entry = get(domain.p2m, found.gfn);
  const page = isGrant(entry) ? undefined : ownPageAt(next, domain, found.gfn);
  return { page, isDiscarding: entry?.type === 'ram_ro', next };
}

/**
 * [M2] The number in a field. Of 64 bits it is carried as `ALL_ONES` says: all ones are one value of
 * their own, and what no double holds is rounded, downwards from there.
 */
export function numberIn(bytes: readonly number[], [at, width]: Field): number {
  const { low, high } = wordIn(bytes, [at, width]);
  const value = high * 2 ** 32 + low;
  const isAllOnes = high === 0xffff_ffff && low === 0xffff_ffff;
  return value === 2 ** 64 && !isAllOnes ? 2 ** 64 - 2048 : value;
}

/** [M2] The bits in a field. */
export function wordIn(bytes: readonly number[], [at, width]: Field): Word {
  const half = (from: number): number =>
    [3, 2, 1, 0].reduce(
      (high, i) => high * 256 + (from + i < width ? the(bytes[at + from + i]) : 0),
      0,
    );
  return { low: half(0), high: half(4) };
}

/** [M3] The bytes of a structure with another number in a field: negative ones as the guest has them. */
export function withNumber(
  bytes: readonly number[],
  [at, width]: Field,
  value: number,
): readonly number[] {
  const next = [...bytes];
  const held = value === ALL_ONES ? -1 : value;
  for (let i = 0; i < width; i++) next[at + i] = Math.floor(held / 256 ** i) & 0xff;
  return next;
}
