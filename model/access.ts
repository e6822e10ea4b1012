import { PFEC_I, PFEC_P } from '../abi/control.js';
import type { DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { Access, LinearAccess } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { areEqual, masked, sum } from '../values/words.js';
import { ownPageAt, theDomain } from './derived.js';
import { get } from '../values/keyed.js';
import { apicRegister } from './local-apic.js';
import { accept, crash, refuse, type Result } from './outcome.js';
import { crashDomain, isGrantMapping } from './pages.js';
import { allDemanded, demanded } from './on-demand.js';
import { outOfPages } from './demand-target.js';
import { isDropped, isPresent, isRam, isWritable, piecesOf, valueOf, withValue } from './pieces.js';
import type { Piece, Place } from './pieces.js';
import { isNested } from './registers.js';
import type { State } from './state.js';

/**
 * What a guest's access does to the pages it reaches (p2m.md 6, no device model).
 *
 * An access whose every page allows it is made directly. Any other is emulated, and the emulator
 * knows RAM only: a hole is to it like a grant mapping, all ones to read and nothing to write.
 */

/** [A6] What an access does to the place it reaches; a fetch that finds nothing may have a page fault. */
export function accessed(
  before: State,
  made: PhysicalAccess | LinearAccess,
  place: Place,
  fault: Reply,
): Result {
  const state = allDemanded(before, made.caller, asked(before, made, place));
  if (theDomain(state, made.caller).crashed) return outOfPages(state);
  const result = done(state, made, place, fault);
  return state === before || result.next !== undefined ? result : { ...result, next: state };
}

function done(
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

/** [P15] The gfns that an access asks for: a store that is dropped at its first page asks for no other. */
function asked(
  state: State,
  { op, caller }: PhysicalAccess | LinearAccess,
  { gfn, offset, nextGfn, size }: Place,
): readonly number[] {
  const isStore = op === 'store' || op === 'store_linear';
  const isEnded = isStore && get(theDomain(state, caller).p2m, gfn)?.type === 'ram_ro';
  return offset + size <= PAGE_BYTES || isEnded ? [gfn] : [gfn, nextGfn];
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
  before: State,
  caller: DomainId,
  address: number,
  value: Word,
): { readonly isWhole: boolean; readonly next: State } {
  const place = physicalPlace(address, 8);
  let state = demanded(before, caller, place.gfn);
  const first = get(theDomain(state, caller).p2m, place.gfn);
  if (place.offset + 8 > PAGE_BYTES && isRam(first)) state = demanded(state, caller, place.nextGfn);
  const domain = theDomain(state, caller);
  const pieces = piecesOf(state, caller, place, isRam);
  const isUsable = ({ gfn, page }: Piece): boolean =>
    page !== undefined && ownPageAt(state, domain, gfn) !== undefined;
  const refused = pieces.findIndex((piece) => !isUsable(piece));
  const written = refused === -1 ? pieces : pieces.slice(0, refused);
  return { isWhole: refused === -1, next: withValue(state, written, value) };
}
