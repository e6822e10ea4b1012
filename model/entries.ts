import * as abi from '../abi/grant-table.js';
import { DomainId, GrantRef } from '../abi/ids.js';
import type { Machine } from '../abi/machine.js';
import { halfAt, storeWord, wordAt } from '../values/content.js';
import { isWritten, pageOf, pinsOf, the, theDomain, withContent, type Claim } from './derived.js';
import type { Domain, PageId, State } from './state.js';

/** Grant entries, read from and written to the granter's own memory each time they matter. */

/** [G12] An entry as it reads now. The guest may have written anything. */
export interface GrantEntry {
  readonly flags: number;
  readonly domain: DomainId;
  readonly frame: number;
  /** Version 2 only: what the same bytes mean for a sub-page grant... */
  readonly offset: number;
  readonly length: number;
  /** ...and for a transitive one. */
  readonly viaDomain: DomainId;
  readonly viaRef: GrantRef;
}

/** Entries in one grant frame, in the version in force. */
export const entriesPerFrame = (machine: Machine, { grantVersion }: Domain): number =>
  grantVersion === 1 ? machine.refsPerFrame : machine.refsPerFrame / 2;

/** [G13] The refs a domain's table has, in the version in force. */
export const entryCount = (machine: Machine, domain: Domain): number =>
  domain.grantFrames.length * entriesPerFrame(machine, domain);

/** [G13] Status frames that go with so many grant frames in version 2. */
export const statusFramesFor = (machine: Machine, grantFrames: number): number =>
  Math.ceil((grantFrames * (machine.refsPerFrame / 2)) / machine.statusesPerFrame);

/** Where a row of a table is. */
export interface Place {
  readonly page: PageId;
  readonly offset: number;
}

export function entryPlace({ machine }: State, domain: Domain, ref: number): Place {
  const bytes = domain.grantVersion === 1 ? abi.V1_ENTRY_BYTES : abi.V2_ENTRY_BYTES;
  return placeOf(domain.grantFrames, ref, entriesPerFrame(machine, domain), bytes);
}

export const statusPlace = ({ machine }: State, { statusFrames }: Domain, ref: number): Place =>
  placeOf(statusFrames, ref, machine.statusesPerFrame, abi.STATUS_BYTES);

const placeOf = (
  frames: readonly PageId[],
  row: number,
  perFrame: number,
  bytes: number,
): Place => {
  return { page: the(frames[Math.floor(row / perFrame)]), offset: (row % perFrame) * bytes };
};

/** What is stored at a place: the low `size` bytes of a value. */
export const storeAt = (
  state: State,
  { page, offset }: Place,
  size: number,
  low: number,
  high = 0,
) => withContent(state, page, storeWord(pageOf(state, page).content, offset, size, { low, high }));

const halfOf = (state: State, { page, offset }: Place): number =>
  halfAt(pageOf(state, page).content, offset);

/** The entry of a ref within the table. */
export function entryAt(state: State, domain: Domain, ref: GrantRef): GrantEntry {
  const { page, offset } = entryPlace(state, domain, ref);
  const { content } = pageOf(state, page);
  const isV1 = domain.grantVersion === 1;
  const body = wordAt(content, (offset >>> 2) + 1);
  const low = isV1 ? body : wordAt(content, (offset >>> 2) + 2);
  const high = isV1 ? 0 : wordAt(content, (offset >>> 2) + 3);
  return {
    flags: halfAt(content, offset),
    domain: DomainId(halfAt(content, offset + 2)),
    frame: high * 2 ** 32 + low,
    offset: body & 0xffff,
    length: body >>> 16,
    viaDomain: DomainId(body & 0xffff),
    viaRef: GrantRef(low),
  };
}

/** Where the reading and writing bits live: with the flags in version 1, apart in version 2. */
const bitsPlace = (state: State, domain: Domain, ref: GrantRef): Place =>
  domain.grantVersion === 1 ? entryPlace(state, domain, ref) : statusPlace(state, domain, ref);

/** [G14] The status word of a ref in version 2; version 1 has none. */
export const statusOf = (state: State, domain: Domain, ref: GrantRef): number =>
  domain.grantVersion === 1 ? 0 : halfOf(state, statusPlace(state, domain, ref));

/** [G14] The entry says that it is in use: reading, and writing too unless it is used readonly. */
export function mark(state: State, granter: Domain, ref: GrantRef, readonly: boolean): State {
  const place = bitsPlace(state, granter, ref);
  const bits = abi.GTF_reading | (readonly ? 0 : abi.GTF_writing);
  return storeAt(state, place, 2, halfOf(state, place) | bits);
}

/**
 * [G14] A use of a grant has ended or failed, and `claims` are what a copy still has: reading is
 * cleared when nothing pins the entry, writing when nothing pins it for writing and the use that
 * ended was not readonly. Bits that are not cleared stay as the guest has them.
 */
export function unmark(
  state: State,
  granter: DomainId,
  ref: GrantRef,
  readonly: boolean,
  claims: readonly Claim[] = [],
): State {
  const place = bitsPlace(state, theDomain(state, granter), ref);
  const bits = halfOf(state, place);
  if ((bits & (abi.GTF_reading | abi.GTF_writing)) === 0) return state;
  const pins = pinsOf(state, granter, ref, claims);
  const reading = pins === undefined ? abi.GTF_reading : 0;
  const writing = !readonly && (pins === undefined || !isWritten(pins)) ? abi.GTF_writing : 0;
  return storeAt(state, place, 2, bits & ~(reading | writing));
}
