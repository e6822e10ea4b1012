import type { DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { CompareExchange, ExchangeAdd, Fetch, Load, Store } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { loadWord, storeWord } from './content.js';
import { ownPageAt, pageOf, theDomain, withContent } from './derived.js';
import { get } from './keyed.js';
import { accept, crash, refuse, type Outcome } from './outcome.js';
import { crashDomain, isGrantMapping } from './pages.js';
import type { Domain, Entry, State } from './state.js';

/**
 * Guest accesses by guest-physical address (p2m.md 6, no device model). An access that crosses the
 * end of a page is one access to each page.
 */

/** [A1] A load answers what is there, through grant mappings too; a hole is all ones. */
export function load(state: State, caller: DomainId, { address, size }: Load): Outcome<Reply> {
  const value = valueAt(state, theDomain(state, caller), address, size, isPresent);
  return accept({ is: 'value', value }, 'A1', state);
}

/** [A2] A store to a hole or through a readonly grant mapping changes nothing and says nothing. */
export function store(state: State, caller: DomainId, call: Store): Outcome<Reply> {
  const { address, size, value } = call;
  return accept({ is: 'stored' }, 'A2', withValue(state, caller, address, size, value));
}

/**
 * [A3] An atomic compare and exchange answers the old value, and stores if it was the expected one.
 * Where it could not store it reads all ones, also where a plain load would see a readonly page.
 */
export function compareExchange(
  state: State,
  caller: DomainId,
  { address, size, expected, value }: CompareExchange,
): Outcome<Reply> {
  const old = valueAt(state, theDomain(state, caller), address, size, isWritable);
  const { low, high } = masked(expected, size);
  const isEqual = old.low === low && old.high === high;
  const next = isEqual ? withValue(state, caller, address, size, value) : state;
  return accept({ is: 'value', value: old }, 'A3', next);
}

/** [A3] An atomic exchange and add answers the old value and stores the sum, on the same terms. */
export function exchangeAdd(state: State, caller: DomainId, call: ExchangeAdd): Outcome<Reply> {
  const { address, size, value } = call;
  const old = valueAt(state, theDomain(state, caller), address, size, isWritable);
  const carry = old.low + value.low > 0xffff_ffff ? 1 : 0;
  const sum = { low: (old.low + value.low) >>> 0, high: (old.high + value.high + carry) >>> 0 };
  return accept({ is: 'value', value: old }, 'A3', withValue(state, caller, address, size, sum));
}

/** [A4] A fetch from a hole faults; one from a grant mapping, which is never executable, is fatal. */
export function fetch(state: State, caller: DomainId, { address }: Fetch): Outcome<Reply> {
  const domain = theDomain(state, caller);
  const gfn = Math.floor(address / PAGE_BYTES);
  if (get(domain.p2m, gfn) === undefined) return refuse({ is: 'fault', vector: '#GP' }, 'A4.1');
  if (isGrantMapping(domain, gfn)) return crash('A4.2', crashDomain(state, caller));

  // Nothing below this line can fail.
  return accept({ is: 'value', value: valueAt(state, domain, address, 8, isPresent) }, 'A4', state);
}

/**
 * [A5] The hypervisor writes eight bytes of a result where a hypercall's argument says. Only the
 * caller's own RAM will do, not a grant mapping: there the writing ends, and fails.
 */
export function storeToBuffer(
  state: State,
  caller: DomainId,
  address: number,
  value: Word,
): { readonly isWhole: boolean; readonly next: State } {
  const domain = theDomain(state, caller);
  const pieces = piecesOf(address, 8);
  const refused = pieces.find(
    ({ gfn }) => isGrantMapping(domain, gfn) || ownPageAt(state, domain, gfn) === undefined,
  );
  const size = refused === undefined ? 8 : refused.skipped;
  const next = size === 0 ? state : withValue(state, caller, address, size, value);
  return { isWhole: refused === undefined, next };
}

const isPresent = (): boolean => true;
const isWritable = ({ type }: Entry): boolean => type !== 'grant_map_ro';

/** The part of an access that falls into one page; `skipped` bytes of the value come before it. */
interface Piece {
  readonly gfn: number;
  readonly offset: number;
  readonly size: number;
  readonly skipped: number;
}

function piecesOf(address: number, size: number): readonly Piece[] {
  const gfn = Math.floor(address / PAGE_BYTES);
  const offset = address - gfn * PAGE_BYTES;
  const first = Math.min(size, PAGE_BYTES - offset);
  const piece = { gfn, offset, size: first, skipped: 0 };
  if (first === size) return [piece];
  return [piece, { gfn: gfn + 1, offset: 0, size: size - first, skipped: first }];
}

/** The bytes at an address; all ones where there is no entry, or none that `isSeen`. */
function valueAt(
  state: State,
  { p2m }: Domain,
  address: number,
  size: number,
  isSeen: (entry: Entry) => boolean,
): Word {
  let value: Word = { low: 0, high: 0 };
  for (const piece of piecesOf(address, size)) {
    const entry = get(p2m, piece.gfn);
    const part =
      entry === undefined || !isSeen(entry)
        ? masked(allOnes, piece.size)
        : loadWord(pageOf(state, entry.page).content, piece.offset, piece.size);
    value = piece.skipped === 0 ? part : or(value, shifted(part, 8 * piece.skipped));
  }
  return value;
}

/** The state with the bytes stored, page by page, where they can be. */
function withValue(
  state: State,
  caller: DomainId,
  address: number,
  size: number,
  value: Word,
): State {
  const { p2m } = theDomain(state, caller);
  let next = state;
  for (const piece of piecesOf(address, size)) {
    const entry = get(p2m, piece.gfn);
    if (entry === undefined || !isWritable(entry)) continue;
    const part = piece.skipped === 0 ? value : shifted(value, -8 * piece.skipped);
    const { content } = pageOf(next, entry.page);
    next = withContent(next, entry.page, storeWord(content, piece.offset, piece.size, part));
  }
  return next;
}

const allOnes: Word = { low: 0xffff_ffff, high: 0xffff_ffff };

const or = (a: Word, b: Word): Word => {
  return { low: (a.low | b.low) >>> 0, high: (a.high | b.high) >>> 0 };
};

/** The low `size` bytes of a value. */
const masked = ({ low, high }: Word, size: number): Word => {
  const kept = (bytes: number): number => 2 ** (8 * Math.min(Math.max(bytes, 0), 4)) - 1;
  return { low: (low & kept(size)) >>> 0, high: (high & kept(size - 4)) >>> 0 };
};

/** A value moved up by so many bits, or down where they are negative. */
const shifted = ({ low, high }: Word, bits: number): Word => {
  const wide = (BigInt(high) << 32n) | BigInt(low);
  const moved = BigInt.asUintN(64, bits < 0 ? wide >> BigInt(-bits) : wide << BigInt(bits));
  return { low: Number(moved & 0xffff_ffffn), high: Number(moved >> 32n) };
};
