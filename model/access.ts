import { PFEC_I, PFEC_P } from '../abi/control.js';
import type { DomainId } from '../abi/ids.js';
import type { P2mType } from '../abi/observer.js';
import type { Reply } from '../abi/reply.js';
import type { Access, LinearAccess } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { loadWord, storeWord } from '../values/content.js';
import { allOnes, areEqual, joined, masked, sum, without } from '../values/words.js';
import { isGrant, ownPageAt, pageOf, theDomain, withContent } from './derived.js';
import { get } from '../values/keyed.js';
import { apicRegister } from './local-apic.js';
import { accept, crash, refuse, type Result } from './outcome.js';
import { crashDomain, isGrantMapping } from './pages.js';
import { isNested } from './registers.js';
import type { Entry, PageId, State } from './state.js';

/**
 * What a guest's access does to the pages it reaches (p2m.md 6, no device model).
 *
 * An access whose every page allows it is made directly. Any other is emulated, and the emulator
 * knows RAM only: a hole is to it like a grant mapping, all ones to read and nothing to write.
 */

/** The bytes of an access: from an offset of one page, and on into another where it crosses. */
export interface Place {
  readonly gfn: number;
  readonly offset: number;
  /** The page that follows, in the guest's eyes. */
  readonly nextGfn: number;
  /** 1..8 bytes */
  readonly size: number;
}

/** [A6] What an access does to the place it reaches; a fetch that finds nothing may have a page fault. */
export function accessed(
  state: State,
  made: PhysicalAccess | LinearAccess,
  place: Place,
  fault: Reply,
): Result {
  switch (made.op) {
    case 'load':
    case 'load_linear':
      return load(state, made.caller, place);
    case 'store':
    case 'store_linear':
      return store(state, made.caller, place, made.value);
    case 'cmpxchg':
    case 'cmpxchg_linear':
      return compareExchange(state, made.caller, place, made.expected, made.value);
    case 'xadd':
    case 'xadd_linear':
      return exchangeAdd(state, made.caller, place, made.value);
    case 'fetch':
    case 'fetch_linear':
      return fetch(state, made.caller, place, fault);
  }
}
type PhysicalAccess = Exclude<Access, { readonly op: 'crash' }>;

/** An access by guest-physical address, which a guest makes through an identity map. */
export function physicalAccess(state: State, made: PhysicalAccess): Result {
  const { address } = made;
  const register = apicRegister(state, made);
  if (register !== undefined) return accept({ is: 'value', value: register }, 'A1', state);
  const linear = { low: address % 2 ** 32, high: Math.floor(address / 2 ** 32) };
  const fault: Reply = { is: 'page_fault', code: PFEC_P | PFEC_I, linear };
  return accessed(state, made, physicalPlace(address, made.op === 'fetch' ? 8 : made.size), fault);
}

/** The place at a guest-physical address. */
function physicalPlace(address: number, size: number): Place {
  const gfn = Math.floor(address / PAGE_BYTES);
  return { gfn, offset: address - gfn * PAGE_BYTES, nextGfn: gfn + 1, size };
}

/** [A1] A load answers what is there, through grant mappings too; a hole is all ones. */
function load(state: State, caller: DomainId, place: Place): Result {
  const pieces = piecesOf(state, caller, place, isPresent);
  return accept({ is: 'value', value: valueOf(state, pieces) }, 'A1', state);
}

/**
 * [A2] A store to a hole, to readonly RAM or through a readonly grant mapping changes nothing and says
 * nothing. One that comes to readonly RAM after nothing but RAM is dropped as a whole.
 */
function store(state: State, caller: DomainId, place: Place, value: Word): Result {
  const pieces = piecesOf(state, caller, place, isWritable);
  if (isDropped(pieces)) return accept({ is: 'stored' }, 'A2', state);
  return accept({ is: 'stored' }, 'A2', withValue(state, pieces, value));
}

/**
 * [A3] An atomic compare and exchange answers the old value, and stores if it was the expected one.
 * Where it could not store it reads all ones, also where a plain load would see a readonly page; an
 * emulated one never stores.
 */
function compareExchange(
  state: State,
  caller: DomainId,
  place: Place,
  expected: Word,
  value: Word,
): Result {
  const pieces = piecesOf(state, caller, place, isWritable);
  const old = valueOf(state, pieces);
  const isDirect = pieces.every(({ page, type }) => page !== undefined && type !== 'ram_ro');
  const isStored = isDirect && areEqual(old, masked(expected, place.size));
  const next = isStored ? withValue(state, pieces, value) : state;
  return accept({ is: 'value', value: old }, 'A3', next);
}

/**
 * [A3] An atomic exchange and add answers the old value and stores the sum, on the same terms; but
 * an emulated one that spans two pages, neither of them RAM, faults. One that is dropped as a store
 * would be leaves the guest with its own addend.
 */
function exchangeAdd(state: State, caller: DomainId, place: Place, addend: Word): Result {
  const pieces = piecesOf(state, caller, place, isWritable);
  if (pieces.length > 1 && pieces.every(({ page }) => page === undefined))
    return refuse({ is: 'fault', vector: '#GP' }, 'A3.1');
  if (isDropped(pieces))
    return accept({ is: 'value', value: masked(addend, place.size) }, 'A3', state);

  // Nothing below this line can fail.
  const old = valueOf(state, pieces);
  const next = withValue(state, pieces, sum(old, addend));
  return accept({ is: 'value', value: old }, 'A3', next);
}

/**
 * [A4] A fetch from a hole faults. One from a grant mapping is fatal where nested hardware walks, for
 * there the mapping is not executable; elsewhere only the guest's own tables decide that.
 */
function fetch(state: State, caller: DomainId, place: Place, fault: Reply): Result {
  const domain = theDomain(state, caller);
  if (get(domain.p2m, place.gfn) === undefined)
    return isNested(state) ? refuse({ is: 'fault', vector: '#GP' }, 'A4.1') : refuse(fault, 'A4.3');
  if (isNested(state) && isGrantMapping(domain, place.gfn))
    return crash('A4.2', crashDomain(state, caller));

  // Nothing below this line can fail.
  const pieces = piecesOf(state, caller, place, isPresent);
  return accept({ is: 'value', value: valueOf(state, pieces) }, 'A4', state);
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
  const pieces = piecesOf(state, caller, physicalPlace(address, 8), isRam);
  const isUsable = ({ gfn, page }: Piece): boolean =>
    page !== undefined && ownPageAt(state, domain, gfn) !== undefined;
  const refused = pieces.findIndex((piece) => !isUsable(piece));
  const written = refused === -1 ? pieces : pieces.slice(0, refused);
  return { isWhole: refused === -1, next: withValue(state, written, value) };
}

const isPresent = (entry: Entry | undefined): boolean => entry !== undefined;
const isRam = (entry: Entry | undefined): boolean => entry !== undefined && !isGrant(entry);
const isWritable = (entry: Entry | undefined): boolean =>
  entry?.type === 'ram_rw' || entry?.type === 'grant_map_rw';

/** The emulator comes to readonly RAM, and to nothing that it does not know before. */
const isDropped = (pieces: readonly Piece[]): boolean =>
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

function piecesOf(
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
  return [
    { gfn, type, page, offset, size: fitting, skipped: 0 },
    {
      gfn: nextGfn,
      type: last?.type,
      page: next,
      offset: 0,
      size: size - fitting,
      skipped: fitting,
    },
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
