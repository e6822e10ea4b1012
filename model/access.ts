import type { DomainId } from '../abi/ids.js';
import type { Reply } from '../abi/reply.js';
import type { CompareExchange, ExchangeAdd, Fetch, Load, Store } from '../abi/step.js';
import { PAGE_BYTES, type Word } from '../abi/word.js';
import { byteAt, loadWord, storeWord, withByte } from './content.js';
import { ownPageAt, pageOf, withContent } from './derived.js';
import { get } from './keyed.js';
import { accept, crash, refuse, type Outcome } from './outcome.js';
import { crashDomain } from './pages.js';
import type { Domain, Entry, State } from './state.js';

/**
 * Guest accesses by guest-physical address (p2m.md 6, no device model). An access that crosses the
 * end of a page is one access to each page.
 */

/** [A1] A load answers what is there, through grant mappings too; a hole is all ones. */
export function load(state: State, caller: DomainId, { address, size }: Load): Outcome<Reply> {
  const domain = get(state.domains, caller) as Domain;
  return accept({ is: 'value', value: valueAt(state, domain, address, size, isPresent) }, 'A1', state);
}

/** [A2] A store to a hole or through a readonly grant mapping changes nothing and says nothing. */
export function store(state: State, caller: DomainId, call: Store): Outcome<Reply> {
  const domain = get(state.domains, caller) as Domain;
  const next = withValue(state, domain, call.address, call.size, call.value);
  return accept({ is: 'stored' }, 'A2', next);
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
  const domain = get(state.domains, caller) as Domain;
  const old = valueAt(state, domain, address, size, isWritable);
  const wanted = masked(expected, size);
  const isEqual = old.low === wanted.low && old.high === wanted.high;
  const next = isEqual ? withValue(state, domain, address, size, value) : state;
  return accept({ is: 'value', value: old }, 'A3', next);
}

/** [A3] An atomic exchange and add answers the old value and stores the sum, on the same terms. */
export function exchangeAdd(
  state: State,
  caller: DomainId,
  { address, size, value }: ExchangeAdd,
): Outcome<Reply> {
  const domain = get(state.domains, caller) as Domain;
  const old = valueAt(state, domain, address, size, isWritable);
  const next = withValue(state, domain, address, size, sum(old, value));
  return accept({ is: 'value', value: old }, 'A3', next);
}

/** [A4] A fetch from a hole faults; one from a grant mapping, which is never executable, is fatal. */
export function fetch(state: State, caller: DomainId, { address }: Fetch): Outcome<Reply> {
  const domain = get(state.domains, caller) as Domain;
  const entry = get(domain.p2m, Math.floor(address / PAGE_BYTES));
  if (entry === undefined) return refuse({ is: 'fault', vector: '#GP' }, 'A4.1');
  if (entry.type !== 'ram_rw') return crash('A4.2', crashDomain(state, caller));

  // Nothing below this line can fail.
  return accept({ is: 'value', value: valueAt(state, domain, address, 8, isPresent) }, 'A4', state);
}

/**
 * [A5] The hypervisor writes a result where a hypercall's argument says. Only the caller's own
 * memory will do, not a grant mapping; undefined where it cannot be written.
 */
export function storeToBuffer(
  state: State,
  caller: DomainId,
  address: number,
  size: number,
  value: Word,
): State | undefined {
  const domain = get(state.domains, caller) as Domain;
  const first = Math.floor(address / PAGE_BYTES);
  const last = Math.floor((address + size - 1) / PAGE_BYTES);
  let next = state;
  for (let gfn = first; gfn <= last; gfn++) {
    if (!isBuffer(state, domain, gfn)) return undefined;
    next = withBytes(next, domain, gfn, address, size, value);
  }
  return next;
}

const isBuffer = (state: State, domain: Domain, gfn: number): boolean =>
  get(domain.p2m, gfn)?.type === 'ram_rw' && ownPageAt(state, domain, gfn) !== undefined;

const isPresent = (): boolean => true;
const isWritable = ({ type }: Entry): boolean => type !== 'grant_map_ro';

/** The bytes at an address; all ones where there is no entry, or none that `isSeen`. */
function valueAt(
  state: State,
  domain: Domain,
  address: number,
  size: number,
  isSeen: (entry: Entry) => boolean,
): Word {
  const offset = address % PAGE_BYTES;
  if (offset + size <= PAGE_BYTES) {
    const entry = get(domain.p2m, Math.floor(address / PAGE_BYTES));
    return entry === undefined || !isSeen(entry)
      ? masked(allOnes, size)
      : loadWord(pageOf(state, entry.page).content, offset, size);
  }
  let low = 0;
  let high = 0;
  for (let i = 0; i < size; i++) {
    const entry = get(domain.p2m, Math.floor((address + i) / PAGE_BYTES));
    const byte =
      entry === undefined || !isSeen(entry)
        ? 0xff
        : byteAt(pageOf(state, entry.page).content, (address + i) % PAGE_BYTES);
    if (i < 4) low |= byte << (8 * i);
    else high |= byte << (8 * (i - 4));
  }
  return { low: low >>> 0, high: high >>> 0 };
}

/** The state with the bytes stored, page by page, where they can be. */
function withValue(state: State, domain: Domain, address: number, size: number, value: Word): State {
  const first = Math.floor(address / PAGE_BYTES);
  const last = Math.floor((address + size - 1) / PAGE_BYTES);
  let next = state;
  for (let gfn = first; gfn <= last; gfn++) {
    const entry = get(domain.p2m, gfn);
    if (entry !== undefined && isWritable(entry))
      next = withBytes(next, domain, gfn, address, size, value);
  }
  return next;
}

/** The bytes of a value that fall into one page, stored there. */
function withBytes(
  state: State,
  domain: Domain,
  gfn: number,
  address: number,
  size: number,
  value: Word,
): State {
  const { page } = get(domain.p2m, gfn) as Entry;
  const offset = address - gfn * PAGE_BYTES;
  let { content } = pageOf(state, page);
  if (offset >= 0 && offset + size <= PAGE_BYTES) content = storeWord(content, offset, size, value);
  else
    for (let i = Math.max(0, -offset); i < size && offset + i < PAGE_BYTES; i++)
      content = withByte(
        content,
        offset + i,
        i < 4 ? value.low >>> (8 * i) : value.high >>> (8 * (i - 4)),
      );
  return withContent(state, page, content);
}

const allOnes: Word = { low: 0xffff_ffff, high: 0xffff_ffff };

/** The low `size` bytes of a value. */
function masked({ low, high }: Word, size: number): Word {
  const bits = (bytes: number): number => (bytes >= 4 ? 0xffff_ffff : 2 ** (8 * bytes) - 1);
  return { low: (low & bits(size)) >>> 0, high: size <= 4 ? 0 : (high & bits(size - 4)) >>> 0 };
}

function sum(a: Word, b: Word): Word {
  const low = a.low + b.low;
  return { low: low >>> 0, high: (a.high + b.high + (low > 0xffff_ffff ? 1 : 0)) >>> 0 };
}
