import { PAGE_BYTES, type Word } from '../abi/word.js';

/**
 * What a page holds, as a value: 4096 bytes in 32 runs of 32 little-endian 32-bit words. A run of
 * zeros is absent, so is a page of zeros; writing shares the runs that did not change.
 */
export type Content = readonly (Run | undefined)[] | undefined;
type Run = readonly number[];

const RUN_WORDS = 32;
const RUNS = PAGE_BYTES / 4 / RUN_WORDS;

export const zeros: Content = undefined;

/** The unsigned word with index 0..1023. */
export const wordAt = (content: Content, index: number): number =>
  content?.[index >>> 5]?.[index & 31] ?? 0;

/** The unsigned byte at an offset 0..4095. */
export const byteAt = (content: Content, offset: number): number =>
  (wordAt(content, offset >>> 2) >>> ((offset & 3) * 8)) & 0xff;

/** The unsigned 16-bit value at an even offset. */
export const halfAt = (content: Content, offset: number): number =>
  (wordAt(content, offset >>> 2) >>> ((offset & 2) * 8)) & 0xffff;

export function withWord(content: Content, index: number, value: number): Content {
  const runs: (Run | undefined)[] = (content ?? noRuns).slice();
  const run = (runs[index >>> 5] ?? noWords).slice();
  run[index & 31] = value >>> 0;
  runs[index >>> 5] = run;
  return runs;
}

export function withHalf(content: Content, offset: number, value: number): Content {
  const shift = (offset & 2) * 8;
  const kept = wordAt(content, offset >>> 2) & ~(0xffff << shift);
  return withWord(content, offset >>> 2, kept | ((value & 0xffff) << shift));
}

export function withByte(content: Content, offset: number, value: number): Content {
  const shift = (offset & 3) * 8;
  const kept = wordAt(content, offset >>> 2) & ~(0xff << shift);
  return withWord(content, offset >>> 2, kept | ((value & 0xff) << shift));
}

/** `size` bytes (1..8) from an offset; none lies beyond the page. */
export function loadWord(content: Content, offset: number, size: number): Word {
  if ((offset & 3) === 0 && size === 8)
    return { low: wordAt(content, offset >>> 2), high: wordAt(content, (offset >>> 2) + 1) };
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i++) {
    const byte = byteAt(content, offset + i);
    if (i < 4) low |= byte << (8 * i);
    else high |= byte << (8 * (i - 4));
  }
  return { low: low >>> 0, high: high >>> 0 };
}

/** The content after storing the low `size` bytes (1..8) of a value; none lies beyond the page. */
export function storeWord(content: Content, offset: number, size: number, value: Word): Content {
  if ((offset & 3) === 0 && size === 8)
    return withWord(withWord(content, offset >>> 2, value.low), (offset >>> 2) + 1, value.high);
  let next = content;
  for (let i = 0; i < size; i++)
    next = withByte(next, offset + i, i < 4 ? value.low >>> (8 * i) : value.high >>> (8 * (i - 4)));
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
  let size = 8;
  for (let at = 0; at < length; at += size) {
    size = length - at >= 8 ? 8 : 1;
    const unit = loadWord(source === 'itself' ? next : source, sourceOffset + at, size);
    next = storeWord(next, targetOffset + at, size, unit);
  }
  return next;
}

const noWords: Run = Array.from({ length: RUN_WORDS }, () => 0);
const noRuns: readonly undefined[] = Array.from({ length: RUNS }, () => undefined);
