import { PAGE_BYTES, type Word } from '../abi/word.js';

/**
 * What a page holds, as a value: 4096 bytes in 32 runs of 32 little-endian 32-bit words. A run of
 * zeros is absent, so is a page of zeros; writing shares the runs that did not change.
 */
export type Content = readonly (Run | undefined)[] | undefined;
type Run = readonly number[];

export const zeros: Content = undefined;

/** The unsigned word with index 0..1023. */
export const wordAt = (content: Content, index: number): number =>
  content?.[index >>> 5]?.[index & 31] ?? 0;

/** The unsigned 16-bit value at an even offset. */
export const halfAt = (content: Content, offset: number): number =>
  (wordAt(content, offset >>> 2) >>> ((offset & 2) * 8)) & 0xffff;

export function withWord(content: Content, index: number, value: number): Content {
  const [runs, run] = openedAt(content, index);
  run[index & 31] = value >>> 0;
  return runs;
}

/** A copy of the content that may be written to, in the run of a word only, and that run. */
function openedAt(content: Content, index: number): [(Run | undefined)[], number[]] {
  const runs: (Run | undefined)[] = (content ?? noRuns).slice();
  const run = (runs[index >>> 5] ?? noWords).slice();
  runs[index >>> 5] = run;
  return [runs, run];
}

const withBits = (content: Content, offset: number, mask: number, value: number): Content => {
  const shift = (offset & 3) * 8;
  const kept = wordAt(content, offset >>> 2) & ~(mask << shift);
  return withWord(content, offset >>> 2, kept | ((value & mask) << shift));
};

/** Whether two pages hold the same bytes. */
export const isSameContent = (a: Content, b: Content): boolean =>
  a === b ||
  noRuns.every((_, run) => {
    const [one, other] = [a?.[run] ?? noWords, b?.[run] ?? noWords];
    return one === other || one.every((word, i) => word === other[i]);
  });

/** `size` bytes (1..8) from an offset; none lies beyond the page. */
export function loadWord(content: Content, offset: number, size: number): Word {
  if ((offset & 3) === 0 && size === 8)
    return { low: wordAt(content, offset >>> 2), high: wordAt(content, (offset >>> 2) + 1) };
  const bytes = [0, 0];
  for (let i = 0; i < size; i++) {
    const byte = (wordAt(content, (offset + i) >>> 2) >>> (((offset + i) & 3) * 8)) & 0xff;
    bytes[i >>> 2] = ((bytes[i >>> 2] ?? 0) | (byte << (8 * (i & 3)))) >>> 0;
  }
  return { low: bytes[0] ?? 0, high: bytes[1] ?? 0 };
}

/** The content after storing the low `size` bytes (1..8) of a value; none lies beyond the page. */
export function storeWord(content: Content, offset: number, size: number, value: Word): Content {
  if ((offset & 7) === 0 && size === 8) {
    const [runs, run] = openedAt(content, offset >>> 2);
    run[(offset >>> 2) & 31] = value.low >>> 0;
    run[((offset >>> 2) & 31) + 1] = value.high >>> 0;
    return runs;
  }
  if ((offset & 1) === 0 && size === 2) return withBits(content, offset, 0xffff, value.low);
  let next = content;
  for (let i = 0; i < size; i++)
    next = withBits(next, offset + i, 0xff, (i < 4 ? value.low : value.high) >>> (8 * (i & 3)));
  return next;
}

/**
 * `target` after a copy of `length` bytes out of `source`, forward in units of eight bytes and then
 * single bytes, as the processor's string move does; within one page (`source` is 'itself')
 * overlapping ranges show that order.
 */
export function copied(
  source: Content | 'itself',
  sourceOffset: number,
  target: Content,
  targetOffset: number,
  length: number,
): Content {
  if (length === PAGE_BYTES) return source === 'itself' ? target : source;
  let next = target;
  for (let at = 0, size = 8; at < length; at += size) {
    if (length - at < 8) size = 1;
    const unit = loadWord(source === 'itself' ? next : source, sourceOffset + at, size);
    next = storeWord(next, targetOffset + at, size, unit);
  }
  return next;
}

const noWords: Run = Array.from({ length: 32 }, () => 0);
const noRuns: readonly undefined[] = Array.from({ length: 32 }, () => undefined);
