import type { DomainId } from '../abi/ids.js';
import type { P2mType } from '../abi/observer.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { loadWord, storeWord } from '../values/content.js';
import { allOnes, joined, masked, without } from '../values/words.js';
import { get } from '../values/keyed.js';
import { isGrant, pageOf, theDomain, withContent } from './derived.js';
import type { Entry, PageId, State } from './state.js';

/** The parts of an access, page by page. */

/** The bytes of an access: from an offset of one page, and on into another where it crosses. */
export interface Place {
  readonly gfn: number;
  readonly offset: number;
  /** The page that follows, in the guest's eyes. */
  readonly nextGfn: number;
  /** 1..8 bytes */
  readonly size: number;
}

export const isPresent = (entry: Entry | undefined): boolean => entry !== undefined;
export const isRam = (entry: Entry | undefined): boolean => entry !== undefined && !isGrant(entry);
export const isWritable = (entry: Entry | undefined): boolean =>
  entry?.type === 'ram_rw' || entry?.type === 'grant_map_rw';

/** The emulator comes to readonly RAM, and to nothing that it does not know before. */
export const isDropped = (pieces: readonly Piece[]): boolean =>
  pieces.find(({ type }) => type !== 'ram_rw')?.type === 'ram_ro';

/** The part of an access that falls into one page; `skipped` bytes of the value come before it. */
export interface Piece {
  readonly gfn: number;
  readonly type: P2mType | undefined;
  /** The page that it reaches, if any. */
  readonly page: PageId | undefined;
  readonly offset: number;
  readonly size: number;
  readonly skipped: number;
}

export function piecesOf(
  state: State,
  caller: DomainId,
  { gfn, offset, nextGfn, size }: Place,
  isAllowed: (entry: Entry | undefined) => boolean,
): readonly Piece[] {
  const { p2m } = theDomain(state, caller);
  const first = get(p2m, gfn);
  const fitting = PAGE_BYTES - offset;
  const last = size <= fitting ? first : get(p2m, nextGfn);
  const reaches = isAllowed(first) && isAllowed(last) ? isPresent : isRam;
  const page = reaches(first) ? first?.page : undefined;
  const type = first?.type;
  if (size <= fitting) return [{ gfn, type, page, offset, size, skipped: 0 }];
  const next = reaches(last) ? last?.page : undefined;
  const rest = { offset: 0, size: size - fitting, skipped: fitting };
  return [
    { gfn, type, page, offset, size: fitting, skipped: 0 },
    { gfn: nextGfn, type: last?.type, page: next, ...rest },
  ];
}

/** The bytes that an access finds. */
export function valueOf(state: State, pieces: readonly Piece[]): Word {
  let value: Word = { low: 0, high: 0 };
  for (const { page, offset, size, skipped } of pieces) {
    const part =
      page === undefined
        ? masked(allOnes, size)
        : loadWord(pageOf(state, page).content, offset, size);
    value = skipped === 0 ? part : joined(value, part, skipped);
  }
  return value;
}

/** The state with the bytes stored that an access reaches, and that are not readonly RAM. */
export function withValue(state: State, pieces: readonly Piece[], value: Word): State {
  let next = state;
  for (const { type, page, offset, size, skipped } of pieces) {
    if (page === undefined || type === 'ram_ro') continue;
    const part = skipped === 0 ? value : without(value, skipped);
    next = withContent(next, page, storeWord(pageOf(next, page).content, offset, size, part));
  }
  return next;
}
