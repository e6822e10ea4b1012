import { PAGE_BYTES } from '../../abi/word.js';

/*
 * The one access pattern of all that is timed here: passes of so many loads of four bytes, each in
 * another page, another line of the host's first cache and another row of a TLB. Where pages are
 * many, a pass leaves some out between two loads and is else the same.
 */
export const LOADS = 248;
/** More rows than a pass has pages: every pass after the first hits. */
export const TLB_ENTRIES = 1024;
const LINE_BYTES = 64;

/** Between two loads that are in pages next to each other. */
export const NEXT_PAGE = PAGE_BYTES + LINE_BYTES;
/** Bytes that a pass over pages next to each other needs. */
export const SPAN_BYTES = 2 ** 20;

/** Each load finds its number; the sum of a pass says that nothing else was read. */
export const SUM_OF_PASS = (LOADS * (LOADS - 1)) / 2;

/** Where a pass begins and how far apart its loads are; no two passes share an address. */
export interface Pass {
  readonly first: number;
  readonly stride: number;
}
export const FEW_PAGES = 1000;
export const ALL_PAGES = 100_000;
export const passes = {
  near: { first: 0, stride: NEXT_PAGE },
  few: { first: 4, stride: strideOver(FEW_PAGES) },
  all: { first: 8, stride: strideOver(ALL_PAGES) },
} satisfies Readonly<Record<string, Pass>>;

/** Of a pass that is spread over so many pages. The factor is odd, so that no two share a row. */
function strideOver(pageCount: number): number {
  const pages = Math.floor((pageCount - LOADS / LINE_BYTES) / LOADS);
  return (pages % 2 === 0 ? pages - 1 : pages) * PAGE_BYTES + LINE_BYTES;
}
